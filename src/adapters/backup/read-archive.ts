import { createHash, type Hash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import tar, { type Entry, type Extract } from 'tar-stream';
import { StartupError } from '../../kernel/startup-error.js';
import { CHECKSUMS, hashing, lineOf, MANIFEST } from './archive-entries.js';
import { isItemName } from './contents.js';
import { FORMAT, type Manifest, manifestSchema } from './manifest.js';

/** A manifest has a line per migration. */
const MOST_MANIFEST_BYTES = 4 * 1024 * 1024;
/** What goes wrong with the folder, and not with the archive. */
const OF_THE_DISK = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EACCES', 'EPERM', 'EIO', 'EMFILE']);

class Damaged extends Error {}

export interface ReadOptions {
  /** An empty folder. */
  readonly into: string;
  /** Looks at what the archive says of itself before anything is unpacked. @throws StartupError to refuse it */
  readonly accept: (manifest: Manifest) => void;
}

/**
 * Unpacks an archive that {@link writeArchive} wrote. It makes files and folders below `into` alone, whatever the archive holds.
 * @throws StartupError when the archive is not whole, not ours, or refused: `into` may have a part of it then
 */
export async function readArchive(file: string, { into, accept }: ReadOptions): Promise<Manifest> {
  const entries = tar.extract();
  const bytes = createReadStream(file);
  const read = pipeline(bytes, createGunzip(), entries);
  // Told by the entries, too.
  read.catch(() => undefined);
  try {
    const manifest = await unpack(entries, into, accept);
    // What follows the last entry belongs to the compressed file, whose own checksum is at its end.
    await read;
    return manifest;
  } catch (error) {
    entries.destroy();
    bytes.destroy();
    throw refusal(file, into, error);
  }
}

async function unpack(entries: Extract, into: string, accept: ReadOptions['accept']): Promise<Manifest> {
  /** The hash of the lines that the last entry must have. */
  const lines = createHash('sha256');
  let manifest: Manifest | undefined;
  let isWhole = false;
  for await (const entry of entries) {
    const { name } = entry.header;
    if (isWhole) throw new Damaged(`it goes on after its end, with ${quoted(name)}`);
    if (manifest === undefined) {
      manifest = await readManifest(entry, lines);
      accept(manifest);
    } else if (name === CHECKSUMS) {
      const expected = lines.digest('hex');
      if ((await hashOf(entry)) !== expected) throw new Damaged('its checksums are not those of its files');
      isWhole = true;
    } else await unpackItem(entry, into, lines);
  }
  if (manifest === undefined) throw new Damaged('it is empty');
  if (!isWhole) throw new Damaged('its end is missing');
  return manifest;
}

async function readManifest(entry: Entry, lines: Hash): Promise<Manifest> {
  const { name, size = 0, type } = entry.header;
  if (name !== MANIFEST || type !== 'file' || size > MOST_MANIFEST_BYTES) {
    throw new Damaged('it is not a backup that this program made');
  }
  const bytes = await buffer(entry);
  lines.update(lineOf(createHash('sha256').update(bytes).digest('hex'), name));
  const json: unknown = JSON.parse(bytes.toString('utf8'));
  const { format } = manifestSchema.pick({ format: true }).parse(json);
  if (format > FORMAT)
    throw new StartupError('it was made by a newer release of this program: restore it with that one');
  return manifestSchema.parse(json);
}

async function unpackItem(entry: Entry, into: string, lines: Hash): Promise<void> {
  const { type } = entry.header;
  const name = type === 'directory' ? entry.header.name.replace(/\/$/, '') : entry.header.name;
  if (!isItemName(name)) throw new Damaged(`it has ${quoted(name)}, which is outside of what a backup holds`);
  if (type === 'directory') {
    await mkdir(join(into, name), { mode: 0o700 });
    entry.resume();
  } else if (type === 'file' || type === 'contiguous-file') {
    const hash = createHash('sha256');
    await pipeline(entry, hashing(hash), createWriteStream(join(into, name), { mode: 0o600, flags: 'wx' }));
    lines.update(lineOf(hash.digest('hex'), name));
  } else throw new Damaged(`${quoted(name)} in it is neither a file nor a folder`);
}

async function hashOf(entry: Entry): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of entry) hash.update(chunk);
  return hash.digest('hex');
}

function refusal(file: string, into: string, error: unknown): unknown {
  const { message, code } =
    error instanceof Error ? (error as NodeJS.ErrnoException) : { message: '', code: undefined };
  if (error instanceof StartupError) return new StartupError(`${file} is not restored: ${message}`, { cause: error });
  if (code !== undefined && OF_THE_DISK.has(code)) {
    return new StartupError(`${file} cannot be unpacked in ${into}: ${message}`, { cause: error });
  }
  const reason = error instanceof Damaged ? message : `it cannot be read to its end (${message})`;
  return new StartupError(`${file} is damaged, or no backup: ${reason}`, { cause: error });
}

function quoted(name: string): string {
  return JSON.stringify(name);
}
