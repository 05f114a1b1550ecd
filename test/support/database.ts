import { createHash, randomUUID } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { cp, link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import type { Log } from '../../src/kernel/log.js';
import { migrate } from '../../src/adapters/postgres/migrate.js';
import { openDatabase } from '../../src/adapters/postgres/open-database.js';
import { createPglitePool, startPglite } from '../../src/adapters/postgres/pglite.js';
import { PoolDatabase } from '../../src/adapters/postgres/pool-database.js';
import { createPostgresPool } from '../../src/adapters/postgres/postgres-pool.js';
import type { Database } from '../../src/ports/database.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/flynkle-api');

export const migrationsDirectory = join(ROOT, 'prisma/migrations');

const ignore = (): void => undefined;
export const silentLogger: Log = { info: ignore, warn: ignore, error: ignore };

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
  /** A new, migrated, empty database: some 0.3 s. One a suite is enough where tests make users of their own. */
  open(): Promise<TestDatabase>;
  openEmpty(): Promise<TestPool>;
}

/**
 * Whether suites run on what is embedded: always, but with `TEST_STORES=servers`, for a run after one that had it. Suites
 * that know nothing of servers do not look at it.
 */
export function withEmbedded(): boolean {
  return process.env['TEST_STORES'] !== 'servers' || testServerUrl() === undefined;
}

/**
 * The databases that a suite runs on: the embedded one, in memory (see {@link withEmbedded}); PostgreSQL too when
 * TEST_DATABASE_URL holds the address of a server on which databases may be created.
 *
 * @example describe.each(testDatabases())('conversations on $name', ({ open }) => { ... })
 */
export function testDatabases(): TestDatabaseKind[] {
  const server = testServerUrl();
  return [
    ...(withEmbedded() ? [{ name: 'embedded' as const, open: openEmbedded, openEmpty: openEmptyEmbedded }] : []),
    ...(server === undefined
      ? []
      : [
          {
            name: 'postgres' as const,
            open: () => openOnServer(server),
            openEmpty: () => openEmptyOnServer(server),
          },
        ]),
  ];
}

/** TEST_DATABASE_URL, for suites that only mean something on a PostgreSQL server. */
export function testServerUrl(): string | undefined {
  const url = process.env['TEST_DATABASE_URL'];
  return url === '' ? undefined : url;
}

/** Creates an empty database on the test server. */
export async function createDatabase(server: string): Promise<{ url: string; drop(): Promise<void> }> {
  const name = `flynkle_test_${randomUUID().replaceAll('-', '')}`;
  await administer(server, `CREATE DATABASE ${name}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return { url: url.href, drop: () => administer(server, `DROP DATABASE ${name} WITH (FORCE)`) };
}

/** Runs one statement on the test server, outside the databases under test. */
export async function administer(server: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function openOnServer(server: string): Promise<TestDatabase> {
  const { url, drop } = await createDatabase(server);
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

async function openEmbedded(): Promise<TestDatabase> {
  const pglite = await startPglite('memory://', { loadDataDir: await openAsBlob(await migratedArchive()) });
  const pool = createPglitePool(pglite, silentLogger);
  const resources = new AsyncDisposableStack();
  resources.defer(() => pglite.close());
  resources.defer(() => pool.end());
  const database = new PoolDatabase({
    pool,
    description: 'PGlite in memory',
    embedded: true,
    logger: silentLogger,
    resources,
  });
  return Object.assign(database, { drop: () => database.close() });
}

async function openEmptyEmbedded(): Promise<TestPool> {
  const pglite = await startPglite('memory://');
  const pool = createPglitePool(pglite, silentLogger);
  return {
    pool,
    drop: async () => {
      await pool.end();
      await pglite.close();
    },
  };
}

/** A DATA_DIR with a migrated, empty database in it: to copy it takes a tenth of the time that a first start takes. */
export async function fillDataDirectory(directory: string): Promise<void> {
  await cp(join(await migratedFolder(), 'postgres'), join(directory, 'postgres'), { recursive: true });
}

async function migratedFolder(): Promise<string> {
  const folder = join(CACHE, `data-${await migrationsFingerprint()}`);
  const kept = await readdir(CACHE).catch(() => []);
  if (kept.some((name) => join(CACHE, name) === folder)) return folder;
  // Under its name only when whole: another worker may be at the same point, and one of both is enough.
  const unfinished = `${folder}.${process.pid}`;
  const database = await openDatabase({
    url: undefined,
    dataDirectory: unfinished,
    migrationsDirectory,
    logger: silentLogger,
  });
  await database.close();
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true }));
  const outdated = kept.filter((name) => /^data-[0-9a-f]+$/.test(name));
  await Promise.all(outdated.map((name) => rm(join(CACHE, name), { recursive: true, force: true })));
  return folder;
}

/** A migrated database as PGlite dumps it, kept between runs: to load it takes a tenth of the time that making it takes. */
async function migratedArchive(): Promise<string> {
  const file = join(CACHE, `pglite-${await migrationsFingerprint()}.tar`);
  const kept = await readdir(dirname(file)).catch(() => []);
  if (kept.some((name) => join(CACHE, name) === file)) return file;
  const pglite = await startPglite('memory://');
  const pool = createPglitePool(pglite, silentLogger);
  await migrate({ pool, directory: migrationsDirectory, logger: silentLogger });
  await pool.end();
  const archive = await pglite.dumpDataDir('none');
  await pglite.close();
  await mkdir(CACHE, { recursive: true });
  // Under its name only when whole: another worker may be at the same point. The first one's stays, since a third may be
  // reading it.
  const unfinished = `${file}.${process.pid}`;
  await writeFile(unfinished, archive.stream());
  await link(unfinished, file).catch(ignore);
  await rm(unfinished);
  await Promise.all(kept.filter((name) => name.endsWith('.tar')).map((name) => rm(join(CACHE, name), { force: true })));
  return file;
}

async function migrationsFingerprint(): Promise<string> {
  const hash = createHash('sha256').update(
    await readFile(join(ROOT, 'node_modules/@electric-sql/pglite/package.json')),
  );
  const names = (await readdir(migrationsDirectory, { recursive: true }))
    .filter((name) => name.endsWith('.sql'))
    .sort();
  for (const name of names) hash.update(name).update(await readFile(join(migrationsDirectory, name)));
  return hash.digest('hex').slice(0, 16);
}
