import { createReadStream, existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { createGunzip } from 'node:zlib';
import type { Log } from '../../kernel/log.js';
import { PRODUCT_FOLDER } from '../../kernel/product-folder.js';
import type { Migration } from './migrate.js';

/** The template that tools/build.ts makes. It is missing where nothing was built yet. */
export const EMBEDDED_TEMPLATE = new URL('dist/embedded-template/', PRODUCT_FOLDER);

/** In a template: the folder of a database without users, as PGlite dumps it. */
export const DUMP = 'database.tar.gz';
/** In a template: an array of the migrations that the database has. */
export const MIGRATIONS_OF_DUMP = 'migrations.json';

export type RecordedMigration = Pick<Migration, 'name' | 'checksum'>;

/** Bytes decompressed at once. */
const PIECE = 1_048_576;

/**
 * Whether a new database may begin with the template. It may lack some of `migrations`, which are applied afterwards. With one
 * that was edited or removed since, it would be refused as a database.
 */
export async function isUsable(template: URL, migrations: readonly RecordedMigration[], logger: Log): Promise<boolean> {
  const list = new URL(MIGRATIONS_OF_DUMP, template);
  if (!existsSync(list)) return false;
  const contained = JSON.parse(await readFile(list, 'utf8')) as readonly RecordedMigration[];
  const checksums = new Map(migrations.map(({ name, checksum }) => [name, checksum]));
  const others = contained.filter(({ name, checksum }) => checksums.get(name) !== checksum).map(({ name }) => name);
  if (others.length === 0) return true;
  logger.warn({ migrations: others }, 'The template of the embedded database has other migrations, and is not used');
  return false;
}

/**
 * Fills an empty folder. PGlite loads dumps, too, but holds all of it in memory several times over, and writes its thousand
 * files through the file system of Emscripten: that takes a second more.
 */
export async function copyTemplate(template: URL, directory: string): Promise<void> {
  // A first start alone needs it.
  const { default: tar } = await import('tar-stream');
  const entries = tar.extract();
  // What fails is thrown where the entries are read.
  pipeline(createReadStream(new URL(DUMP, template)), createGunzip({ chunkSize: PIECE }), entries, () => undefined);
  for await (const entry of entries) {
    const { name, type } = entry.header;
    const path = join(directory, name);
    if (type === 'directory') {
      await mkdir(path, { mode: 0o700 });
      entry.resume();
    } else await writeFile(path, await buffer(entry), { mode: 0o600 });
  }
}
