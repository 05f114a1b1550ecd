import { randomBytes } from 'node:crypto';
import { createReadStream, createWriteStream, type ReadStream } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { Client } from 'minio';
import { Unavailable } from '../../kernel/errors.js';
import { StartupError } from '../../kernel/startup-error.js';
import type { ByteRange, ObjectStore, StoredObject } from '../../ports/object-store.js';

export interface S3Settings {
  /** Host, and a port other than the default: `s3.example.com`, `127.0.0.1:9000`. */
  readonly endpoint: string;
  readonly accessKey: string;
  readonly secretKey: string;
  readonly bucket: string;
  readonly useSsl: boolean;
}

/** Part size of multipart uploads: S3's minimum, and the most of a file that is held in memory. */
const PART_BYTES = 5 * 1024 * 1024;
const MISSING = new Set(['NoSuchKey', 'NotFound']);

/** Objects in a bucket of any S3 server. */
export class S3ObjectStore implements ObjectStore {
  readonly description: string;

  private constructor(
    private readonly client: Client,
    private readonly bucket: string,
    endpoint: string,
  ) {
    this.description = `the bucket ${bucket} at ${endpoint}`;
  }

  /** Creates the bucket if it does not exist. @throws StartupError when the server cannot be reached or refuses */
  static async open({ endpoint, accessKey, secretKey, bucket, useSsl }: S3Settings): Promise<S3ObjectStore> {
    const { hostname, port } = new URL(`http://${endpoint}`);
    try {
      const client = new Client({
        endPoint: hostname,
        ...(port === '' ? {} : { port: Number(port) }),
        useSSL: useSsl,
        accessKey,
        secretKey,
        partSize: PART_BYTES,
      });
      if (!(await client.bucketExists(bucket))) await makeBucket(client, bucket);
      return new S3ObjectStore(client, bucket, endpoint);
    } catch (error) {
      throw new StartupError(`MINIO_ENDPOINT ${endpoint}, bucket ${bucket}: ${reasonOf(error)}`, { cause: error });
    }
  }

  /**
   * Buffers the upload in a file: the S3 client hangs when the stream that it reads fails half-way, and the server would keep
   * the parts already sent.
   */
  async put(key: string, bytes: AsyncIterable<Uint8Array>, contentType: string): Promise<number> {
    const draft = join(tmpdir(), `flynkle-upload-${randomBytes(16).toString('hex')}`);
    try {
      const target = createWriteStream(draft, { mode: 0o600, flags: 'wx' });
      await pipeline(bytes, target);
      const size = target.bytesWritten;
      await reach(() => this.#send(key, createReadStream(draft), size, contentType));
      return size;
    } finally {
      await rm(draft, { force: true });
    }
  }

  /** The client pipes what is larger than a part without listening for its failures, which would end the process. */
  async #send(key: string, source: ReadStream, size: number, contentType: string): Promise<void> {
    const { promise: failed, reject } = Promise.withResolvers<never>();
    source.on('error', reject);
    const sent = this.client.putObject(this.bucket, key, source, size, { 'Content-Type': contentType });
    await Promise.race([sent, failed]).finally(() => source.destroy());
  }

  async get(key: string, range?: ByteRange): Promise<StoredObject | null> {
    return reach(async () => {
      try {
        const { size } = await this.client.statObject(this.bucket, key);
        const bytes =
          range === undefined
            ? await this.client.getObject(this.bucket, key)
            : await this.client.getPartialObject(this.bucket, key, range.start, range.end - range.start + 1);
        return { size, bytes };
      } catch (error) {
        if (MISSING.has(String(codeOf(error)))) return null;
        throw error;
      }
    });
  }

  async delete(key: string): Promise<void> {
    await reach(() => this.client.removeObject(this.bucket, key));
  }
}

async function makeBucket(client: Client, bucket: string): Promise<void> {
  try {
    await client.makeBucket(bucket);
  } catch (error) {
    // Another instance created it first.
    if (codeOf(error) !== 'BucketAlreadyOwnedByYou') throw error;
  }
}

async function reach<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw new Unavailable('The file store cannot be reached at present', { cause: error });
  }
}

function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

function reasonOf(error: unknown): string {
  const message = typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : '';
  const code = codeOf(error);
  return message || (typeof code === 'string' ? code : 'it cannot be reached');
}
