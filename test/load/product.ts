import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { freePort } from '../support/free-port.js';
import { SECRET_KEY, TOKEN_MINUTES } from './data.js';
import type { Target } from './generator.js';
import { killAtEnd, removeAtEnd } from './leave-nothing.js';
import { SERVER_CORE } from './machine.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Server extends Target {
  /** Milliseconds from its start to its first answer. */
  readonly startMs: number;
  /** Everything that it wrote. */
  output(): Promise<string>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

export interface ServerOptions {
  /** What Node runs, and its arguments. */
  readonly command: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** What the first answer is asked for. */
  readonly path: string;
}

/** Without limits that a measurement would meet. */
const LIMITS = { daily_messages: 2_000_000_000, daily_tokens: 2_000_000_000, max_conversations: 2_000_000_000 };
export const PRODUCTION = {
  NODE_ENV: 'production',
  SECRET_KEY,
  ACCESS_TOKEN_EXPIRE_MINUTES: String(TOKEN_MINUTES),
  DRAIN_SECONDS: '0',
  RATE_LIMIT_MESSAGE: '999999/1',
  RATE_LIMIT_CHAT: '999999/1',
  RATE_LIMIT_SIGN_UP: '999999/1',
  PLANS: JSON.stringify({ free: { price: 0, ...LIMITS, max_file_uploads: 0 } }),
};

/** A server on the core that is measured, in a process that writes its log to a file, as under a supervisor. */
export async function startServer({ command, environment, path }: ServerOptions): Promise<Server> {
  const folder = await mkdtemp(join(tmpdir(), 'flynkle-bench-'));
  const log = await open(join(folder, 'log'), 'w');
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const [launcher, ...args] = SERVER_CORE;
  const begun = performance.now();
  const child = spawn(launcher, [...args, process.execPath, ...command], {
    cwd: ROOT,
    env: {
      PATH: process.env['PATH'],
      PORT: String(port),
      HOST: '127.0.0.1',
      DATA_DIR: join(folder, 'data'),
      ...environment,
    },
    stdio: ['ignore', log.fd, log.fd],
  });
  const forget = [killAtEnd(child.pid), removeAtEnd(folder)];
  const output = () => readFile(join(folder, 'log'), 'utf8');
  const stop = async (signal: NodeJS.Signals = 'SIGKILL') => {
    await end(child, signal);
    await log.close();
    await rm(folder, { recursive: true, force: true });
    for (const end of forget) end();
  };
  try {
    while (!(await answers(url + path))) {
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(await output());
      await delay(5);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { url, pid: child.pid ?? 0, startMs: performance.now() - begun, output, stop };
}

export interface ProductOptions {
  /** The embedded database where it is left out. */
  readonly databaseUrl?: string;
  /** Arguments of Node. */
  readonly flags?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

/** As the image and the unit of systemd set it. */
const MEMORY = { MALLOC_ARENA_MAX: '2', MALLOC_MMAP_THRESHOLD_: '262144' };

/** The service as an operator runs it in production, without Redis. */
export function startProduct({ databaseUrl, flags = [], environment }: ProductOptions): Promise<Server> {
  return startServer({
    command: [...flags, 'dist/main.js'],
    path: '/health/ready',
    environment: { ...PRODUCTION, ...MEMORY, DATABASE_URL: databaseUrl, ...environment },
  });
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

function answers(url: string): Promise<boolean> {
  return fetch(url).then(
    async (response) => {
      await response.arrayBuffer();
      return response.ok;
    },
    () => false,
  );
}
