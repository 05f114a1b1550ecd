import { createHash } from 'node:crypto';
import { cp, link, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { migrate } from '../../src/adapters/postgres/migrate.js';
import { openDatabase } from '../../src/adapters/postgres/open-database.js';
import { createPglitePool, startPglite } from '../../src/adapters/postgres/pglite.js';
import { migrationsDirectory, silentLogger } from './servers.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const CACHE = join(ROOT, 'node_modules/.cache/flynkle-api');

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
export async function migratedArchive(): Promise<string> {
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
  await link(unfinished, file).catch(() => undefined);
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
