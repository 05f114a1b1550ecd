import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Log } from '../kernel/log.js';
import { requestIdOf } from './caller.js';
import { applyCors } from './cors.js';
import { envelopeText, sendEnvelope, type Answer } from './envelope.js';
import { describeError } from './error-map.js';
import { FILES_PATH } from './files.js';
import { Listener } from './listener.js';
import { lingerAfterAnswer } from './linger.js';
import { endWithJson } from './raw-answer.js';
import { refusalOf } from './refused-request.js';
import { pathOf } from './request-target.js';
import { RunningRequests } from './running-requests.js';
import { UnreadableBytes } from './unreadable.js';

/** Answers one request. An error that it throws is logged and answered with 500. */
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
  /** Serves every other path, including the 404 answers, which use REST's envelope. */
  readonly rest: RequestHandler;
  /** Serves WebSocket upgrades of `/graphql`. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  readonly log: Log;
  /** Origins whose pages may read answers, such as `https://app.example.com`; `*` allows all. */
  readonly corsOrigins: readonly string[];
  /** Replaces defaults, in tests. */
  readonly connectionLimits?: Partial<typeof CONNECTION_LIMITS>;
}

export interface HttpServer {
  readonly server: Server;
  /** @param port 0 for any free port */
  listen(port: number, host: string): Promise<AddressInfo>;
  /** Adds the user to the access log entry of a running request. */
  noteViewer(requestId: string, userId: string): void;
  /** Refuses new connections, and closes each open one after the answer that is in progress. */
  drain(): void;
  /** Resolves when no request is running. */
  idle(): Promise<void>;
  /** Closes every connection, even if a request is running on it. */
  close(): Promise<void>;
}

/** Node's time limits on a connection, in milliseconds. There is none on answering a request. */
const CONNECTION_LIMITS = {
  connectionsCheckingInterval: 2_000,
  /** Frees sockets of clients that send their headers slowly. */
  headersTimeout: 10_000,
  /** The time to receive a whole request, its body included. */
  requestTimeout: 120_000,
  /** Common proxies keep idle connections for 60 s. This is longer, so that the proxy closes the connection, not the server. */
  keepAliveTimeout: 72_000,
};

/** Upgrades to other protocols, such as curl's to HTTP/2, are served as plain requests. */
function asksForWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

const SECURITY_HEADERS = Object.entries({
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'x-frame-options': 'DENY',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
});

/** One HTTP server for every door, with request ids, the access log, CORS, security headers and draining at shutdown. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { log, corsOrigins } = options;
  const running = new RunningRequests(log);
  const doorOf = doorFinder(options);
  let isDraining = false;

  const unreadable = new UnreadableBytes(log);
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    // A write after the client has disconnected emits `error`. The event `close` follows, and is handled.
    response.on('error', () => undefined);
    const requestId = requestIdOf(request);
    running.follow(request, response, requestId);
    unreadable.follow(request.socket, response);
    lingerAfterAnswer(request, response);
    response.once('close', () => {
      if (isDraining) server.closeIdleConnections();
    });
    response.setHeader('x-request-id', requestId);
    for (const [name, value] of SECURITY_HEADERS) response.setHeader(name, value);
    if (isDraining) response.setHeader('connection', 'close');
    if (!applyCors(request, response, corsOrigins)) void answer(doorOf(request), request, response, requestId, log);
  };

  const limits = { ...CONNECTION_LIMITS, ...options.connectionLimits };
  // Requests without `Host` are refused by `refusalOf`.
  const server = createServer({ ...limits, requireHostHeader: false, shouldUpgradeCallback: asksForWebSocket }, serve);
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    continueWhenRead(request, response);
    serve(request, response);
  });
  server.on('checkExpectation', serve);
  server.on('clientError', (error, socket) => {
    unreadable.answer(error, socket);
  });
  server.on('upgrade', upgradeDoor(options));
  server.on('connect', refuseTunnel);
  const listener = new Listener(server, log);

  return {
    server,
    listen: (port, host) => listener.open(port, host),
    noteViewer: (requestId, userId) => {
      running.noteViewer(requestId, userId);
    },
    drain() {
      isDraining = true;
      void listener.close();
      server.closeIdleConnections();
    },
    idle: () => running.idle(),
    async close() {
      const closed = listener.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function isGraphQLPath(path: string | null): boolean {
  return path === '/graphql' || path === '/graphql/';
}

function doorFinder({ graphql, files, rest }: HttpServerOptions): (request: IncomingMessage) => RequestHandler {
  return (request) => {
    const refusal = refusalOf(request);
    if (refusal !== undefined) return sender(refusal);
    const path = pathOf(request.url);
    if (path === null) return sender({ status: 400, message: 'Malformed URL' });
    if (isGraphQLPath(path)) return graphql;
    return files !== undefined && path.startsWith(FILES_PATH) ? files : rest;
  };
}

function upgradeDoor({ upgrade }: HttpServerOptions): HttpServerOptions['upgrade'] {
  return (request, socket, head) => {
    // Node no longer handles this socket's errors: without a listener, a client that disconnects would end the process.
    socket.on('error', () => undefined);
    if (isGraphQLPath(pathOf(request.url))) upgrade(request, socket, head);
    else endWithEnvelope(socket, { status: 404, message: 'WebSockets are served at /graphql' });
  };
}

/** Node closes a connection without a word when it asks for a tunnel. */
function refuseTunnel(_request: IncomingMessage, socket: Duplex): void {
  socket.on('error', () => undefined);
  endWithEnvelope(socket, { status: 501, message: 'Not implemented' });
}

function endWithEnvelope(socket: Duplex, answer: Answer): void {
  endWithJson(socket, answer.status, envelopeText(answer));
}

/** Asks a client that waits for it to send the body once a door reads it: a request that is refused before needs none. */
function continueWhenRead(request: IncomingMessage, response: ServerResponse): void {
  request.once('resume', () => {
    if (!response.headersSent) response.writeContinue();
  });
}

async function answer(
  handler: RequestHandler,
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  log: Log,
): Promise<void> {
  try {
    await handler(request, response, requestId);
  } catch (error) {
    log.error({ requestId, error: describeError(error) }, 'A request could not be served');
    if (response.headersSent) response.destroy();
    else sendEnvelope(response, { status: 500, message: 'Internal server error' });
  }
}

function sender(answer: Answer): RequestHandler {
  return (_request, response) => {
    sendEnvelope(response, answer);
  };
}
