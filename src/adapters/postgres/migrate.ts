import { createHash, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import type { Log } from '../../kernel/log.js';
import { StartupError } from '../../kernel/startup-error.js';
import { describeFailure } from './connection-failure.js';

/** The advisory lock that Prisma's own migration commands take, so that they and this program wait for each other. */
const LOCK = 72707369;

/** Prisma's own bookkeeping table, so that `prisma migrate status` and `prisma migrate resolve` work too. */
const BOOKKEEPING = `CREATE TABLE IF NOT EXISTS "_prisma_migrations" (
  id                  varchar(36) PRIMARY KEY NOT NULL,
  checksum            varchar(64) NOT NULL,
  finished_at         timestamptz,
  migration_name      varchar(255) NOT NULL,
  logs                text,
  rolled_back_at      timestamptz,
  started_at          timestamptz NOT NULL DEFAULT now(),
  applied_steps_count integer NOT NULL DEFAULT 0
)`;

export interface Migration {
  readonly name: string;
  readonly sql: string;
  readonly checksum: string;
}

interface Recorded {
  readonly migration_name: string;
  readonly checksum: string;
  readonly finished: boolean;
}

export interface MigrateOptions {
  readonly pool: pg.Pool;
  /** Contains one folder per migration, each with a `migration.sql`; applied in order of name. */
  readonly directory: string | URL;
  readonly logger: Log;
}

/**
 * Applies the migrations that the database lacks, each in its own transaction. Any number of processes may do so concurrently:
 * one of them applies a migration while the others wait. The lock is held by the transaction, so this also works through a
 * pooler that changes sessions between transactions. Therefore a migration cannot contain statements that PostgreSQL refuses
 * in a transaction (`CREATE INDEX CONCURRENTLY`).
 *
 * A database with migrations that are not in `directory` is accepted with a warning: during a rolling deployment the previous
 * release still runs on the next one's tables.
 *
 * @returns the names of the migrations that this process applied
 * @throws StartupError when a migration fails, failed before, or was edited after it was applied
 */
export async function migrate({ pool, directory, logger }: MigrateOptions): Promise<string[]> {
  const migrations = await readMigrations(directory);
  const client = await pool.connect();
  try {
    const recorded = await readRecorded(asking(client));
    warnAboutUnknown(recorded, migrations, logger);
    const applied: string[] = [];
    for (const migration of migrations) {
      if (isApplied(migration, recorded)) continue;
      if (await apply(client, migration)) applied.push(migration.name);
    }
    if (applied.length > 0) logger.info({ migrations: applied }, 'Brought the tables up to date');
    return applied;
  } finally {
    client.release();
  }
}

/**
 * Checks without changing anything that {@link migrate} has nothing to do.
 * @throws StartupError when the database lacks a migration, or one failed or was edited
 */
export async function requireMigrated({ pool, directory, logger }: MigrateOptions): Promise<void> {
  const migrations = await readMigrations(directory);
  const client = await pool.connect();
  try {
    const recorded = await readRecorded(asking(client));
    warnAboutUnknown(recorded, migrations, logger);
    const missing = migrations.filter((migration) => !isApplied(migration, recorded));
    if (missing.length === 0) return;
    throw new StartupError(
      recorded.length === 0
        ? 'The database has no tables yet: start the service once, which makes them'
        : `The database is of an older release, without ${missing.length} of the migrations of this one: ` +
            'start the service of this release once, which applies them',
    );
  } finally {
    client.release();
  }
}

export async function readMigrations(directory: string | URL): Promise<Migration[]> {
  const root = directory instanceof URL ? fileURLToPath(directory) : directory;
  const entries = await readdir(root, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map((entry) => entry.name);
  return Promise.all(
    names.sort().map(async (name) => {
      // Git may check files out with CRLF; the checksum is that of the committed text.
      const sql = (await readFile(join(root, name, 'migration.sql'), 'utf8')).replaceAll('\r\n', '\n');
      return { name, sql, checksum: createHash('sha256').update(sql).digest('hex') };
    }),
  );
}

/**
 * Compares the database with this release's migrations, without changing anything.
 * @returns `ok`, or `newer` where a later release has added some
 * @throws StartupError when one is missing, failed or was edited
 */
export async function lookAtMigrations(ask: Ask, migrations: readonly Migration[]): Promise<'ok' | 'newer'> {
  const recorded = await readRecorded(ask);
  const missing = migrations.filter((migration) => !isApplied(migration, recorded)).map(({ name }) => name);
  if (missing.length > 0) throw new StartupError(`the database lacks ${missing.join(', ')}`);
  return unknownIn(recorded, migrations).length > 0 ? 'newer' : 'ok';
}

/** Runs a statement. */
type Ask = (text: string) => Promise<{ readonly rows: readonly unknown[] }>;

/** The migrations that the database has, in order of their names. */
export async function appliedMigrations(ask: Ask): Promise<readonly Omit<Migration, 'sql'>[]> {
  const recorded = await readRecorded(ask);
  const applied = recorded.filter(({ finished }) => finished);
  return applied
    .map(({ migration_name: name, checksum }) => ({ name, checksum }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

const asking =
  (client: pg.ClientBase): Ask =>
  (text) =>
    client.query(text);

async function readRecorded(ask: Ask): Promise<readonly Recorded[]> {
  const tables = await ask(`SELECT to_regclass('"_prisma_migrations"') IS NOT NULL AS present`);
  const [table] = tables.rows as readonly { readonly present: boolean }[];
  if (table?.present !== true) return [];
  const { rows } = await ask(
    `SELECT migration_name, checksum, finished_at IS NOT NULL AS finished
       FROM "_prisma_migrations" WHERE rolled_back_at IS NULL`,
  );
  return rows as readonly Recorded[];
}

function warnAboutUnknown(recorded: readonly Recorded[], migrations: readonly Migration[], logger: Log): void {
  const unknown = unknownIn(recorded, migrations);
  if (unknown.length > 0) {
    logger.warn({ migrations: unknown }, 'The database has migrations of a later release than this one');
  }
}

function unknownIn(recorded: readonly Recorded[], migrations: readonly Migration[]): string[] {
  const known = new Set(migrations.map(({ name }) => name));
  return recorded.map((row) => row.migration_name).filter((name) => !known.has(name));
}

function isApplied(migration: Migration, recorded: readonly Recorded[]): boolean {
  const rows = recorded.filter((row) => row.migration_name === migration.name);
  if (rows.some((row) => !row.finished)) {
    throw new StartupError(
      `Migration ${migration.name} failed before, and was left half applied. Repair the tables, then record the outcome: ` +
        `npx prisma migrate resolve --applied ${migration.name} (or --rolled-back, to have it applied again)`,
    );
  }
  if (rows.some((row) => row.checksum !== migration.checksum)) {
    throw new StartupError(
      `Migration ${migration.name} was edited after it was applied to this database. ` +
        'Restore prisma/migrations as it was, and put the change into a migration of its own.',
    );
  }
  return rows.length > 0;
}

/** @returns false when another process applied it in the meantime */
async function apply(client: pg.ClientBase, migration: Migration): Promise<boolean> {
  try {
    // Sees what another process committed while this one waited for the lock, which an earlier snapshot would hide.
    await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
    // LOCAL: a pooler's session may have a limit already, and other clients use the session afterwards.
    await client.query('SET LOCAL statement_timeout = 0');
    await client.query('SELECT pg_advisory_xact_lock($1)', [LOCK]);
    await client.query(BOOKKEEPING);
    const pending = !isApplied(migration, await readRecorded(asking(client)));
    if (pending) {
      await client.query(migration.sql);
      await client.query(
        `INSERT INTO "_prisma_migrations" (id, checksum, finished_at, migration_name, applied_steps_count)
         VALUES ($1, $2, now(), $3, 1)`,
        [randomUUID(), migration.checksum, migration.name],
      );
    }
    await client.query('COMMIT');
    return pending;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    if (error instanceof StartupError) throw error;
    throw new StartupError(`Migration ${migration.name} failed, and was rolled back: ${describeFailure(error)}`, {
      cause: error,
    });
  }
}
