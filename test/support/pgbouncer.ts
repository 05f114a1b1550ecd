import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { eventually } from './eventually.js';
import { freePort } from './free-port.js';

export interface PgBouncer {
  /** The server's URL, by way of the pooler. */
  readonly url: string;
  stop(): Promise<void>;
}

/** Where Debian and others install it. */
const PLACES = ['/usr/sbin/pgbouncer', '/usr/bin/pgbouncer', '/usr/local/bin/pgbouncer', '/opt/homebrew/bin/pgbouncer'];

export const pgbouncerProgram = PLACES.find((place) => existsSync(place));

/** PgBouncer in transaction mode before a server: each transaction of a client may run in another session. */
export async function startPgBouncer(server: string, { sessions }: { readonly sessions: number }): Promise<PgBouncer> {
  if (pgbouncerProgram === undefined) throw new Error('PgBouncer is not installed');
  const { hostname, port, username, password } = new URL(server);
  const ownPort = await freePort();
  const directory = await mkdtemp(join(tmpdir(), 'flynkle-pgbouncer-'));
  const settings = join(directory, 'pgbouncer.ini');
  const target = [`host=${hostname}`, `port=${port || '5432'}`, `user=${username}`, password && `password=${password}`];
  await writeFile(
    settings,
    `[databases]
* = ${target.filter(Boolean).join(' ')}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${ownPort}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${sessions}
max_client_conn = 200
server_round_robin = 1
`,
  );
  // It refuses to run as root.
  const isRoot = process.getuid?.() === 0;
  const user = isRoot ? { uid: 65_534, gid: 65_534 } : {};
  if (isRoot) await chmod(directory, 0o755);
  const child = spawn(pgbouncerProgram, ['-q', settings], { ...user, stdio: 'ignore' });
  const exited = once(child, 'exit');
  const state = { isOver: false };
  void exited.then(() => (state.isOver = true));
  const url = new URL(server);
  url.hostname = '127.0.0.1';
  url.port = String(ownPort);
  await eventually(
    () => answers(url.href),
    (isUp) => {
      if (state.isOver) throw new Error('PgBouncer ended');
      return isUp;
    },
  );
  return {
    url: url.href,
    stop: async () => {
      child.kill('SIGKILL');
      await exited;
      await rm(directory, { recursive: true, force: true });
    },
  };
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.end();
    return true;
  } catch {
    return false;
  }
}
