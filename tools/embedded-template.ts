// Makes the template that a new embedded database begins with, in the folder that is given: see
// src/adapters/postgres/embedded-template.ts. It has the tables of migrations and of pg-boss, as a first start makes them.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PgBossJobQueue } from '../src/adapters/jobs/pg-boss-job-queue.js';
import { DUMP, MIGRATIONS_OF_DUMP, type RecordedMigration } from '../src/adapters/postgres/embedded-template.js';
import { migrate, readMigrations } from '../src/adapters/postgres/migrate.js';
import { MIGRATIONS } from '../src/adapters/postgres/migrations-directory.js';
import { createPglitePool, startPglite } from '../src/adapters/postgres/pglite.js';
import { hostOf } from '../src/adapters/postgres/pglite-socket.js';
import { PoolDatabase } from '../src/adapters/postgres/pool-database.js';

const [folder] = process.argv.slice(2);
if (folder === undefined) throw new Error('Usage: tsx tools/embedded-template.ts <folder>');
const logger = { info: () => undefined, warn: console.warn, error: console.error };

const pglite = await startPglite('memory://');
const pool = createPglitePool(hostOf(pglite), logger);
await migrate({ pool, directory: MIGRATIONS, logger });
const resources = new AsyncDisposableStack();
resources.defer(() => pool.end());
const database = new PoolDatabase({ pool, description: 'the template', embedded: true, logger, resources });
const jobs = await PgBossJobQueue.open({ database, log: logger, maintains: false });
await jobs.close();
await database.close();
// So that whoever opens the dump has nothing to recover.
await pglite.exec('CHECKPOINT');
const dump = await pglite.dumpDataDir('gzip');
await pglite.close();

const migrations: RecordedMigration[] = (await readMigrations(MIGRATIONS)).map(({ name, checksum }) => ({
  name,
  checksum,
}));
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, DUMP), await dump.bytes());
writeFileSync(join(folder, MIGRATIONS_OF_DUMP), JSON.stringify(migrations));
