import * as http from 'node:http';
import * as https from 'node:https';
import { pipeline, Readable, type Transform } from 'node:stream';
import { createBrotliDecompress, createUnzip } from 'node:zlib';
import { forgetHead } from '../../kernel/sent-head.js';

/** Maximum bytes that are read of the body of an error. */
const MAX_ERROR_BYTES = 64 * 1024;

const DECOMPRESSORS: Readonly<Record<string, () => Transform>> = {
  br: createBrotliDecompress,
  deflate: createUnzip,
  gzip: createUnzip,
  'x-gzip': createUnzip,
};

/** A response whose body is read as Node brings it, without a web stream between. */
export class NodeResponse extends Response {
  constructor(
    /** Bytes. */
    readonly content: Readable,
    init: ResponseInit,
  ) {
    super(null, init);
  }
}

/**
 * `fetch` over Node's own HTTP client, which takes a good part less of the processor for each piece of a streamed answer.
 * Connections are kept and proxies taken from the environment (`NODE_USE_ENV_PROXY`) as by `fetch`, which follows redirects, too.
 *
 * The body of an error is cut to a bounded length and wrapped as `{"error": …}` where a server does not: the library reads the
 * whole of it, and drops what is not in that form.
 */
export const fetchByNode: typeof fetch = async (input, init) => {
  const url = new URL(input instanceof Request ? input.url : input);
  const answer = await answerTo(url, init);
  const { statusCode: status = 0 } = answer;
  if (isRedirect(answer)) {
    answer.destroy();
    const redirected = await fetch(input, init);
    const content = redirected.body === null ? Readable.from([]) : Readable.fromWeb(redirected.body as never);
    return responseOf(content, redirected.status, redirected.headers);
  }
  return responseOf(decompressed(answer), status, new Headers(answer.headersDistinct as never));
};

function answerTo(url: URL, { method, headers, body, signal }: RequestInit = {}): Promise<http.IncomingMessage> {
  const { request } = url.protocol === 'https:' ? https : http;
  const sent = request(url, {
    method: method ?? 'GET',
    headers: { 'accept-encoding': 'identity', ...Object.fromEntries(new Headers(headers)) },
  });
  const answer = answerOf(sent, signal);
  sent.end(body);
  return answer;
}

/** Apart from the body, which may have images in it: functions keep what is around them, and these live until the answer has ended. */
function answerOf(sent: http.ClientRequest, signal: RequestInit['signal']): Promise<http.IncomingMessage> {
  // Not by the option `signal`, with which an abort while the answer ends is an error of a socket that nobody listens to.
  const abort = () => {
    sent.destroy();
  };
  signal?.addEventListener('abort', abort, { once: true });
  sent.once('close', () => signal?.removeEventListener('abort', abort));
  if (signal?.aborted === true) abort();
  return new Promise((resolve, reject) => {
    sent.once('response', (answer) => {
      forgetHead(sent);
      // Whoever reads it is told, but it may fail when it is read no more.
      answer.on('error', () => undefined);
      resolve(answer);
    });
    // Once there is an answer, its body tells of what fails.
    sent.on('error', (cause) => {
      reject(new TypeError('fetch failed', { cause }));
    });
  });
}

function isRedirect({ statusCode = 0, headers }: http.IncomingMessage): boolean {
  return [301, 302, 303, 307, 308].includes(statusCode) && headers.location !== undefined;
}

/** Some servers compress although they were not asked to. */
function decompressed(answer: http.IncomingMessage): Readable {
  const decompressor = DECOMPRESSORS[answer.headers['content-encoding']?.toLowerCase() ?? ''];
  return decompressor === undefined ? answer : pipeline(answer, decompressor(), () => undefined);
}

async function responseOf(content: Readable, status: number, headers: Headers): Promise<Response> {
  if (status >= 200 && status < 300) return new NodeResponse(content, { status, headers });
  const kept = ['x-request-id', 'retry-after', 'retry-after-ms'].flatMap((name): [string, string][] => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  const text = await startOf(content);
  return new Response(wrapped(text), { status, headers: [...kept, ['content-type', 'application/json']] });
}

async function startOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const bytes of body) {
    chunks.push(bytes);
    length += bytes.length;
    if (length >= MAX_ERROR_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, MAX_ERROR_BYTES).toString();
}

function wrapped(text: string): string {
  let body: unknown = text;
  try {
    body = JSON.parse(text);
  } catch {
    // A page of a proxy, or an empty body.
  }
  const object: unknown = Array.isArray(body) ? body[0] : body;
  if (typeof object === 'object' && object !== null && 'error' in object) return JSON.stringify(object);
  return JSON.stringify({ error: object });
}
