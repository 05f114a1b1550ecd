import { METHODS, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { fastify, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Log } from '../kernel/log.js';
import { requestIdOf } from './caller.js';
import { applyCors } from './cors.js';
import { describeError } from './error-map.js';
import { FILES_PATH } from './files.js';
import { refuseUpgrade } from './websocket.js';

/** Answers one request. Whatever it throws is answered with 500 and logged. */
export type RequestHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
) => Promise<void> | void;

export interface HttpServerOptions {
  /** Serves `/graphql`. */
  readonly graphql: RequestHandler;
  /** Serves `/files/<key>`. */
  readonly files?: RequestHandler;
  /** Serves every other path, 404 included: the envelope is its own. */
  readonly rest: RequestHandler;
  /** Serves upgrades of `/graphql` to a WebSocket. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly log: Log;
  /** Origins whose pages may read answers, as `https://app.example.com`; `*` for all. */
  readonly corsOrigins: readonly string[];
}

export interface HttpServer {
  readonly server: Server;
  /** @param port 0 for any that is free */
  listen(port: number, host: string): Promise<AddressInfo>;
  /** Adds the user to the access log's line of a request that is running. */
  noteViewer(requestId: string, userId: string): void;
  /** Takes no more connections, and lets a connection go with the answer that it waits for. */
  drain(): void;
  /** Resolves when no request is running. */
  idle(): Promise<void>;
  /** Closes every connection, whatever runs on it. */
  close(): Promise<void>;
}

/** The headers of a request must be there after this; slow senders would hold sockets for free. */
const HEADERS_TIMEOUT_MS = 10_000;
/** The whole request must be; the answer may take as long as it likes. */
const REQUEST_TIMEOUT_MS = 120_000;
const CHECK_INTERVAL_MS = 2_000;
/** Longer than the 60 s for which common proxies keep a connection: whoever closes first must not be this end. */
const KEEP_ALIVE_TIMEOUT_MS = 72_000;

const SECURITY_HEADERS = {
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
};

