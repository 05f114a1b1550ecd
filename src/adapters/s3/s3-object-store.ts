import { setTimeout as delay } from 'node:timers/promises';
import { Client } from 'minio';
import { codeOf } from '../../kernel/error-code.js';
import { Unavailable } from '../../kernel/errors.js';
import type { Log } from '../../kernel/log.js';
import { StartupError } from '../../kernel/startup-error.js';
import type { ByteRange, ObjectStore, StoredObject } from '../../ports/object-store.js';
import { limitedTransport, S3_LIMITS, type S3Limits } from './limited-transport.js';

export interface S3Settings {
  /** Host, and a port other than the default: `s3.example.com`, `127.0.0.1:9000`. */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
  readonly useSsl: boolean;
}

export interface S3Options extends S3Settings {
  readonly log: Pick<Log, 'warn'>;
  readonly limits?: S3Limits;
}

/** Part size of multipart uploads: S3's minimum, and the most of a file that is held in memory. */
const PART_BYTES = 5 * 1024 * 1024;
/** How long a failed upload waits for its parts to be deleted. */
const TAKE_BACK_MS = 5_000;
/** Uploads of one object that broke off: there is one at most, unless its owner was killed again and again. */
const MAX_LEFT_UPLOADS = 10;
const MISSING = new Set(['NoSuchKey', 'NotFound']);

/** Objects in a bucket of any S3 server. */
export class S3ObjectStore implements ObjectStore {
  readonly description: string;

  readonly #log: Pick<Log, 'warn'>;

  private constructor(
    private readonly client: Client,
    private readonly bucket: string,
    endpoint: string,
    log: Pick<Log, 'warn'>,
  ) {
    this.#log = log;
    this.description = `the bucket ${bucket} at ${endpoint}`;
  }

  /** Creates the bucket if it does not exist. @throws StartupError when the server cannot be reached or refuses */
  static async open({ log, limits = S3_LIMITS, ...settings }: S3Options): Promise<S3ObjectStore> {
    const { endpoint, accessKey, secretKey, bucket, useSsl } = settings;
    const { hostname, port } = new URL(`http://${endpoint}`);
    try {
      const client = new Client({
        endPoint: hostname,
        ...(port === '' ? {} : { port: Number(port) }),
        useSSL: useSsl,
        accessKey,
        secretKey,
        transport: limitedTransport(useSsl, limits),
      });
      if (!(await client.bucketExists(bucket))) await makeBucket(client, bucket);
      return new S3ObjectStore(client, bucket, endpoint, log);
    } catch (error) {
      throw new StartupError(`MINIO_ENDPOINT ${endpoint}, bucket ${bucket}: ${reasonOf(error)}`, { cause: error });
    }
  }

  /**
   * Holds one part in memory at a time, and sends it once it is full. Nothing of it can be seen before the last part is there;
   * what fails half-way is taken back, now or, while the server is away, by a later {@link delete}.
   */
  async put(key: string, bytes: AsyncIterable<Uint8Array>, contentType: string): Promise<number> {
    const headers = { 'Content-Type': contentType };
    const parts = partsOf(bytes);
    const first = (await parts.next()).value ?? Buffer.alloc(0);
    if (first.length < PART_BYTES) {
      await this.#reach('put', key, () => this.client.putObject(this.bucket, key, first, first.length, headers));
      return first.length;
    }
    const uploadId = await this.#reach('put', key, () =>
      this.client.initiateNewMultipartUpload(this.bucket, key, headers),
    );
    try {
      const etags = [await this.#sendPart(key, uploadId, 1, first)];
      let size = first.length;
      for await (const part of parts) {
        etags.push(await this.#sendPart(key, uploadId, etags.length + 1, part));
        size += part.length;
      }
      await this.#reach('put', key, () => this.client.completeMultipartUpload(this.bucket, key, uploadId, etags));
      return size;
    } catch (error) {
      await this.#takeBack(key, uploadId);
      throw error;
    }
  }

  #sendPart(key: string, uploadID: string, partNumber: number, part: Buffer): Promise<{ part: number; etag: string }> {
    const { bucket: bucketName } = this;
    const headers = { 'Content-Length': String(part.length) };
    return this.#reach('put', key, () =>
      this.client.uploadPart({ bucketName, objectName: key, uploadID, partNumber, headers }, part),
    );
  }

  /** The server would keep the parts that it has. Their owner waits no longer than this for it. */
  async #takeBack(key: string, uploadId: string): Promise<void> {
    const taken = this.client.abortMultipartUpload(this.bucket, key, uploadId).catch((error: unknown) => {
      this.#log.warn({ key, reason: reasonOf(error) }, 'parts of a file stay in the S3 server until they are swept');
    });
    await Promise.race([taken, delay(TAKE_BACK_MS, undefined, { ref: false })]);
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | null> {
    return this.#reach('get', key, async () => {
      try {
        const { size } = await this.client.statObject(this.bucket, key);
        const bytes =
          range === undefined
            ? await this.client.getObject(this.bucket, key)
            : await this.client.getPartialObject(this.bucket, key, range.start, range.end - range.start + 1);
        bytes.once('error', (error) => {
          this.#warn('get', key, error);
        });
        return { size, bytes };
      } catch (error) {
        if (MISSING.has(String(codeOf(error)))) return null;
        throw error;
      }
    });
  }

  async ping(): Promise<void> {
    const isThere = await this.#reach('ping', '', () => this.client.bucketExists(this.bucket));
    if (!isThere) throw new Unavailable('The file store cannot be reached at present');
  }

  /** Deletes parts, too, that an upload left behind which broke off. */
  async delete(key: string): Promise<void> {
    await this.#reach('delete', key, async () => {
      await this.client.removeObject(this.bucket, key);
      for (let tries = 0; tries < MAX_LEFT_UPLOADS; tries++) {
        const uploadId = await this.client.findUploadId(this.bucket, key);
        if (uploadId === undefined) return;
        await this.client.abortMultipartUpload(this.bucket, key, uploadId);
      }
    });
  }

  async #reach<Result>(action: string, key: string, work: () => Promise<Result>): Promise<Result> {
    try {
      return await work();
    } catch (error) {
      this.#warn(action, key, error);
      throw new Unavailable('The file store cannot be reached at present', { cause: error });
    }
  }

  #warn(action: string, key: string, error: unknown): void {
    this.#log.warn({ action, key, reason: reasonOf(error) }, `${this.description} failed`);
  }
}

/** The bytes in parts of {@link PART_BYTES}, the last of which is shorter. */
async function* partsOf(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer, void, undefined> {
  let held: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of bytes) {
    held.push(chunk);
    length += chunk.length;
    if (length < PART_BYTES) continue;
    const whole = Buffer.concat(held);
    const end = length - (length % PART_BYTES);
    for (let start = 0; start < end; start += PART_BYTES) yield whole.subarray(start, start + PART_BYTES);
    held = end < length ? [whole.subarray(end)] : [];
    length -= end;
  }
  if (length > 0) yield Buffer.concat(held);
}

async function makeBucket(client: Client, bucket: string): Promise<void> {
  try {
    await client.makeBucket(bucket);
  } catch (error) {
    // Another instance created it first.
    if (codeOf(error) !== 'BucketAlreadyOwnedByYou') throw error;
  }
}

function reasonOf(error: unknown): string {
  const message = typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : '';
  const code = codeOf(error);
  return message || (typeof code === 'string' ? code : 'it cannot be reached');
}
