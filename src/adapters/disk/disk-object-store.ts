import { createHash, randomBytes } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { access, constants, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { isMissing } from '../../kernel/error-code.js';
import { Unavailable } from '../../kernel/errors.js';
import type { Log } from '../../kernel/log.js';
import type { ByteRange, ObjectStore, StoredObject } from '../../ports/object-store.js';
import { flushDirectory } from './flush-directory.js';

/** Age after which a draft is abandoned: no request lasts so long, so its process is gone. */
const DRAFT_LIFETIME_MS = 3_600_000;

/**
 * Objects as files of one folder, `<two digits>/<SHA-256 of the key>`, readable by their owner alone. Any number of processes
 * may share the folder.
 */
export class DiskObjectStore implements ObjectStore {
  readonly description: string;

  private constructor(
    private readonly directory: string,
    private readonly log: Pick<Log, 'warn'>,
  ) {
    this.description = `the folder ${directory}`;
  }

  /** Creates the folder, and removes drafts that a crash left behind. */
  static async open(directory: string, log: Pick<Log, 'warn'>): Promise<DiskObjectStore> {
    const store = new DiskObjectStore(directory, log);
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
    return this.reach('put', () => this.write(key, bytes));
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | null> {
    return this.reach('get', () => this.read(key, range));
  }

  ping(): Promise<void> {
    return this.reach('ping', () => access(this.drafts, constants.R_OK | constants.W_OK));
  }

  async delete(key: string): Promise<void> {
    await this.reach('delete', () => rm(this.placeOf(key).file, { force: true }));
  }

  private async write(key: string, bytes: AsyncIterable<Uint8Array>): Promise<number> {
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
      await rm(draft, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  private async read(key: string, range?: ByteRange): Promise<StoredObject | null> {
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

  /** @throws Unavailable when the disk is full, read-only or gone, and the like */
  private async reach<Result>(action: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      if (!isOfDisk(error)) throw error;
      this.log.warn({ action, reason: error.message }, `${this.description} failed`);
      throw new Unavailable('The file store cannot be reached at present', { cause: error });
    }
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

const DISK_CODES = new Set([
  'EACCES',
  'EDQUOT',
  'EIO',
  'EMFILE',
  'ENFILE',
  'ENOENT',
  'ENOSPC',
  'ENOTDIR',
  'EPERM',
  'EROFS',
]);

/** Other errors are those of whoever sends the bytes. */
function isOfDisk(error: unknown): error is Error {
  return Error.isError(error) && 'code' in error && DISK_CODES.has(String(error.code));
}

function nullWhenMissing(error: unknown): null {
  if (isMissing(error)) return null;
  throw error;
}
