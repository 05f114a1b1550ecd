import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { Log } from '../../kernel/log.js';
import { StartupError } from '../../kernel/startup-error.js';
import { describeFailure } from './connection-failure.js';
import { lockDirectory } from './directory-lock.js';
import { migrate, requireMigrated, type MigrateOptions } from './migrate.js';
import { createPglitePool, startPglite } from './pglite.js';
import { type OpenedDatabase, PoolDatabase } from './pool-database.js';
import { createPostgresPool } from './postgres-pool.js';

const DEFAULT_POOL_SIZE = 10;
/** `server_version_num` of PostgreSQL 15.0. */
const OLDEST_SERVER = 150_000;

export interface OpenDatabaseOptions {
  /** URL of a PostgreSQL server; undefined selects the embedded database in `dataDirectory`. */
  readonly url: string | undefined;
  /** DATA_DIR. The embedded database is in its subfolder `postgres`. */
  readonly dataDirectory: string;
  /** The folder of Prisma's migrations, which are applied before this resolves. */
  readonly migrationsDirectory: string | URL;
  readonly logger: Log;
  /** Maximum connections to a PostgreSQL server, 10 by default. The embedded database has one. */
  readonly poolSize?: number;
  /** Whether to apply missing migrations (the default), or to refuse a database that lacks some without changing it. */
  readonly missingMigrations?: 'apply' | 'refuse';
}

/**
 * Opens the database and brings its tables up to date, or refuses a database whose tables are not.
 *
 * @throws StartupError with a message for the operator; nothing stays open
 */
export async function openDatabase(options: OpenDatabaseOptions): Promise<OpenedDatabase> {
  const resources = new AsyncDisposableStack();
  try {
    const { url } = options;
    return url === undefined ? await openEmbedded(options, resources) : await openServer(url, options, resources);
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}

async function openEmbedded(
  { dataDirectory, migrationsDirectory, logger, missingMigrations }: OpenDatabaseOptions,
  resources: AsyncDisposableStack,
): Promise<OpenedDatabase> {
  const directory = join(dataDirectory, 'postgres');
  if (missingMigrations === 'refuse' && !existsSync(join(directory, 'PG_VERSION'))) {
    throw new StartupError(`DATA_DIR ${dataDirectory} holds no database yet: start the service once, which makes one`);
  }
  await mkdir(dataDirectory, { recursive: true }).catch((error: unknown) => {
    throw new StartupError(`DATA_DIR ${dataDirectory} cannot be made: ${describeFailure(error)}`, {
      cause: error,
    });
  });
  const lock = lockDirectory(dataDirectory);
  resources.defer(() => {
    lock.release();
  });
  const pglite = await startInFolder(directory, logger);
  resources.defer(() => pglite.close());
  const pool = createPglitePool(pglite, logger);
  resources.defer(() => pool.end());
  await bringUpToDate(missingMigrations, { pool, directory: migrationsDirectory, logger });
  const version = await serverVersion(pool);
  const description = `PGlite (PostgreSQL ${version.name}) in ${directory}`;
  return new PoolDatabase({ pool, description, embedded: true, logger, resources });
}

/**
 * Killing a process while PGlite initialises a folder leaves an incomplete database. A marker file beside the folder says that
 * the database was never used, so that the next start may delete it and begin again.
 */
async function startInFolder(directory: string, logger: Log) {
  const mark = `${directory}.initialising`;
  if (existsSync(mark)) await rm(directory, { recursive: true, force: true });
  if (existsSync(join(directory, 'PG_VERSION'))) return startPglite(directory);
  logger.info({}, `making a new embedded database in ${directory} (some seconds, once)`);
  await writeFile(mark, '');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const pglite = await startPglite(directory);
  await rm(mark);
  return pglite;
}

async function openServer(
  url: string,
  { migrationsDirectory, logger, missingMigrations, poolSize = DEFAULT_POOL_SIZE }: OpenDatabaseOptions,
  resources: AsyncDisposableStack,
): Promise<OpenedDatabase> {
  const place = describePlace(url);
  const migrationPool = createPostgresPool({ url, logger, size: 1, limitStatements: false });
  const migration = { pool: migrationPool, directory: migrationsDirectory, logger };
  const version = await prepareServer(migration, place, missingMigrations).finally(() => migrationPool.end());
  const pool = createPostgresPool({ url, logger, size: poolSize, limitStatements: true });
  resources.defer(() => pool.end());
  const description = `PostgreSQL ${version} at ${place}`;
  return new PoolDatabase({ pool, description, embedded: false, logger, resources });
}

async function prepareServer(
  migration: MigrateOptions,
  place: string,
  missingMigrations: OpenDatabaseOptions['missingMigrations'],
): Promise<string> {
  const version = await serverVersion(migration.pool).catch((error: unknown) => {
    throw new StartupError(`DATABASE_URL: PostgreSQL at ${place} cannot be used: ${describeFailure(error)}`, {
      cause: error,
    });
  });
  if (version.number < OLDEST_SERVER) {
    throw new StartupError(`DATABASE_URL: PostgreSQL at ${place} is ${version.name}; 15 or later is needed`);
  }
  await bringUpToDate(missingMigrations, migration);
  return version.name;
}

async function bringUpToDate(
  missing: OpenDatabaseOptions['missingMigrations'],
  migration: MigrateOptions,
): Promise<void> {
  await (missing === 'refuse' ? requireMigrated(migration) : migrate(migration));
}

async function serverVersion(pool: pg.Pool): Promise<{ name: string; number: number }> {
  const { rows } = await pool.query<{ name: string; number: number }>(
    `SELECT split_part(current_setting('server_version'), ' ', 1) AS name,
            current_setting('server_version_num')::int AS number`,
  );
  return rows[0] ?? { name: 'of an unknown version', number: 0 };
}

/** `host:port/database`, without credentials. Not by `new URL`, since a URL for `pg` may name a socket instead of a host. */
function describePlace(url: string): string {
  try {
    if (!/^postgres(ql)?:/.test(url)) throw new TypeError('another scheme');
    const { host, port, database } = new pg.Client({ connectionString: url });
    return `${host}:${port}/${database ?? ''}`;
  } catch {
    // The cause is left out, since it quotes the URL with its password.
    throw new StartupError('DATABASE_URL is not of the form postgresql://user:password@host:5432/database');
  }
}
