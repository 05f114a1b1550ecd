import { randomBytes } from 'node:crypto';
import { buffer } from 'node:stream/consumers';
import { Invalid, NotFound, QuotaExceeded, Unavailable } from '../../../kernel/errors.js';
import { connectionOf, pageRequest, type Connection, type PageArguments } from '../../../kernel/page.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { Database } from '../../../ports/database.js';
import { keyedAct } from '../../../ports/keyed-act.js';
import type { ByteRange, ObjectStore, StoredObject } from '../../../ports/object-store.js';
import type { PlanCatalogue } from '../plans/plan.js';
import type { UsageService } from '../usage/usage.service.js';
import { cleanFilename, cleanMediaType, type IncomingFile, type UploadRow } from './upload.js';
import type { UploadsRepository } from './uploads.repository.js';

const ACCESS_KEY_BYTES = 16;
/** Renewed while the file is being uploaded: the place of a file whose instance is gone is free again after this. */
const STORE_LEASE_SECONDS = 45;
const RENEW_MS = 15_000;
const DELETE_LEASE_SECONDS = 60;
/** Number of files that one round of the sweep removes. */
const SWEEP_BATCH = 20;

export interface UploadsServiceNeeds {
  readonly database: Pick<Database, 'transaction'>;
  readonly repository: UploadsRepository;
  readonly store: ObjectStore;
  readonly plans: Pick<PlanCatalogue, 'of'>;
  readonly usage: Pick<UsageService, 'recordUpload'>;
  /** Maximum bytes of a file. */
  readonly maxBytes: number;
}

/** A file found by its access key, ready to be read. */
export interface OpenedUpload extends Pick<UploadRow, 'id' | 'filename' | 'contentType' | 'size'> {
  /** Null when the bytes are missing. */
  read(range?: ByteRange): Promise<StoredObject | null>;
}

export class UploadsService {
  constructor(private readonly needs: UploadsServiceNeeds) {}

  /**
   * Stores a file as it arrives. Reserves its place in the plan first, and releases it if anything fails. One that came before under
   * the same `Idempotency-Key` is not stored again.
   * @throws QuotaExceeded when the plan allows no more files; Invalid `File too large`; any error of reading the file
   */
  async store(viewer: Viewer, file: IncomingFile): Promise<UploadRow> {
    const stored = keyedAct()?.remembered;
    if (stored !== undefined) return stored as UploadRow;
    const { database, repository, store, plans, usage, maxBytes } = this.needs;
    const contentType = cleanMediaType(file.contentType);
    const id = await repository.reserve(
      {
        userId: viewer.userId,
        accessKey: randomBytes(ACCESS_KEY_BYTES).toString('base64url'),
        filename: cleanFilename(file.filename),
        contentType,
        leaseSeconds: STORE_LEASE_SECONDS,
      },
      (plan) => plans.of(plan).maxFileUploads,
    );
    if (id === undefined) throw new NotFound('User');
    if (id === null) throw new QuotaExceeded();
    const renewal = setInterval(() => {
      // One that fails is made up for by the next, or the file is given up when it is complete.
      repository.renew(id, STORE_LEASE_SECONDS).catch(() => undefined);
    }, RENEW_MS);
    try {
      const size = await store.put(id, atMost(file.read(), maxBytes), contentType);
      return await database.transaction(async (sql) => {
        const row = await repository.complete(sql, id, size);
        if (row === null) throw new Unavailable('Storing the file took too long');
        await usage.recordUpload(sql, viewer.userId);
        await keyedAct()?.remember(sql, row);
        return row;
      });
    } catch (error) {
      const stored = await this.giveUp(viewer, id);
      if (stored !== null) return stored;
      throw error;
    } finally {
      clearInterval(renewal);
    }
  }

  /** Newest first. */
  async list(viewer: Viewer, args: PageArguments): Promise<Connection<UploadRow>> {
    const { repository } = this.needs;
    const page = await repository.page(viewer.userId, pageRequest(args));
    return connectionOf(page, () => repository.count(viewer.userId));
  }

  findVisible(viewer: Viewer, id: string): Promise<UploadRow | null> {
    return this.needs.repository.findOwned(viewer.userId, id);
  }

  /**
   * Deletes a file, whose URL stops working at once.
   * @returns the deleted file
   * @throws NotFound when the file does not exist or is another user's
   */
  async delete(viewer: Viewer, id: string): Promise<UploadRow> {
    const row = await this.needs.repository.hide(viewer.userId, id, DELETE_LEASE_SECONDS);
    if (row === null) throw new NotFound('File');
    // The file is already deleted for everyone: if its bytes cannot be removed now, the sweep does it later.
    await this.removeBytes(id).catch(() => undefined);
    return row;
  }

  /** The file with this access key. Null when there is none, or its user is deleted. */
  async open(accessKey: string): Promise<OpenedUpload | null> {
    const row = await this.needs.repository.findByAccessKey(accessKey);
    if (row === null) return null;
    const { id, filename, contentType, size } = row;
    return { id, filename, contentType, size, read: (range) => this.needs.store.get(id, range) };
  }

  /** The bytes of a stored file, all at once. Null when they are gone. @throws Unavailable while the store is away */
  async readBytes(id: string, range?: ByteRange): Promise<Uint8Array | null> {
    const stored = await this.needs.store.get(id, range);
    return stored && buffer(stored.bytes);
  }

  /** Stored files of the viewer, by their ids. */
  loadVisible(viewer: Viewer, ids: readonly string[]): Promise<readonly UploadRow[]> {
    return this.needs.repository.findAllOwned(viewer.userId, ids);
  }

  /** Removes files that were left half stored or half deleted. @returns how many */
  async sweep(): Promise<number> {
    let removed = 0;
    for (;;) {
      const ids = await this.needs.repository.claimAbandoned(SWEEP_BATCH, DELETE_LEASE_SECONDS);
      for (const id of ids) await this.removeBytes(id);
      removed += ids.length;
      if (ids.length < SWEEP_BATCH) return removed;
    }
  }

  /** For a start while no other instance is running: every file that is not stored is abandoned. */
  expireAllLeases(): Promise<void> {
    return this.needs.repository.expireAllLeases();
  }

  /**
   * Takes back a file that failed. Where the database does not say now whether it is stored, the sweep does it later.
   * @returns the file when it is stored all the same: the answer to the commit was lost
   */
  private async giveUp(viewer: Viewer, id: string): Promise<UploadRow | null> {
    const { repository } = this.needs;
    try {
      // The place is free before the client is told.
      const isReleased = await repository.release(id, DELETE_LEASE_SECONDS);
      const stored = isReleased ? null : await repository.findOwned(viewer.userId, id);
      if (stored === null) void this.removeBytes(id).catch(() => undefined);
      return stored;
    } catch {
      return null;
    }
  }

  private async removeBytes(id: string): Promise<void> {
    await this.needs.store.delete(id);
    await this.needs.repository.remove(id);
  }
}

async function* atMost(
  bytes: AsyncIterable<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  let length = 0;
  for await (const chunk of bytes) {
    length += chunk.length;
    if (length > maxBytes)
      throw new Invalid([{ field: 'file', message: `must be at most ${maxBytes} bytes` }], 'File too large');
    yield chunk;
  }
}
