/**
 * A process that opens the database, for tests of several processes and of crashes. Its first argument is the task;
 * DATA_DIR or DATABASE_URL, and MIGRATIONS, name the database. It writes a line of JSON for each event.
 *
 *     migrate   waits for a line on its input, then applies the migrations and writes the names of those that it applied
 *     write     writes "ready", then the id of each user that it has stored, until it is killed
 *     store     writes how many users there were, where the database says that it is, and the id of a user that it has stored
 *     dates     stores the days given as further arguments and writes what it reads back
 */
import { once } from 'node:events';
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
  logger,
};

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
  if (action === 'dates') await storeDates(rest);
} catch (error) {
  process.stderr.write(error instanceof StartupError ? error.message : String(error));
  process.exitCode = 1;
}
