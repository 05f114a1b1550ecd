import type { PGlite } from '@electric-sql/pglite';
import { createHash, randomUUID } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { cp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { DUMP, EMBEDDED_TEMPLATE } from '../../src/adapters/postgres/embedded-template.js';
import { openDatabase } from '../../src/adapters/postgres/open-database.js';
import { startPglite } from '../../src/adapters/postgres/pglite.js';
import { createDatabase, migrationsDirectory, silentLogger, type CreatedDatabase } from './servers.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/flynkle-api');

/** PostgreSQL's code. */
const NO_SUCH_DATABASE = '3D000';

/** A DATA_DIR with a migrated, empty database in it: to copy it takes a tenth of the time that a first start takes. */
export async function fillDataDirectory(directory: string): Promise<void> {
  await cp(join(await migratedFolder(), 'postgres'), join(directory, 'postgres'), { recursive: true });
}

async function migratedFolder(): Promise<string> {
  const folder = join(CACHE, `data-${await templateFingerprint()}`);
  const kept = await readdir(CACHE).catch(() => []);
  if (kept.some((name) => join(CACHE, name) === folder)) return folder;
  // Under its name only when whole: another call may be at the same point, and one of both is enough.
  const unfinished = `${folder}.${randomUUID()}`;
  const database = await openDatabase({
    url: undefined,
    dataDirectory: unfinished,
    migrationsDirectory,
    embeddedTemplate: EMBEDDED_TEMPLATE,
    logger: silentLogger,
  });
  await database.close();
  await rename(unfinished, folder).catch(() => rm(unfinished, { recursive: true }));
  const outdated = kept.filter((name) => /^data-[0-9a-f]+$/.test(name));
  await Promise.all(outdated.map((name) => rm(join(CACHE, name), { recursive: true, force: true })));
  return folder;
}

/** A migrated database in memory, from the program's template. Without pg-boss's tables, which suites have it make. */
export async function startMigrated(): Promise<PGlite> {
  const dump = await openAsBlob(new URL(DUMP, EMBEDDED_TEMPLATE), { type: 'application/gzip' });
  const pglite = await startPglite('memory://', { loadDataDir: dump });
  await pglite.exec('DROP SCHEMA jobs CASCADE');
  return pglite;
}

/**
 * A migrated, empty database on the test server, of which a run makes one with the migrations, and copies it: that takes a
 * quarter of the time. Without pg-boss's tables, as above.
 */
export async function createMigratedDatabase(server: string): Promise<CreatedDatabase> {
  const template = process.env['TEST_TEMPLATE'];
  if (template === undefined) throw new Error('The template is named by test/support/host/start-hosts.ts');
  try {
    return await createDatabase(server, template);
  } catch (error) {
    if (!(error instanceof pg.DatabaseError && error.code === NO_SUCH_DATABASE)) throw error;
  }
  await makeServerTemplate(server, template);
  return createDatabase(server, template);
}

async function makeServerTemplate(server: string, template: string): Promise<void> {
  const client = new pg.Client(server);
  await client.connect();
  try {
    // Several workers may come here at once: the first makes it, and the others wait. The lock ends with the connection.
    await client.query('SELECT pg_advisory_lock(hashtext($1))', [template]);
    const { rowCount } = await client.query('SELECT FROM pg_database WHERE datname = $1', [template]);
    if (rowCount === 1) return;
    const { url, name } = await createDatabase(server);
    const migrated = await openDatabase({ url, dataDirectory: '', migrationsDirectory, logger: silentLogger });
    await migrated.close();
    // A database is not copied while anything is connected to it, such as autovacuum.
    await client.query(`ALTER DATABASE ${name} ALLOW_CONNECTIONS false`);
    await client.query(`ALTER DATABASE ${name} RENAME TO ${template}`);
  } finally {
    await client.end();
  }
}

async function templateFingerprint(): Promise<string> {
  const dump = await readFile(new URL(DUMP, EMBEDDED_TEMPLATE));
  return createHash('sha256').update(dump).digest('hex').slice(0, 16);
}
