import { existsSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { Log } from '../../kernel/log.js';
import { JOBS_SCHEMA } from '../../ports/job-queue.js';
import type { Tracing } from '../../ports/tracing.js';
import { StartupError } from '../../kernel/startup-error.js';
import { openDataDirectory, UNFINISHED_RESTORE } from '../disk/private-directory.js';
import { describeFailure } from './connection-failure.js';
import { lockDirectory } from './directory-lock.js';
import { Autovacuum } from './autovacuum.js';
import { runLongStatement } from './long-statement.js';
import { copyTemplate, isUsable } from './embedded-template.js';
import { migrate, readMigrations, requireMigrated, type MigrateOptions } from './migrate.js';
import { NamedStatements, type PreparedStatements } from './named-statements.js';
import { type OpenedDatabase, PoolDatabase } from './pool-database.js';
import { createPostgresPool } from './postgres-pool.js';

const DEFAULT_POOL_SIZE = 10;
/** `server_version_num` of PostgreSQL 15.0. */
const OLDEST_SERVER = 150_000;

/** Nothing has been stored yet: the first start of the service makes the embedded database. */
export class NoDatabaseYet extends StartupError {}

export interface OpenDatabaseOptions {
  /** URL of a PostgreSQL server; undefined selects the embedded database in `dataDirectory`. */
  readonly url: string | undefined;
  /** DATA_DIR. The embedded database is in its subfolder `postgres`. */
  readonly dataDirectory: string;
  /** The folder of Prisma's migrations, which are applied before this resolves. */
  readonly migrationsDirectory: string | URL;
  /** What a new embedded database begins with, to be made sooner: see {@link copyTemplate}. From nothing where it is left out. */
  readonly embeddedTemplate?: URL;
  readonly logger: Log;
  /** Is told of each statement. */
  readonly tracing?: Tracing | undefined;
  /** Maximum connections to a PostgreSQL server, 10 by default. The embedded database has one. */
  readonly poolSize?: number;
  /** `auto`, which finds out whether a pooler is in the way, by default. The embedded database has none. */
  readonly preparedStatements?: PreparedStatements;
  /**
   * Whether to apply missing migrations (the default), or to change nothing: to `refuse` a database that lacks some or has none,
   * or to `leave` it as it is.
   */
  readonly missingMigrations?: 'apply' | 'refuse' | 'leave';
  /** Replaces the time after which {@link Autovacuum} looks, in tests. */
  readonly vacuumMs?: number;
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

async function openEmbedded(options: OpenDatabaseOptions, resources: AsyncDisposableStack): Promise<OpenedDatabase> {
  const { dataDirectory, migrationsDirectory, logger, tracing, missingMigrations = 'apply', vacuumMs } = options;
  const directory = join(dataDirectory, 'postgres');
  if (missingMigrations !== 'apply' && !existsSync(join(directory, 'PG_VERSION'))) {
    throw new NoDatabaseYet(`DATA_DIR ${dataDirectory} holds no database yet: start the service once, which makes one`);
  }
  await openDataDirectory(dataDirectory).catch((error: unknown) => {
    throw new StartupError(`DATA_DIR ${dataDirectory} cannot be made: ${describeFailure(error)}`, {
      cause: error,
    });
  });
  const lock = lockDirectory(dataDirectory);
  resources.defer(() => {
    lock.release();
  });
  if (existsSync(join(dataDirectory, UNFINISHED_RESTORE))) {
    throw new StartupError(
      `DATA_DIR ${dataDirectory} is half restored: a restore was broken off. Restore the backup again, with --force; ` +
        'what was there before is kept in a folder before-restore-…',
    );
  }
  const server = await startInFolder(directory, options);
  resources.defer(() => server.close());
  const { createPglitePool } = await import('./pglite.js');
  const pool = createPglitePool(server, logger, tracing);
  resources.defer(() => pool.end());
  const applied = await bringUpToDate(missingMigrations, { pool, directory: migrationsDirectory, logger });
  const autovacuum = new Autovacuum({
    pool,
    logger,
    run: (statement) => pool.query(statement),
    command: 'VACUUM (ANALYZE, SKIP_LOCKED)',
    hasRoom: () => server.hasRoom(),
    everyMs: vacuumMs,
  });
  if (missingMigrations === 'apply') {
    // What a release brings with it may take its time: nobody waits for an answer yet. Another start leaves it to the first round.
    if (applied.length > 0) await autovacuum.try();
    autovacuum.open();
  }
  resources.defer(() => autovacuum.close());
  const version = await serverVersion(pool);
  const description = `PGlite (PostgreSQL ${version.name}) in ${directory}`;
  return new PoolDatabase({ pool, description, embedded: true, logger, tracing, resources });
}

/**
 * Killing a process while it fills a folder leaves an incomplete database. A marker file beside the folder says that
 * the database was never used, so that the next start may delete it and begin again.
 */
async function startInFolder(
  directory: string,
  { migrationsDirectory, embeddedTemplate, logger }: OpenDatabaseOptions,
) {
  // Loaded here, since PostgreSQL's clients need none of it.
  const { EmbeddedServer } = await import('./embedded-server.js');
  const mark = `${directory}.initialising`;
  if (existsSync(mark)) await rm(directory, { recursive: true, force: true });
  if (existsSync(join(directory, 'PG_VERSION'))) {
    logger.info({}, `opening the embedded database in ${directory}`);
    return EmbeddedServer.start(directory, logger);
  }
  logger.info({}, `making a new embedded database in ${directory} (some seconds, once)`);
  await writeFile(mark, '');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  if (embeddedTemplate !== undefined) {
    const migrations = await readMigrations(migrationsDirectory);
    try {
      if (await isUsable(embeddedTemplate, migrations, logger)) {
        logger.info({}, 'it begins with what the build has made, from a template');
        await copyTemplate(embeddedTemplate, directory);
      }
    } catch (error) {
      // Damaged, or of another program: the database makes itself from nothing.
      logger.warn({ reason: describeFailure(error) }, 'the template of the embedded database cannot be used');
      await rm(directory, { recursive: true, force: true });
      await mkdir(directory, { mode: 0o700 });
    }
  }
  const server = await EmbeddedServer.start(directory, logger);
  await rm(mark);
  return server;
}

async function openServer(
  url: string,
  {
    migrationsDirectory,
    logger,
    tracing,
    missingMigrations = 'apply',
    poolSize = DEFAULT_POOL_SIZE,
    preparedStatements = 'auto',
    vacuumMs,
  }: OpenDatabaseOptions,
  resources: AsyncDisposableStack,
): Promise<OpenedDatabase> {
  const place = describePlace(url);
  const migrationPool = createPostgresPool({ url, logger, size: 1, limitStatements: false });
  const migration = { pool: migrationPool, directory: migrationsDirectory, logger };
  const names = new NamedStatements(preparedStatements, logger);
  const { version, schema } = await prepareServer(migration, place, missingMigrations)
    .then(async (found) => {
      await names.probe(migrationPool);
      return found;
    })
    .finally(() => migrationPool.end());
  const pool = createPostgresPool({ url, logger, size: poolSize, limitStatements: true, tracing });
  resources.defer(() => pool.end());
  const autovacuum = new Autovacuum({
    pool,
    logger,
    run: (statement, signal) => runLongStatement(statement, { url, logger, pool, signal }),
    command: 'ANALYZE (SKIP_LOCKED)',
    schemas: [schema, JOBS_SCHEMA],
    everyMs: vacuumMs,
  });
  if (missingMigrations === 'apply') autovacuum.open();
  resources.defer(() => autovacuum.close());
  const description = `PostgreSQL ${version} at ${place}`;
  return new PoolDatabase({ pool, description, embedded: false, logger, tracing, resources, names, schema });
}

async function prepareServer(
  migration: MigrateOptions,
  place: string,
  missingMigrations: OpenDatabaseOptions['missingMigrations'],
): Promise<{ readonly version: string; readonly schema: string }> {
  const version = await serverVersion(migration.pool).catch((error: unknown) => {
    throw new StartupError(`DATABASE_URL: PostgreSQL at ${place} cannot be used: ${describeFailure(error)}`, {
      cause: error,
    });
  });
  if (version.number < OLDEST_SERVER) {
    throw new StartupError(`DATABASE_URL: PostgreSQL at ${place} is ${version.name}; 15 or later is needed`);
  }
  if (version.schema === null) {
    throw new StartupError(`DATABASE_URL: the database at ${place} has no schema of those in its search_path`);
  }
  await bringUpToDate(missingMigrations, migration);
  return { version: version.name, schema: version.schema };
}

/** @returns the names of the migrations that were applied */
async function bringUpToDate(
  missing: OpenDatabaseOptions['missingMigrations'],
  migration: MigrateOptions,
): Promise<readonly string[]> {
  if (missing === 'apply') return migrate(migration);
  if (missing === 'refuse') await requireMigrated(migration);
  return [];
}

interface Server {
  readonly name: string;
  readonly number: number;
  /** Where tables are made and looked for first; null where the search path names none that there is. */
  readonly schema: string | null;
}

async function serverVersion(pool: pg.Pool): Promise<Server> {
  const { rows } = await pool.query<Server>(
    `SELECT split_part(current_setting('server_version'), ' ', 1) AS name,
            current_setting('server_version_num')::int AS number, current_schema() AS schema`,
  );
  return rows[0] ?? { name: 'of an unknown version', number: 0, schema: null };
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
