import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { Busboy, type BusboyInstance } from '@fastify/busboy';
import { bodyTypeOf } from './headers/content-type.js';
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
}

/** More than the GraphQL multipart request specification needs, and few enough to limit memory. */
const MAX_FIELDS = 8;
const MAX_HEADER_BYTES = 8_192;

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

class MultipartReader {
  readonly body: Promise<MultipartBody>;
  private readonly begun = Promise.withResolvers<MultipartBody>();
  /** Rejects for faults of the body that are found after the file began. */
  private readonly ended = Promise.withResolvers<undefined>();
  private readonly fields = new Map<string, string>();
  private file: Readable | undefined;

  constructor(
    private readonly request: IncomingMessage,
    { bodyBytes, fieldBytes }: MultipartLimits,
  ) {
    this.body = this.begun.promise;
    // The reader of the file awaits this promise. Without a reader, its rejection must not end the process.
    this.ended.promise.catch(() => undefined);
    const contentType = request.headers['content-type'] ?? '';
    if (bodyTypeOf(request).mediaType !== 'multipart/form-data') {
      this.begun.reject(new MalformedMultipart('media-type', 'Send the body as multipart/form-data'));
    } else if (Number(request.headers['content-length'] ?? 0) > bodyBytes) {
      this.begun.reject(new MalformedMultipart('too-large', `The body is larger than ${bodyBytes} bytes`));
    } else {
      this.read(contentType, fieldBytes);
    }
  }

  private read(contentType: string, fieldBytes: number): void {
    let parser: BusboyInstance;
    try {
      parser = this.parser(contentType, fieldBytes);
    } catch {
      // The content type names no boundary.
      this.begun.reject(malformed());
      return;
    }
    parser.on('error', () => {
      this.fail(malformed(), cutOff());
    });
    parser.once('finish', () => {
      this.begun.resolve({ fields: this.fields, file: null, finish: () => undefined });
      this.ended.resolve(undefined);
    });
    this.request.once('close', () => {
      // `close` also follows a complete body, a part of which the parser may still have to process.
      if (!this.request.complete) this.fail(malformed(), cutOff());
    });
    this.request.pipe(parser);
  }

  private parser(contentType: string, fieldBytes: number): BusboyInstance {
    const parser = new Busboy({
      headers: { ...this.request.headers, 'content-type': contentType },
      limits: { fields: MAX_FIELDS, fieldSize: fieldBytes, headerSize: MAX_HEADER_BYTES, headerPairs: 20 },
      isPartAFile: (_name, _type, filename) => filename !== undefined,
    });
    parser.on('field', (name, value, _nameCut, valueCut) => {
      if (this.file !== undefined) this.refuseAfterFile(name);
      else if (valueCut) {
        const message = `The field ${name} is larger than ${fieldBytes} bytes`;
        this.fail(new MalformedMultipart('too-large', message), cutOff());
      } else this.fields.set(name, value);
    });
    parser.on('fieldsLimit', () => {
      this.fail(malformed(), cutOff());
    });
    parser.on('file', (field, stream, filename, _encoding, mediaType) => {
      stream.on('error', () => {
        this.fail(malformed(), cutOff());
      });
      if (this.file !== undefined) {
        stream.resume();
        this.refuseAfterFile(field);
        return;
      }
      this.file = stream;
      const upload = new FileUpload(filename, mediaType, this.bytesOf(stream));
      this.begun.resolve({
        fields: this.fields,
        file: { field, upload },
        finish: () => {
          this.request.unpipe(parser);
          this.request.resume();
          stream.destroy();
        },
      });
    });
    return parser;
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

  private refuseAfterFile(field: string): void {
    this.ended.reject(new Invalid([{ field, message: 'is not expected: the file is the last part' }]));
  }

  private fail(before: MalformedMultipart, after: Invalid): void {
    this.begun.reject(before);
    this.ended.reject(after);
    this.file?.destroy(after);
  }
}
