import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { Dicer } from '@fastify/busboy';
import { dispositionOf } from './headers/content-disposition.js';
import { bodyTypeOf, boundaryOf } from './headers/content-type.js';
import { Invalid } from '../kernel/errors.js';
import { FileUpload } from '../graphql/upload-scalar.js';

/** The body could not be read as multipart/form-data. */
export class MalformedMultipart extends Error {
  constructor(
    readonly reason: 'media-type' | 'malformed' | 'too-large',
    message: string,
  ) {
    super(message);
  }
}

/** A multipart body that was read up to its file: the fields before it, and the file, whose bytes are still arriving. */
export interface MultipartBody {
  readonly fields: ReadonlyMap<string, string>;
  /** Null when the body has no file. */
  readonly file: { readonly field: string; readonly upload: FileUpload } | null;
  /** Drops the unread rest of the body as it arrives. Call it once the request has been answered. */
  readonly finish: () => void;
}

export interface MultipartLimits {
  /** Maximum bytes of the body, checked against `Content-Length`. The reader of the file limits the file's bytes. */
  readonly bodyBytes: number;
  /** Maximum bytes of a field that is not a file. */
  readonly fieldBytes: number;
  /** Names of parts, of any kind and in any place, that count for nothing. None by default. */
  readonly passesOver?: (name: string) => boolean;
}

/** More than the GraphQL multipart request specification needs, and few enough to limit memory. */
const MAX_FIELDS = 8;
const MAX_HEADER_BYTES = 8_192;
const MAX_HEADER_FIELDS = 20;

const cutOff = () => new Invalid([{ field: 'file', message: 'was cut off' }], 'The upload was cut off');
const malformed = () => new MalformedMultipart('malformed', 'The body is not valid multipart/form-data');

/**
 * Reads a body of fields followed by one file. Resolves as soon as the file begins; the file's bytes are taken from the socket
 * as they are read, so that memory does not grow with the file's size.
 *
 * Whether the body is complete is known only at its end: reading the file throws Invalid when the body is cut off, or has
 * more parts after the file.
 * @throws MalformedMultipart
 */
export function readMultipart(request: IncomingMessage, limits: MultipartLimits): Promise<MultipartBody> {
  return new MultipartReader(request, limits).body;
}

/** The header fields of a part by their names in lower case, as bytes in Latin-1. */
type PartHeader = Readonly<Record<string, readonly string[] | undefined>>;

function mediaTypeOf(header: PartHeader): string {
  return header['content-type']?.[0]?.split(';', 1)[0]?.trim().toLowerCase() ?? 'text/plain';
}

class MultipartReader {
  readonly body: Promise<MultipartBody>;
  private readonly begun = Promise.withResolvers<MultipartBody>();
  /** Rejects for faults of the body that are found after the file began. */
  private readonly ended = Promise.withResolvers<undefined>();
  private readonly fields = new Map<string, string>();
  private file: Readable | undefined;
  /** A promise for each field, which resolves when it has been read. */
  private readonly reading: Promise<undefined>[] = [];
  private passedOver = 0;

  constructor(
    private readonly request: IncomingMessage,
    private readonly limits: MultipartLimits,
  ) {
    this.body = this.begun.promise;
    // The reader of the file awaits this promise. Without a reader, its rejection must not end the process.
    this.ended.promise.catch(() => undefined);
    const { bodyBytes } = limits;
    const boundary = boundaryOf(request);
    if (bodyTypeOf(request).mediaType !== 'multipart/form-data') {
      this.begun.reject(new MalformedMultipart('media-type', 'Send the body as multipart/form-data'));
    } else if (Number(request.headers['content-length'] ?? 0) > bodyBytes) {
      this.begun.reject(new MalformedMultipart('too-large', `The body is larger than ${bodyBytes} bytes`));
    } else if (boundary === null) {
      this.begun.reject(malformed());
    } else {
      this.read(boundary);
    }
  }

  private read(boundary: string): void {
    const config: Dicer.Config & { readonly maxHeaderSize: number } = {
      boundary,
      maxHeaderPairs: MAX_HEADER_FIELDS,
      maxHeaderSize: MAX_HEADER_BYTES,
    };
    const parser = new Dicer(config);
    parser.on('part', (part) => {
      part.on('error', () => {
        this.fail(malformed(), cutOff());
      });
      part.once('header', (header) => {
        this.take(part, header as PartHeader, parser);
      });
    });
    parser.on('error', () => {
      this.fail(malformed(), cutOff());
    });
    parser.once('finish', () => {
      this.ended.resolve(undefined);
      this.begun.resolve(this.bodyWith(null, () => undefined));
    });
    this.request.once('close', () => {
      // `close` also follows a complete body, a part of which the parser may still have to process.
      if (!this.request.complete) this.fail(malformed(), cutOff());
    });
    this.request.pipe(parser);
  }

  private take(part: Readable, header: PartHeader, parser: Dicer): void {
    const { type, name, filename } = dispositionOf(header['content-disposition']?.[0] ?? '');
    if (type !== 'form-data' || name === undefined) {
      part.resume();
    } else if (this.limits.passesOver?.(name) === true) {
      this.passOver(part);
    } else if (this.file !== undefined) {
      part.resume();
      this.ended.reject(new Invalid([{ field: name, message: 'is not expected: the file is the last part' }]));
    } else if (filename === undefined) {
      this.takeField(part, name);
    } else {
      this.takeFile(part, name, new FileUpload(filename, mediaTypeOf(header), this.bytesOf(part)), parser);
    }
  }

  private passOver(part: Readable): void {
    const { bodyBytes } = this.limits;
    part.on('data', (chunk: Buffer) => {
      this.passedOver += chunk.length;
      if (this.passedOver <= bodyBytes) return;
      this.fail(new MalformedMultipart('too-large', `The body is larger than ${bodyBytes} bytes`), cutOff());
    });
  }

  private takeField(part: Readable, name: string): void {
    const { fieldBytes } = this.limits;
    if (this.reading.length === MAX_FIELDS) {
      part.resume();
      this.fail(malformed(), cutOff());
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    part.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length <= fieldBytes) chunks.push(chunk);
      else
        this.fail(
          new MalformedMultipart('too-large', `The field ${name} is larger than ${fieldBytes} bytes`),
          cutOff(),
        );
    });
    const read = Promise.withResolvers<undefined>();
    this.reading.push(read.promise);
    part.once('end', () => {
      this.fields.set(name, Buffer.concat(chunks).toString('utf8'));
      read.resolve(undefined);
    });
  }

  private takeFile(part: Readable, field: string, upload: FileUpload, parser: Dicer): void {
    this.file = part;
    const finish = () => {
      this.request.unpipe(parser);
      this.request.resume();
      part.destroy();
    };
    this.begun.resolve(this.bodyWith({ field, upload }, finish));
  }

  /** Resolves when the fields so far have been read: a part's `end` may come after the next part's header. */
  private async bodyWith(file: MultipartBody['file'], finish: () => void): Promise<MultipartBody> {
    await Promise.all(this.reading);
    return { fields: this.fields, file, finish };
  }

  private async *bytesOf(stream: Readable): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      for await (const chunk of stream) yield chunk as Uint8Array;
    } catch (error) {
      await this.ended.promise;
      throw error;
    }
    await this.ended.promise;
  }

  private fail(before: MalformedMultipart, after: Invalid): void {
    this.begun.reject(before);
    this.ended.reject(after);
    this.file?.destroy(after);
  }
}
