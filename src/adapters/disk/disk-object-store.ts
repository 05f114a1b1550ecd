import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { ByteRange, ObjectStore, StoredObject } from '../../ports/object-store.js';

/** Age after which a draft is abandoned: no request lasts so long, so its process is gone. */
const DRAFT_LIFETIME_MS = 3_600_000;

/**
 * Objects as files of one folder, `<two digits>/<SHA-256 of the key>`, readable by their owner alone. Any number of processes
 * may share the folder.
 */
export class DiskObjectStore implements ObjectStore {
  readonly description: string;

  private constructor(private readonly directory: string) {
    this.description = `the folder ${directory}`;
  }

  /** Creates the folder, and removes drafts that a crash left behind. */
  static async open(directory: string): Promise<DiskObjectStore> {
    const store = new DiskObjectStore(directory);
    await mkdir(store.drafts, { recursive: true, mode: 0o700 });
    const oldest = Date.now() - DRAFT_LIFETIME_MS;
    for (const name of await readdir(store.drafts)) {
      const file = join(store.drafts, name);
      const { mtimeMs } = await stat(file).catch(() => ({ mtimeMs: Infinity }));
      if (mtimeMs < oldest) await rm(file, { force: true });
    }
    return store;
  }

  async put(key: string, bytes: AsyncIterable<Uint8Array>): Promise<number> {
    const draft = join(this.drafts, randomBytes(16).toString('hex'));
    const { directory, file } = this.placeOf(key);
    try {
      const target = createWriteStream(draft, { mode: 0o600, flags: 'wx', flush: true });
      await pipeline(bytes, target);
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await rename(draft, file);
      await flushDirectory(directory);
      return target.bytesWritten;
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | null> {
    const handle = await open(this.placeOf(key).file).catch(nullWhenMissing);
    if (handle === null) return null;
    try {
      const { size } = await handle.stat();
      return { size, bytes: handle.createReadStream(range ?? {}) };
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  async delete(key: string): Promise<void> {
    await rm(this.placeOf(key).file, { force: true });
  }

  private get drafts(): string {
    return join(this.directory, 'drafts');
  }

  private placeOf(key: string): { readonly directory: string; readonly file: string } {
    const name = createHash('sha256').update(key).digest('hex');
    const directory = join(this.directory, name.slice(0, 2));
    return { directory, file: join(directory, name) };
  }
}

/** Flushes a directory: otherwise a power cut may undo the rename of a file that was itself flushed. */
async function flushDirectory(directory: string): Promise<void> {
  const handle = await open(directory);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function nullWhenMissing(error: unknown): null {
  if (typeof error === 'object' && error !== null && 'code' in error && error.code === 'ENOENT') return null;
  throw error;
}
