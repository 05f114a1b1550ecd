import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { appendFile, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';

/** A PostgreSQL server of a test's own, which it may stop, freeze and replace. */
export interface PostgresServer {
  readonly port: number;
  readonly url: string;
  /** The id of its first process, whose children the others are. */
  readonly pid: number | undefined;
  /** Ends it at once, as a crash does. */
  crash(): Promise<void>;
  /** Starts it again on its data. */
  start(): Promise<void>;
  /** Stops all of its processes where they are. */
  freeze(): void;
  thaw(): void;
  /** A standby, which has replicated all by now. */
  replicate(): Promise<PostgresServer>;
  /** From now on, answers a commit when the standby has it, too. */
  replicateSynchronously(): Promise<void>;
  /** Makes a standby take writes. */
  promote(): Promise<void>;
  remove(): Promise<void>;
  /** The same at once, for the end of a process that can wait for nothing. */
  removeNow(): void;
}

/** Debian keeps the server's programs out of PATH, in a folder per version. */
function findBinaries(): string | undefined {
  const versions = '/usr/lib/postgresql';
  const folders = existsSync(versions) ? readdirSync(versions).map((version) => join(versions, version, 'bin')) : [];
  return [...folders, ...(process.env['PATH'] ?? '').split(':')].find((folder) => existsSync(join(folder, 'initdb')));
}

export const postgresBinaries = findBinaries();

const SETTINGS = `
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
fsync = off
max_connections = 40
shared_buffers = 16MB
`;

interface User {
  readonly uid?: number;
  readonly gid?: number;
}

/** PostgreSQL refuses to run as root. */
function serverUser(): User {
  if (process.getuid?.() !== 0) return {};
  const number = (flag: string) => Number(spawnSync('id', [flag, 'postgres']).stdout.toString());
  return { uid: number('-u'), gid: number('-g') };
}

export interface PostgresOptions {
  /** Lines of postgresql.conf, after the usual ones. */
  readonly settings?: string;
  /** A command that runs the one that follows it in its own process. */
  readonly launcher?: readonly string[];
}

export async function startPostgres({ settings = '', launcher = [] }: PostgresOptions = {}): Promise<PostgresServer> {
  const directory = await makeDirectory();
  run('initdb', ['--pgdata', join(directory, 'data'), '--username=postgres', '--auth=trust', '--no-sync']);
  const server = new Server(directory, await freePort(), launcher);
  await appendFile(join(directory, 'data', 'postgresql.conf'), SETTINGS + settings);
  await server.start();
  return server;
}

class Server implements PostgresServer {
  readonly url: string;
  #process: ChildProcess | undefined;

  constructor(
    private readonly directory: string,
    readonly port: number,
    private readonly launcher: readonly string[],
  ) {
    this.url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  async start(): Promise<void> {
    const line = [...this.launcher, program('postgres'), '-D', this.#data, '-p', String(this.port)];
    const [command = '', ...args] = line;
    this.#process = spawn(command, args, { ...serverUser(), cwd: this.directory, stdio: 'ignore' });
    await eventually(() => this.#answers(), Boolean);
  }

  async crash(): Promise<void> {
    if (this.#process === undefined) return;
    const exited = once(this.#process, 'exit');
    this.thaw();
    // Immediate shutdown: the processes end at once, without a checkpoint.
    this.#process.kill('SIGQUIT');
    await exited;
    this.#process = undefined;
  }

  freeze(): void {
    this.#signalAll('SIGSTOP');
  }

  thaw(): void {
    this.#signalAll('SIGCONT');
  }

  async replicate(): Promise<PostgresServer> {
    const directory = await makeDirectory();
    const standby = new Server(directory, await freePort(), this.launcher);
    run('pg_basebackup', [
      '-d',
      this.url,
      '-D',
      join(directory, 'data'),
      '-R',
      '-X',
      'stream',
      '-c',
      'fast',
      '--no-sync',
    ]);
    await standby.start();
    return standby;
  }

  async replicateSynchronously(): Promise<void> {
    await this.#query(`ALTER SYSTEM SET synchronous_standby_names = '*'`);
    await this.#query('SELECT pg_reload_conf()');
  }

  async promote(): Promise<void> {
    await this.#query('SELECT pg_promote(true)');
  }

  async remove(): Promise<void> {
    await this.crash();
    await rm(this.directory, { recursive: true, force: true });
  }

  removeNow(): void {
    this.#process?.kill('SIGQUIT');
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 20 });
  }

  get #data(): string {
    return join(this.directory, 'data');
  }

  async #query(text: string): Promise<void> {
    const client = new pg.Client(this.url);
    client.on('error', () => undefined);
    await client.connect();
    await client.query(text).finally(() => client.end());
  }

  async #answers(): Promise<boolean> {
    return this.#query('SELECT 1').then(
      () => true,
      () => false,
    );
  }

  #signalAll(signal: NodeJS.Signals): void {
    const parent = this.#process?.pid;
    if (parent === undefined) return;
    // The postmaster first, so that it starts no others meanwhile.
    for (const pid of [parent, ...childrenOf(parent)]) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended.
      }
    }
  }
}

export function childrenOf(pid: number): number[] {
  const { stdout } = spawnSync('ps', ['-o', 'pid=', '--ppid', String(pid)]);
  return stdout.toString().split(/\s+/).filter(Boolean).map(Number);
}

async function makeDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'flynkle-postgres-'));
  const { uid, gid } = serverUser();
  if (uid !== undefined && gid !== undefined) await chown(directory, uid, gid);
  return directory;
}

function program(name: string): string {
  if (postgresBinaries === undefined) throw new Error('PostgreSQL is not installed');
  return join(postgresBinaries, name);
}

function run(name: string, args: readonly string[]): void {
  const { status, stderr } = spawnSync(program(name), args, { ...serverUser(), cwd: tmpdir() });
  if (status !== 0) throw new Error(`${name} failed: ${stderr.toString()}`);
}
