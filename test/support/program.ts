import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileCache } from './compile-cache.js';
import { fillDataDirectory } from './migrated-database.js';
import { keepFreeOfSecrets, noteSecrets } from './secrets/suite-secrets.js';
import { secretsInSettings } from './secrets/secrets-in.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Program {
  /** Its URL. */
  readonly url: string;
  readonly pid: number;
  /** Everything that it has written so far. */
  output(): string;
  /** Resolves once its output matches. @throws when it ends before */
  wrote(pattern: RegExp): Promise<void>;
  kill(signal: NodeJS.Signals): void;
  readonly exited: Promise<Ended>;
}

export type ProgramEnvironment = Readonly<Record<string, string | undefined>>;

/** Settings of a program, until its test sets others: a port that is free, no pause at the end, and no refusal because the machine is busy. */
export const TEST_DEFAULTS = { PORT: '0', HOST: '127.0.0.1', DRAIN_SECONDS: '0', MAX_EVENT_LOOP_LAG_MS: '1000000' };

/** The only variables that the program inherits from the tests' environment: settings come from the test. */
const PASSED_ON = ['PATH', 'HOME', 'TMPDIR'] as const;

const programs = new Set<Program>();

/**
 * The service as an operator starts it, compiled before the tests, in a process of its own, on a free port of 127.0.0.1.
 * @param launcher a command that runs the one that follows it in its own process, such as one that sets limits
 * @param folder where its `dist/` is, of another build than this one
 * @throws with its output when it ends before it listens
 */
export async function startProgram(
  environment: ProgramEnvironment,
  launcher: readonly string[] = [],
  folder = ROOT,
): Promise<Program> {
  const program = run(environment, launcher, folder);
  await program.wrote(/listens on http/);
  const url = /listens on (http:\/\/[^"\s]+)/.exec(program.output())?.[1];
  if (url === undefined) throw new Error(program.output());
  return { ...program, url };
}

/** Starts a program that is expected to fail. @returns how it ended, and its output */
export async function startInVain(environment: ProgramEnvironment): Promise<Ended & { readonly output: string }> {
  const program = run(environment);
  return { ...(await program.exited), output: program.output() };
}

/** Kills every program that a test left running. For `afterEach`. */
export async function killPrograms(): Promise<void> {
  for (const program of programs) program.kill('SIGKILL');
  await Promise.all([...programs].map(({ exited }) => exited));
}

/** Runs `work` with a temporary directory. */
export async function withDataDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'flynkle-program-'));
  try {
    await work(directory);
  } finally {
    await killPrograms();
    await rm(directory, { recursive: true, force: true });
  }
}

/** The same, with an empty database in the directory, as a service leaves it: without the seconds that a first start takes. */
export function withDatabaseDirectory(work: (directory: string) => Promise<void>): Promise<void> {
  return withDataDirectory(async (directory) => {
    await fillDataDirectory(directory);
    await work(directory);
  });
}

function run(environment: ProgramEnvironment, launcher: readonly string[] = [], folder = ROOT): Program {
  const inherited = Object.fromEntries(PASSED_ON.map((name) => [name, process.env[name]]));
  const [command, ...args] = [...launcher, process.execPath, 'dist/main.js'];
  const child = spawn(command, args, {
    cwd: folder,
    env: { ...inherited, ...compileCache, ...TEST_DEFAULTS, ...environment },
  });
  let output = '';
  noteSecrets(secretsInSettings(environment));
  keepFreeOfSecrets(() => output);
  const changes = new EventTarget();
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      output += text;
      changes.dispatchEvent(new Event('change'));
    });
  }
  let isOver = false;
  const exited = once(child, 'close').then((): Ended => {
    isOver = true;
    programs.delete(program);
    changes.dispatchEvent(new Event('change'));
    return { code: child.exitCode, signal: child.signalCode };
  });
  if (child.pid === undefined) throw new Error('The program could not be started');
  const program: Program = {
    url: '',
    pid: child.pid,
    output: () => output,
    wrote: async (pattern) => {
      while (!pattern.test(output)) {
        if (isOver) throw new Error(`The program ended without writing ${String(pattern)}:\n${output}`);
        await new Promise((resolve) => {
          changes.addEventListener('change', resolve, { once: true });
        });
      }
    },
    kill: (signal) => {
      child.kill(signal);
    },
    exited,
  };
  programs.add(program);
  return program;
}
