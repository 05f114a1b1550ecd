import type { IncomingMessage, ServerResponse } from 'node:http';
import { pipeline } from 'node:stream/promises';
import type { MapError } from '../graphql/pipeline.js';
import type { ByteRange, StoredObject } from '../ports/object-store.js';
import { statusOf } from './error-map.js';

/** Below it stands the key of a file, which whoever has it may read. */
export const FILES_PATH = '/files/';

/** What stands at a file's address. */
export interface ServedFile {
  /** Its bytes never change under this id. */
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

/** Serves files by their keys: whole or a range of them, to save and not to show. Errors are in REST's envelope. */
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
      sendError(response, statusOf(extensions['code']), message);
    }
  };
}

async function serve(
  request: IncomingMessage,
  response: ServerResponse,
  open: FilesDoorOptions['open'],
): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    sendError(response, 405, 'Method not allowed', { allow: 'GET, HEAD' });
    return;
  }
  const key = request.url?.split('?', 1)[0]?.slice(FILES_PATH.length) ?? '';
  const file = KEY.test(key) ? await open(key) : null;
  if (file === null) {
    sendError(response, 404, 'File not found');
    return;
  }
  const etag = `"${file.id}"`;
  const headers = { ...fixedHeaders(file), etag };
  if (matches(request.headers['if-none-match'], etag)) {
    response.writeHead(304, headers).end();
    return;
  }
  const range = rangeOf(request, etag, file.size);
  if (range === 'unsatisfiable') {
    sendError(response, 416, 'Range not satisfiable', { 'content-range': `bytes */${file.size}` });
    return;
  }
  const length = range === undefined ? file.size : range.end - range.start + 1;
  const status = range === undefined ? 200 : 206;
  const bodyHeaders = {
    ...headers,
    'content-length': length,
    ...(range && { 'content-range': `bytes ${range.start}-${range.end}/${file.size}` }),
  };
  if (request.method === 'HEAD') {
    response.writeHead(status, bodyHeaders).end();
    return;
  }
  const object = await file.read(range);
  if (object === null) {
    sendError(response, 404, 'File not found');
    return;
  }
  response.writeHead(status, bodyHeaders);
  // A reader who leaves ends it, and is no error of ours; nor is a store that fails half-way one that can be told.
  await pipeline(object.bytes, response).catch(() => response.destroy());
}

const KEY = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * The bytes are a stranger's: whatever they are, a browser saves them, and runs nothing of them as if it were ours. It may
 * keep them, and asks each time whether they are still there.
 */
function fixedHeaders({ filename, contentType }: ServedFile): Readonly<Record<string, string>> {
  return {
    'content-type': contentType,
    'content-disposition': `attachment; filename="${plain(filename)}"; filename*=UTF-8''${encoded(filename)}`,
    'content-security-policy': "default-src 'none'; sandbox; frame-ancestors 'none'",
    'x-content-type-options': 'nosniff',
    'cache-control': 'private, no-cache',
    'accept-ranges': 'bytes',
  };
}

/** For clients that do not know `filename*`. */
function plain(filename: string): string {
  return filename.replace(/[^\x20-\x7e]|["\\%]/g, '_');
}

/** RFC 8187, 3.2.1. */
function encoded(filename: string): string {
  return encodeURIComponent(filename).replace(
    /['()*]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function matches(header: string | undefined, etag: string): boolean {
  if (header === undefined) return false;
  return header.trim() === '*' || header.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

/** One range (RFC 9110, 14.2); several, other units and what cannot be read are passed over, as a server may. */
function rangeOf({ headers }: IncomingMessage, etag: string, size: number): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(headers.range?.replaceAll(' ', '') ?? '');
  const [, first = '', last = ''] = match ?? [];
  if (first === '' && last === '') return undefined;
  if (headers['if-range'] !== undefined && headers['if-range'] !== etag) return undefined;
  if (first === '') {
    const length = Math.min(Number(last), size);
    return length === 0 ? 'unsatisfiable' : { start: size - length, end: size - 1 };
  }
  const start = Number(first);
  if (last !== '' && Number(last) < start) return undefined;
  if (start >= size) return 'unsatisfiable';
  return { start, end: last === '' ? size - 1 : Math.min(Number(last), size - 1) };
}

function sendError(
  response: ServerResponse,
  status: number,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = JSON.stringify({ code: status, message, data: null });
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...headers,
  });
  response.end(body);
}
