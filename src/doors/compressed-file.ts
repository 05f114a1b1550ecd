import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { prefersGzip } from './headers/accept.js';
import { hasCurrent } from './headers/validators.js';

export interface CompressedFileOptions {
  /** The media type with its charset. */
  readonly contentType: string;
  /** Called once, at the first request, so that a file nobody asks for costs nothing. */
  readonly load: () => Promise<string | Buffer>;
  /** Additional response headers, such as `vary`. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers any request with the file. Rejects when the file cannot be loaded. */
export type SendFile = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

interface Loaded {
  readonly gzipped: Buffer;
  readonly digest: string;
}

/**
 * Serves a file of the program, compressed once and kept in memory. A client that already has it gets 304. A client that
 * accepts no encoding at all (`*;q=0`) gets it uncompressed, which is more useful than 406.
 */
export function compressedFile({ contentType, load, headers = {} }: CompressedFileOptions): SendFile {
  let loading: Promise<Loaded> | undefined;
  let unpacking: Promise<Buffer> | undefined;
  return async (request, response) => {
    loading ??= compress(load);
    const { gzipped, digest } = await loading;
    const isGzipped = prefersGzip(request);
    // Other bytes have another strong tag (RFC 9110, 8.8.3.3).
    const entityTag = isGzipped ? `"${digest}-gzip"` : `"${digest}"`;
    const common = { vary: 'Accept-Encoding', ...headers, etag: entityTag, 'cache-control': 'no-cache' };
    if (hasCurrent(request, entityTag)) {
      response.writeHead(304, common).end();
      return;
    }
    if (isGzipped) {
      const framing = { 'content-encoding': 'gzip', 'content-length': gzipped.length };
      response.writeHead(200, { ...common, 'content-type': contentType, ...framing }).end(gzipped);
      return;
    }
    // Kept from the first such client on: to unpack it again for each would take tens of milliseconds.
    unpacking ??= promisify(gunzip)(gzipped);
    const plain = await unpacking;
    const framing = { 'content-length': plain.length };
    response.writeHead(200, { ...common, 'content-type': contentType, ...framing }).end(plain);
  };
}

async function compress(load: CompressedFileOptions['load']): Promise<Loaded> {
  const content = await load();
  const digest = createHash('sha256').update(content).digest('base64url').slice(0, 22);
  return { gzipped: await promisify(gzip)(content), digest };
}
