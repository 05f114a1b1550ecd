import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { compileCache } from './compile-cache.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Child {
  readonly process: ChildProcessWithoutNullStreams;
  /** The parsed JSON lines that the process writes; ends with its output. */
  readonly reports: AsyncIterableIterator<unknown>;
  /** Resolves with how the process ended and what it wrote to its error output. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; errors: string }>;
}

/** Runs a TypeScript file of `test/support` in a process of its own. */
export function startChild(
  file: string,
  args: readonly string[],
  environment: Readonly<Record<string, string>>,
): Child {
  const child = spawn(process.execPath, ['--import', 'tsx', `test/support/${file}`, ...args], {
    cwd: ROOT,
    env: { ...process.env, ...compileCache, ...environment },
  });
  let errors = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  const ended = once(child, 'close').then(() => ({ code: child.exitCode, signal: child.signalCode, errors }));
  return { process: child, reports: reportsOf(child), ended };
}

async function* reportsOf(child: ChildProcessWithoutNullStreams): AsyncIterableIterator<unknown> {
  for await (const line of createInterface({ input: child.stdout })) yield JSON.parse(line);
}
