import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import type { Environment } from '../../src/config.js';
import { compileCache } from './compile-cache.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Ran {
  readonly code: number | null;
  /** Standard output. */
  readonly printed: string;
  /** Standard error. */
  readonly said: string;
}

/**
 * Runs `npm run admin -- …` in its own process without a terminal. It inherits only PATH from the tests' environment: settings
 * come from the test.
 * @param input its standard input
 */
export async function runAdmin(settings: Environment, words: readonly string[], input = ''): Promise<Ran> {
  return runCommand([process.execPath, 'dist/admin.js', ...words], settings, input);
}

/** Runs any command in the same way. */
export async function runCommand(
  [command, ...words]: readonly [string, ...string[]],
  settings: Environment,
  input = '',
): Promise<Ran> {
  const child = spawn(command, words, {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], ...compileCache, ...settings },
  });
  child.stdin.end(input);
  const ended = once(child, 'close');
  const [printed, said] = await Promise.all([text(child.stdout), text(child.stderr)]);
  await ended;
  return { code: child.exitCode, printed, said };
}
