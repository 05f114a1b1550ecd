import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import contentDisposition from 'content-disposition';
import type { MapError } from '../graphql/pipeline.js';
import type { ByteRange, StoredObject } from '../ports/object-store.js';
import { refusesWrite, sendEnvelope } from './envelope.js';
import { statusOf } from './error-map.js';
import { hasCurrent, rangeOf } from './headers/validators.js';
import { pathOf } from './request-target.js';

/** The path prefix of files, followed by the file's key. Anyone who has the key may read the file. */
export const FILES_PATH = '/files/';

/** A file at its address. */
export interface ServedFile {
  /** Identifies the content: the bytes under an id never change. */
  readonly id: string;
  readonly filename: string;
  readonly contentType: string;
  readonly size: number;
  read(range?: ByteRange): Promise<StoredObject | null>;
}

export interface FilesDoorOptions {
  readonly open: (key: string) => Promise<ServedFile | null>;
  readonly mapError: MapError;
}

export type FilesDoor = (request: IncomingMessage, response: ServerResponse, requestId: string) => Promise<void>;

/** Serves files by their keys, whole or in part, as downloads. Errors are in REST's envelope. */
export function createFilesDoor({ open, mapError }: FilesDoorOptions): FilesDoor {
  return async (request, response, requestId) => {
    try {
      await serve(request, response, open);
    } catch (error) {
      if (response.headersSent || response.destroyed) {
        response.destroy();
        return;
      }
      const { message, extensions } = mapError(error, requestId);
      sendEnvelope(response, { status: statusOf(extensions['code']), message });
    }
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  open: FilesDoorOptions['open'],
): Promise<void> {
  if (refusesWrite(request, response)) return;
  const key = pathOf(request.url)?.slice(FILES_PATH.length) ?? '';
  const file = KEY.test(key) ? await open(key) : null;
  if (file === null) sendEnvelope(response, NOT_FOUND);
  else await sendFile(request, response, file);
}

async function sendFile(request: IncomingMessage, response: ServerResponse, file: ServedFile): Promise<void> {
  const etag = `"${file.id}"`;
  const headers = { ...fixedHeaders(file), etag };
  if (hasCurrent(request, etag)) {
    response.writeHead(304, headers).end();
    return;
  }
  const range = rangeOf(request, etag, file.size);
  if (range === 'unsatisfiable') {
    sendEnvelope(response, { ...UNSATISFIABLE, headers: { 'content-range': `bytes */${file.size}` } });
    return;
  }
  // HEAD sends the headers of GET, and does not read the file.
  const object = request.method === 'HEAD' ? undefined : await file.read(range);
  if (object === null) {
    sendEnvelope(response, NOT_FOUND);
    return;
  }
  response.writeHead(range === undefined ? 200 : 206, { ...headers, ...lengthHeaders(range, file.size) });
  if (object === undefined) response.end();
  // The status has been sent: if the store fails half-way, cutting the connection is the only way left to say so.
  else await pipeline(object.bytes, response).catch(() => response.destroy());
}

function lengthHeaders(range: ByteRange | undefined, size: number): Readonly<Record<string, string | number>> {
  if (range === undefined) return { 'content-length': size };
  const { start, end } = range;
  return { 'content-length': end - start + 1, 'content-range': `bytes ${start}-${end}/${size}` };
}

const UNSATISFIABLE = { status: 416, message: 'Range not satisfiable' };
const NOT_FOUND = { status: 404, message: 'File not found' };
const KEY = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * Headers of every file. Users upload these files, so a browser must save them and never run them as part of this site. It may
 * cache them, and revalidates them each time.
 */
function fixedHeaders({ filename, contentType }: ServedFile): Readonly<Record<string, string>> {
  return {
    'content-type': contentType,
    'content-disposition': contentDisposition(filename, { fallback: plain(filename) }),
    'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    // Whoever knows the address may read the file: pages of other origins show it as an image, too.
    'cross-origin-resource-policy': 'cross-origin',
    'cache-control': 'private, no-cache',
    'accept-ranges': 'bytes',
  };
}

/** An ASCII file name, for clients that do not know `filename*`. */
function plain(filename: string): string {
  return filename.replace(/[^\x20-\x7e]|["\\%]/g, '_');
}
