/**
 * A process that opens the database, for tests of several processes and of crashes. Its first argument is the task;
 * DATA_DIR or DATABASE_URL, and MIGRATIONS, name the database; TEMPLATE, if set, what a new one begins with. It writes a line of JSON for each event.
 *
 *     migrate   waits for a line on its input, then applies the migrations and writes the names of those that it applied
 *     write     writes "ready", then the id of each user that it has stored, until it is killed
 *     store     writes how many users there were, where the database says that it is, and the id of a user that it has stored
 *     catalogue writes what the database consists of, in lines
 *     dates     stores the days given as further arguments and writes what it reads back
 */
import { once } from 'node:events';
import { PgBossJobQueue } from '../../src/adapters/jobs/pg-boss-job-queue.js';
import { migrate } from '../../src/adapters/postgres/migrate.js';
import { openDatabase } from '../../src/adapters/postgres/open-database.js';
import { createPostgresPool } from '../../src/adapters/postgres/postgres-pool.js';
import { StartupError } from '../../src/kernel/startup-error.js';
import { newId } from '../../src/kernel/ids.js';
import type { Database } from '../../src/ports/database.js';

const WRITERS = 4;
const ignore = (): void => undefined;
const logger = { info: ignore, warn: ignore, error: ignore };
const migrations = process.env['MIGRATIONS'] ?? '';

function report(event: unknown): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}

const place = {
  url: process.env['DATABASE_URL'],
  dataDirectory: process.env['DATA_DIR'] ?? '',
  migrationsDirectory: migrations,
  ...(process.env['TEMPLATE'] !== undefined && { embeddedTemplate: new URL(process.env['TEMPLATE']) }),
  logger,
};

/** Whatever migrations and pg-boss make, and what PostgreSQL is set to but for modules, which are loaded when they are used. */
const CATALOGUE = `
  SELECT format('column %s.%s %s %s %s%s %s', attrelid::regclass, attname, format_type(atttypid, atttypmod), attnotnull,
                attidentity, attgenerated, pg_get_expr(adbin, adrelid)) AS line
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
         LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
   WHERE relnamespace IN ('public'::regnamespace, 'jobs'::regnamespace) AND attnum > 0 AND NOT attisdropped
  UNION ALL SELECT format('relation %s %s %s %s', oid::regclass, relkind, relacl, reloptions)
    FROM pg_class WHERE relnamespace IN ('public'::regnamespace, 'jobs'::regnamespace)
  UNION ALL SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname IN ('public', 'jobs')
  UNION ALL SELECT format('constraint %s %s %s', conrelid::regclass, conname, pg_get_constraintdef(oid))
    FROM pg_constraint WHERE connamespace IN ('public'::regnamespace, 'jobs'::regnamespace)
  UNION ALL SELECT 'function ' || CASE prokind WHEN 'a' THEN oid::regprocedure::text ELSE pg_get_functiondef(oid) END
    FROM pg_proc WHERE pronamespace IN ('public'::regnamespace, 'jobs'::regnamespace)
  UNION ALL SELECT 'trigger ' || pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
  UNION ALL SELECT format('label %s %s %s', enumtypid::regtype, enumsortorder, enumlabel) FROM pg_enum
  UNION ALL SELECT format('extension %s %s', extname, extversion) FROM pg_extension
  UNION ALL SELECT format('setting %s = %s', name, setting) FROM pg_settings WHERE source <> 'override' AND name NOT LIKE '%.%'
  UNION ALL SELECT format('collation %s %s %s', datname, datcollate, pg_encoding_to_char(encoding)) FROM pg_database
  UNION ALL SELECT format('migration %s %s %s %s', migration_name, checksum, finished_at IS NOT NULL, applied_steps_count)
    FROM _prisma_migrations
  ORDER BY line`;

async function showCatalogue(): Promise<void> {
  const database = await openDatabase(place);
  const jobs = await PgBossJobQueue.open({ database, log: logger, maintains: false });
  await jobs.close();
  const { rows } = await database.query<{ line: string }>(CATALOGUE);
  await database.close();
  report(rows.map(({ line }) => line));
}

function open(): Promise<Database> {
  return openDatabase(place);
}

async function migrateWhenTold(): Promise<void> {
  const pool = createPostgresPool({ url: process.env['DATABASE_URL'] ?? '', logger, size: 1, limitStatements: false });
  report('ready');
  await once(process.stdin, 'data');
  report(await migrate({ pool, directory: migrations, logger }));
  await pool.end();
  process.stdin.destroy();
}

/** Stores each user with a conversation in one transaction: a user without one shows a torn transaction. */
async function writeForEver(): Promise<never> {
  const database = await open();
  report('ready');
  const write = async (): Promise<never> => {
    for (;;) {
      const id = newId();
      await database.transaction(async (sql) => {
        await sql.query(
          `INSERT INTO users (id, provider, password_hash, plan) VALUES ($1, 'local', '-', 'free')`,
          [id],
          'user',
        );
        await sql.query('INSERT INTO conversations (id, user_id) VALUES ($1, $1)', [id], 'conversation');
      });
      report(id);
    }
  };
  return Promise.race(Array.from({ length: WRITERS }, write));
}

async function storeUser(): Promise<void> {
  const database = await openDatabase(place);
  const users = await database.prisma.user.count();
  const { id } = await database.prisma.user.create({ data: { provider: 'local', passwordHash: '-', plan: 'free' } });
  const { embedded, description } = database;
  await database.close();
  report({ users, embedded, description, id });
}

async function storeDates(days: readonly string[]): Promise<void> {
  const database = await open();
  await database.query('CREATE TABLE IF NOT EXISTS day_sample (day date, moment timestamptz)');
  for (const day of days) {
    await database.query('DELETE FROM day_sample');
    await database.query('INSERT INTO day_sample VALUES ($1, $2)', [new Date(day), new Date(day)]);
    const { rows } = await database.query('SELECT day, moment, day::text AS text FROM day_sample');
    report(rows[0]);
  }
  await database.close();
}

const [action, ...rest] = process.argv.slice(2);
try {
  if (action === 'migrate') await migrateWhenTold();
  if (action === 'write') await writeForEver();
  if (action === 'store') await storeUser();
  if (action === 'catalogue') await showCatalogue();
  if (action === 'dates') await storeDates(rest);
} catch (error) {
  process.stderr.write(error instanceof StartupError ? error.message : String(error));
  process.exitCode = 1;
}