/** One port for every door: request ids, the access log, CORS, security headers, and the way out. */
export function createHttpServer({ graphql, files, rest, upgrade, log, corsOrigins }: HttpServerOptions): HttpServer {
  const running = new Map<string, { userId?: string }>();
  let waiting: (() => void)[] = [];
  let isDraining = false;

  const app = fastify({
    http: {
      connectionsCheckingInterval: CHECK_INTERVAL_MS,
      headersTimeout: HEADERS_TIMEOUT_MS,
      // Other upgrades, as curl's to HTTP/2, are served as if they had not asked.
      shouldUpgradeCallback: ({ headers }) => headers.upgrade?.toLowerCase() === 'websocket',
    },
    requestTimeout: REQUEST_TIMEOUT_MS,
    keepAliveTimeout: KEEP_ALIVE_TIMEOUT_MS,
    routerOptions: { ignoreTrailingSlash: true, maxParamLength: 65_536 },
    rewriteUrl: ({ url }) => originForm(url ?? '/'),
    frameworkErrors: (_error, { raw }, reply) => {
      reply.hijack();
      serve(sendMalformedUrl, raw, reply.raw);
    },
    clientErrorHandler: answerUnreadable,
    return503OnClosing: false,
  });

  const track = (request: IncomingMessage, response: ServerResponse): string => {
    const requestId = requestIdOf(request);
    const entry: { userId?: string } = {};
    const start = performance.now();
    const { method } = request;
    const path = loggedPath(request.url);
    running.set(requestId, entry);
    response.once('close', () => {
      // A client may have given two requests the same id.
      if (running.get(requestId) === entry) running.delete(requestId);
      const status = response.headersSent ? response.statusCode : null;
      const ms = Math.round(performance.now() - start);
      log.info({ requestId, method, path, status, ms, complete: response.writableFinished, ...entry }, 'Request');
      if (isDraining) app.server.closeIdleConnections();
      if (running.size > 0) return;
      for (const resolve of waiting) resolve();
      waiting = [];
    });
    return requestId;
  };

  const serve = (handler: RequestHandler, request: IncomingMessage, response: ServerResponse): void => {
    // What is written after the client has gone fails here; `close` tells of it.
    response.on('error', () => undefined);
    const requestId = track(request, response);
    response.setHeader('x-request-id', requestId);
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) response.setHeader(name, value);
    if (isDraining) response.setHeader('connection', 'close');
    if (applyCors(request, response, corsOrigins)) return;
    Promise.resolve()
      .then(() => handler(request, response, requestId))
      .catch((error: unknown) => {
        log.error({ requestId, error: describeError(error) }, 'A request could not be served');
        if (response.headersSent) response.destroy();
        else sendEnvelope(response, 500, 'Internal server error');
      });
  };

  // The doors read and write for themselves: Fastify is left before it would read the body.
  const leaveTo = (handler: RequestHandler) => (request: FastifyRequest, reply: FastifyReply) => {
    reply.hijack();
    serve(handler, request.raw, reply.raw);
  };
  const unreachable = () => {
    throw new Error('A request was not left to its door');
  };
  for (const method of METHODS) {
    if (!app.supportedMethods.includes(method) && method !== 'CONNECT') app.addHttpMethod(method, { hasBody: true });
  }
  app.all('/graphql', { onRequest: leaveTo(graphql) }, unreachable);
  if (files !== undefined) app.all(`${FILES_PATH}*`, { onRequest: leaveTo(files) }, unreachable);
  app.all('/*', { onRequest: leaveTo(rest) }, unreachable);

  app.server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    const path = originForm(request.url ?? '/').split('?', 1)[0];
    if (path === '/graphql' || path === '/graphql/') upgrade(request, socket, head);
    else refuseUpgrade(socket, '404 Not Found', 'WebSockets are served at /graphql');
  });

  return {
    server: app.server,
    async listen(port, host) {
      await app.listen({ port, host });
      const address = app.server.address();
      if (address === null || typeof address === 'string') throw new Error('The server has no port');
      return address;
    },
    noteViewer(requestId, userId) {
      const entry = running.get(requestId);
      if (entry !== undefined) entry.userId = userId;
    },
    drain() {
      isDraining = true;
      app.server.close();
      app.server.closeIdleConnections();
    },
    idle: () =>
      new Promise((resolve) => {
        if (running.size === 0) resolve();
        else waiting.push(resolve);
      }),
    async close() {
      app.server.closeAllConnections();
      await app.close();
    },
  };
}

/** Without the query, and without the key of a file: whoever has that can read the file. */
function loggedPath(url: string | undefined): string | undefined {
  const path = url?.split('?', 1)[0]?.slice(0, 200);
  return path?.startsWith(FILES_PATH) ? `${FILES_PATH}…` : path;
}

/** The path and query of a request target, which may be a whole URL (`GET http://host/path`) or `*`. */
function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  if (!URL.canParse(target)) return `/${target}`;
  const { pathname, search } = new URL(target);
  return pathname.startsWith('/') ? pathname + search : `/${pathname}${search}`;
}

function sendMalformedUrl(_request: IncomingMessage, response: ServerResponse): void {
  sendEnvelope(response, 400, 'Malformed URL');
}

const envelope = (code: number, message: string) => JSON.stringify({ code, message, data: null });

function sendEnvelope(response: ServerResponse, status: number, message: string): void {
  const body = envelope(status, message);
  response.writeHead(status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(body);
}

/** Answers what Node could not read as a request. */
function answerUnreadable(error: Error & { readonly code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, message] = unreadable(error.code);
  const body = envelope(status, message);
  socket.end(
    [
      `HTTP/1.1 ${status} ${message}`,
      'Connection: close',
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}

function unreadable(code: string | undefined): readonly [number, string] {
  if (code === 'HPE_HEADER_OVERFLOW') return [431, 'Request header fields too large'];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'Request timeout'];
  return [400, 'Malformed request'];
}
