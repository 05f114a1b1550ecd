import type pg from 'pg';
import { createClientPool } from '../../src/adapters/postgres/client-pool.js';
import { openDatabase } from '../../src/adapters/postgres/open-database.js';
import { createPglitePool, PGLITE_POOL } from '../../src/adapters/postgres/pglite.js';
import { hostOf } from '../../src/adapters/postgres/pglite-socket.js';
import { PoolDatabase } from '../../src/adapters/postgres/pool-database.js';
import { createPostgresPool } from '../../src/adapters/postgres/postgres-pool.js';
import type { Database } from '../../src/ports/database.js';
import { collectGarbage } from './collect-garbage.js';
import { callHost } from './host/call-host.js';
import { createMigratedDatabase, startMigrated } from './migrated-database.js';
import { createDatabase, migrationsDirectory, silentLogger, testServerUrl, withEmbedded } from './servers.js';

export interface TestDatabase extends Database {
  /** Closes the database and removes it, with whatever it holds. */
  drop(): Promise<void>;
}

/** A database without tables. */
export interface TestPool {
  readonly pool: pg.Pool;
  drop(): Promise<void>;
}

export interface TestDatabaseKind {
  readonly name: 'embedded' | 'postgres';
  /** A migrated, empty database. One a suite is enough where tests make users of their own. */
  open(): Promise<TestDatabase>;
  /** The same in this process, for tests of how the embedded database is reached. It takes 300 MB and more. */
  openHere(): Promise<TestDatabase>;
  openEmpty(): Promise<TestPool>;
}

/**
 * The databases that a suite runs on: the embedded one, in memory (see {@link withEmbedded}); PostgreSQL too when
 * TEST_DATABASE_URL holds the address of a server on which databases may be created.
 *
 * @example describe.each(testDatabases())('conversations on $name', ({ open }) => { ... })
 */
export function testDatabases(): TestDatabaseKind[] {
  const server = testServerUrl();
  return [...(withEmbedded() ? [embedded] : []), ...(server === undefined ? [] : [onServer(server)])];
}

const embedded: TestDatabaseKind = {
  name: 'embedded',
  open: openInHost,
  openHere: openEmbedded,
  openEmpty: openEmptyInHost,
};

function onServer(server: string): TestDatabaseKind {
  const open = () => openOnServer(server);
  return { name: 'postgres', open, openHere: open, openEmpty: () => openEmptyOnServer(server) };
}

async function openOnServer(server: string): Promise<TestDatabase> {
  const { url, drop } = await createMigratedDatabase(server);
  const database = await openDatabase({ url, dataDirectory: '', migrationsDirectory, logger: silentLogger });
  return Object.assign(database, {
    drop: async () => {
      await database.close();
      await drop();
    },
  });
}

async function openEmptyOnServer(server: string): Promise<TestPool> {
  const { url, drop } = await createDatabase(server);
  const pool = createPostgresPool({ url, logger: silentLogger, size: 2, limitStatements: false });
  return {
    pool,
    drop: async () => {
      await pool.end();
      await drop();
    },
  };
}

async function openInHost(): Promise<TestDatabase> {
  const { pool, close } = await poolInHost();
  const resources = new AsyncDisposableStack();
  resources.defer(close);
  return droppable(pool, resources);
}

/** A PGlite that the host of this worker runs. It has one session, so the pool has one connection, as in the service. */
async function poolInHost(): Promise<{ pool: pg.Pool; close(): Promise<void> }> {
  const { port } = await callHost('openDatabase');
  const pool = createClientPool({ ...PGLITE_POOL, host: '127.0.0.1', port }, silentLogger);
  const close = async () => {
    await pool.end();
    await callHost('closeDatabase', port);
  };
  return { pool, close };
}

async function openEmbedded(): Promise<TestDatabase> {
  const pglite = await startMigrated();
  const pool = createPglitePool(hostOf(pglite), silentLogger);
  const resources = new AsyncDisposableStack();
  resources.defer(collectGarbage);
  resources.defer(() => pglite.close());
  resources.defer(() => pool.end());
  return droppable(pool, resources);
}

function droppable(pool: pg.Pool, resources: AsyncDisposableStack): TestDatabase {
  const description = 'PGlite in memory';
  const database = new PoolDatabase({ pool, description, embedded: true, logger: silentLogger, resources });
  return Object.assign(database, { drop: () => database.close() });
}

async function openEmptyInHost(): Promise<TestPool> {
  const { pool, close } = await poolInHost();
  await pool.query('DROP SCHEMA public CASCADE; CREATE SCHEMA public');
  return { pool, drop: close };
}
