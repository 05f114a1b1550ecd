import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { Request } from './calls.js';
import { OTHER_CORE, usageOf } from './machine.js';

export interface Target {
  readonly url: string;
  readonly pid: number;
}

export interface Measured {
  readonly requests: number;
  readonly perSecond: number;
  /** CPU time of the server for a request, in microseconds. */
  readonly cpuUs: number;
  /** The share of a core that it took. */
  readonly busy: number;
  /** Milliseconds. */
  readonly p50: number;
  readonly p99: number;
}

const MILLISECONDS = { us: 0.001, ms: 1, s: 1_000 } as const;

const quoted = (value: string) => `[==[${value}]==]`;

/** A program for wrk that sends the requests in turn. */
export async function writeScript(folder: string, name: string, requests: readonly Request[]): Promise<string> {
  const lines = requests.map(({ method, path, token, body }) => {
    const type = body === undefined ? '' : ', ["content-type"] = "application/json"';
    return `wrk.format("${method}", ${quoted(path)}, { authorization = ${quoted(`Bearer ${token}`)}${type} }, ${
      body === undefined ? 'nil' : quoted(body)
    })`;
  });
  const file = join(folder, `${name}.lua`);
  await writeFile(
    file,
    `local all\nlocal at = 0\ninit = function()\n  all = {\n${lines.join(',\n')}\n}\nend\n` +
      'request = function()\n  at = at % #all + 1\n  return all[at]\nend\n',
  );
  return file;
}

/** @throws when any answer is not a success */
export async function load(
  { url, pid }: Target,
  script: string,
  { seconds, connections = 16 }: { readonly seconds: number; readonly connections?: number },
): Promise<Measured> {
  const [command, ...rest] = OTHER_CORE;
  const before = await usageOf(pid);
  const begun = performance.now();
  const wrk = spawn(
    command,
    [...rest, 'wrk', '-t1', `-c${connections}`, `-d${seconds}s`, '--timeout', '20s', '--latency', '-s', script, url],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const [output, errors] = await Promise.all([text(wrk.stdout), text(wrk.stderr), once(wrk, 'close')]);
  const elapsed = performance.now() - begun;
  const { cpuMs } = await usageOf(pid);
  const bad = /(Non-2xx|Socket errors)[^\n]*/.exec(output)?.[0] ?? (wrk.exitCode === 0 ? undefined : errors);
  if (bad !== undefined) throw new Error(`${script}: ${bad}`);
  const requests = Number(/(\d+) requests in/.exec(output)?.[1]);
  const latency = (part: number) => {
    const [, value, unit] = new RegExp(`${part}%\\s+([\\d.]+)(us|ms|s)\\n`).exec(output) ?? [];
    return Number(value) * MILLISECONDS[unit as keyof typeof MILLISECONDS];
  };
  return {
    requests,
    perSecond: Number(/Requests\/sec:\s+([\d.]+)/.exec(output)?.[1]),
    cpuUs: ((cpuMs - before.cpuMs) * 1_000) / requests,
    busy: (cpuMs - before.cpuMs) / elapsed,
    p50: latency(50),
    p99: latency(99),
  };
}
