import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import { createGunzip, gzip } from 'node:zlib';

export interface CompressedFileOptions {
  /** With its charset. */
  readonly contentType: string;
  /** Called once, at the first request: what nobody asks for costs nothing. */
  readonly load: () => Promise<string | Buffer>;
  /** `vary` and the like. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** Answers with the file, whatever the request. Rejects when it cannot be loaded. */
export type SendFile = (request: IncomingMessage, response: ServerResponse) => Promise<void>;

interface Loaded {
  readonly gzipped: Buffer;
  readonly entityTag: string;
}

/** A file of the program's own, compressed once and kept so; a client that has it already is told that it has not changed. */
export function compressedFile({ contentType, load, headers = {} }: CompressedFileOptions): SendFile {
  let loading: Promise<Loaded> | undefined;
  return async (request, response) => {
    loading ??= compress(load);
    const { gzipped, entityTag } = await loading;
    const common = { vary: 'Accept-Encoding', ...headers, etag: entityTag, 'cache-control': 'no-cache' };
    if (request.headers['if-none-match'] === entityTag) {
      response.writeHead(304, common).end();
      return;
    }
    if (/\bgzip\b/.test(String(request.headers['accept-encoding']))) {
      const framing = { 'content-encoding': 'gzip', 'content-length': gzipped.length };
      response.writeHead(200, { ...common, 'content-type': contentType, ...framing }).end(gzipped);
      return;
    }
    response.writeHead(200, { ...common, 'content-type': contentType });
    await pipeline(Readable.from([gzipped]), createGunzip(), response);
  };
}

async function compress(load: CompressedFileOptions['load']): Promise<Loaded> {
  const content = await load();
  const digest = createHash('sha256').update(content).digest('base64url').slice(0, 22);
  return { gzipped: await promisify(gzip)(content), entityTag: `"${digest}"` };
}
