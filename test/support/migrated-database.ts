import type { PGlite } from '@electric-sql/pglite';
import { createHash } from 'node:crypto';
import { openAsBlob } from 'node:fs';
import { cp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { DUMP, EMBEDDED_TEMPLATE } from '../../src/adapters/postgres/embedded-template.js';
import { openDatabase } from '../../src/adapters/postgres/open-database.js';
import { startPglite } from '../../src/adapters/postgres/pglite.js';
import { migrationsDirectory, silentLogger } from './servers.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/flynkle-api');

/** A DATA_DIR with a migrated, empty database in it: to copy it takes a tenth of the time that a first start takes. */
export async function fillDataDirectory(directory: string): Promise<void> {
  await cp(join(await migratedFolder(), 'postgres'), join(directory, 'postgres'), { recursive: true });
}

async function migratedFolder(): Promise<string> {
  const folder = join(CACHE, `data-${await templateFingerprint()}`);
  const kept = await readdir(CACHE).catch(() => []);
  if (kept.some((name) => join(CACHE, name) === folder)) return folder;
  // Under its name only when whole: another worker may be at the same point, and one of both is enough.
  const unfinished = `${folder}.${process.pid}`;
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

async function templateFingerprint(): Promise<string> {
  const dump = await readFile(new URL(DUMP, EMBEDDED_TEMPLATE));
  return createHash('sha256').update(dump).digest('hex').slice(0, 16);
}
