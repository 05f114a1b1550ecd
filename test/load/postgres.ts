import pg from 'pg';
import { startPostgres } from '../support/postgres-server.js';
import { onAbruptEnd } from './leave-nothing.js';
import { familyCpuMs, OTHER_CORE } from './machine.js';

/**
 * A server of the run's own, beside the load on the other core. What it does not do is wait for the disk: that is the same for
 * whoever asks, and would be all that a write shows.
 */
const SETTINGS = `
max_connections = 200
shared_buffers = 512MB
max_wal_size = 4GB
synchronous_commit = off
autovacuum_naptime = 1h
`;

export interface Databases {
  readonly version: string;
  /** A new, empty database. @returns its URL */
  create(name: string): Promise<string>;
  drop(name: string): Promise<void>;
  /** The CPU time of the server; NaN where it is not the run's own. */
  cpuMs(): Promise<number>;
  close(): Promise<void>;
}

/** On the server at BENCH_DATABASE_URL, as a superuser, or on one of the run's own. */
export async function openDatabases(): Promise<Databases> {
  const given = process.env['BENCH_DATABASE_URL'];
  const server = given === undefined ? await startPostgres({ settings: SETTINGS, launcher: OTHER_CORE }) : undefined;
  const forget = onAbruptEnd(() => server?.removeNow());
  const base = given ?? server?.url ?? '';
  const run = async <Row extends pg.QueryResultRow>(statement: string): Promise<Row[]> => {
    const client = new pg.Client(base);
    await client.connect();
    const { rows } = await client.query<Row>(statement).finally(() => client.end());
    return rows;
  };
  const [row] = await run<{ server_version: string }>('SHOW server_version');
  return {
    version: row?.server_version ?? '',
    create: async (name) => {
      await run(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
      await run(`CREATE DATABASE ${name}`);
      return Object.assign(new URL(base), { pathname: `/${name}` }).href;
    },
    drop: async (name) => {
      await run(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`);
    },
    cpuMs: () => (server?.pid === undefined ? Promise.resolve(Number.NaN) : familyCpuMs(server.pid)),
    close: async () => {
      await server?.remove();
      forget();
    },
  };
}
