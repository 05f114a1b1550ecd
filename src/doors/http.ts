import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { setImmediate, setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../kernel/log.js';
import { Bag } from '../kernel/bag.js';
import { plainAddress } from '../kernel/plain-address.js';
import { openRequest } from '../kernel/request-scope.js';
import type { EndedRequest } from '../ports/metrics.js';
import type { Tracing } from '../ports/tracing.js';
import { Refusal } from '../graphql/refusal.js';
import { sendRefusal } from './answer.js';
import { requestIdOf } from './caller.js';
import { applyCors, type OriginPolicy } from './cors.js';
import { envelopeText, sendEnvelope, type Answer } from './envelope.js';
import { FILES_PATH } from './files.js';
import { InOrder } from './in-order.js';
import { Listener } from './listener.js';
import { lingerAfterAnswer } from './linger.js';
import { RETRY_SECONDS, type LoadShedding } from './load.js';
import { PROBES_PATH } from './probes.js';
import { endWithJson, prepareRawAnswer, rawAnswerStatus } from './raw-answer.js';
import { refusalOf } from './refused-request.js';
import { isGraphQLPath, pathOf } from './request-target.js';
import { handle, type RequestHandler } from './request-handler.js';
import { RunningRequests } from './running-requests.js';
import { UNDO_PATH } from './undo-page.js';
import { securityHeaders } from './security-headers.js';
import { admitBodies, type Unread } from './unread.js';
import { UnreadableBytes } from './unreadable.js';
import { within } from './within.js';

export interface HttpServerOptions {
  /** Serves `/graphql`. */
  readonly graphql: RequestHandler;
  /** Serves `/files/<key>`. */
  readonly files?: RequestHandler;
  /** Serves the page that undoes a change of an account. */
  readonly undo?: RequestHandler;
  /** Serves every other path, including the 404 answers, which use REST's envelope. */
  readonly rest: RequestHandler;
  /** Serves WebSocket upgrades of `/graphql`. */
  readonly upgrade: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  /** Serves `/health/live` and `/health/ready`. */
  readonly probes?: RequestHandler;
  /** Whether clients reach the service by `https:`. */
  readonly isSecure?: boolean;
  readonly log: Log;
  /** The address of a client, for the access log: behind trusted proxies. That of the connection by default. */
  readonly clientOf?: ((request: IncomingMessage) => string | null) | undefined;
  /** Is told of each request that is over. */
  readonly onRequest?: ((request: EndedRequest) => void) | undefined;
  /** Is told of each request. */
  readonly tracing?: Pick<Tracing, 'receive'> | undefined;
  /** Says which sites may read answers. */
  readonly origins: OriginPolicy;
  /** What clients that do not read may have waiting. By default there is no limit but the size of answers. */
  readonly unread?: Unread;
  /** Refuses requests under overload. By default none are. */
  readonly shedding?: LoadShedding;
  /** Replaces defaults, in tests. */
  readonly connectionLimits?: Partial<typeof CONNECTION_LIMITS>;
}

export interface HttpServer {
  readonly server: Server;
  /** @param port 0 for any free port */
  listen(port: number, host: string): Promise<AddressInfo>;
  /** From now on each answer closes its connection: its client asks again elsewhere. New connections are still taken. */
  sendAway(): void;
  /** Whether no client is connected. */
  readonly isDeserted: boolean;
  /**
   * Takes every connection that waits in the system, without answering, and ends listening when there is none: that would reset
   * them, and a client that waits for its answer opens no other. Call {@link drain} next, which answers what was held back.
   */
  settle(): Promise<void>;
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
  /** How long a client may read nothing of what waits for it. A connection on which nothing waits may be silent. */
  unreadTimeout: 60_000,
};

/** How long a connection that was just taken when listening ended has to send its request. */
const LAST_REQUESTS_MS = 1_000;
const SETTLE_MS = 50;
const MAX_SETTLE_MS = 1_000;
/** A turn of the event loop in which nothing else was done takes less. */
const QUIET_TURN_MS = 0.2;

/** Upgrades to other protocols, such as curl's to HTTP/2, are served as plain requests. */
function asksForWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === 'websocket';
}

/** One HTTP server for every door, with request ids, the access log, CORS, security headers and draining at shutdown. */
export function createHttpServer(options: HttpServerOptions): HttpServer {
  const { log, origins } = options;
  const { clientOf = ({ socket }: IncomingMessage) => plainAddress(socket.remoteAddress ?? '') || null } = options;
  const { unread } = options;
  const running = new RunningRequests(log, {
    clientOf,
    onEnd: options.onRequest,
    tracing: options.tracing,
    own: unread && ((userId, response) => unread.own(userId, { waiting: () => response.writableLength })),
  });
  const doorOf = doorFinder(options);
  const headers = securityHeaders(options.isSecure ?? false);
  const headerEntries = Object.entries(headers);
  let isSendingAway = false;
  let isDraining = false;
  /** Every open connection, whichever door it was given to. */
  const connections = new Set<Socket>();
  let accepted = 0;
  let heldBack: (() => void)[] | undefined;

  const unreadable = new UnreadableBytes(log);
  const inOrder = new InOrder();
  /** Answers that were not begun when they were last counted. */
  const waiting = new Bag<ServerResponse>();
  /** Requests that wait for their answer. Streams that have begun do not: each is looked at once, however long it stays open. */
  const countWaiting = () => {
    waiting.removeAll(({ headersSent }) => headersSent);
    return waiting.size;
  };
  const isAdmitted = (request: IncomingMessage) => options.shedding?.admits(request, countWaiting()) ?? true;
  const serve = (request: IncomingMessage, response: ServerResponse) => {
    unreadable.follow(request.socket, response);
    inOrder.run(request.socket, () => {
      serveNow(request, response);
    });
  };
  const serveNow = (request: IncomingMessage, response: ServerResponse) => {
    if (heldBack !== undefined) {
      heldBack.push(() => {
        // Whoever left meanwhile is answered nothing: the event that the request is over has been.
        if (!response.destroyed) serveNow(request, response);
      });
      return;
    }
    // A write after the client has disconnected emits `error`. The event `close` follows, and is handled.
    response.on('error', () => undefined);
    const requestId = requestIdOf(request);
    const run = running.follow(request, response, requestId);
    const { span } = run;
    const isOverloaded = !isAdmitted(request);
    const place = waiting.add(response);
    admitBodies(response, (bytes) => unread?.admits(run.userId, response.writableLength, bytes) ?? true);
    lingerAfterAnswer(request, response);
    response.once('close', () => {
      waiting.remove(place);
      inOrder.next(request.socket);
      if (isDraining) server.closeIdleConnections();
    });
    response.setHeader('x-request-id', requestId);
    for (const [name, value] of headerEntries) response.setHeader(name, value);
    if (isSendingAway) response.setHeader('connection', 'close');
    if (applyCors(request, response, origins)) return;
    const door = isOverloaded ? overloadAnswer(request) : doorOf(request);
    const answer = () => handle(door, request, response, requestId, log);
    const { close } = openRequest(requestId, () => void (span === undefined ? answer() : span.run(answer)));
    response.once('close', close);
  };

  const limits = { ...CONNECTION_LIMITS, ...options.connectionLimits };
  // Requests without `Host` are refused by `refusalOf`.
  const server = createServer({ ...limits, requireHostHeader: false, shouldUpgradeCallback: asksForWebSocket }, serve);
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    continueWhenRead(request, response);
    serve(request, response);
  });
  server.on('checkExpectation', serve);
  server.on('connection', (socket) => {
    connections.add(socket);
    accepted += 1;
    socket.once('close', () => {
      connections.delete(socket);
    });
  });
  server.setTimeout(limits.unreadTimeout, (socket) => {
    // Between requests it was kept alive for long enough.
    if (socket.writableLength > 0 || !inOrder.isServing(socket)) socket.destroy();
  });
  server.on('clientError', (error, socket) => {
    prepareRawAnswer(socket, headers);
    unreadable.answer(error, socket);
  });
  const withoutResponse = (handle: HttpServerOptions['upgrade']): HttpServerOptions['upgrade'] => {
    return (request, socket, head) => {
      // Node no longer handles this socket's errors: without a listener, a client that disconnects would end the process.
      socket.on('error', () => undefined);
      const requestId = requestIdOf(request);
      prepareRawAnswer(socket, { ...headers, 'x-request-id': requestId });
      handle(request, socket, head);
      running.logUpgrade(request, requestId, rawAnswerStatus(socket) ?? 101);
    };
  };
  server.on('upgrade', withoutResponse(upgradeDoor(options, isAdmitted)));
  server.on('connect', withoutResponse(refuseTunnel));
  const listener = new Listener(server, log);

  return {
    server,
    listen: (port, host) => listener.open(port, host),
    sendAway() {
      isSendingAway = true;
    },
    get isDeserted() {
      return connections.size === 0;
    },
    async settle() {
      heldBack ??= [];
      const end = performance.now() + MAX_SETTLE_MS;
      let seen: number;
      do {
        seen = accepted;
        await delay(SETTLE_MS);
        if (accepted === seen) await quietTurn(() => accepted === seen && performance.now() < end);
      } while (accepted !== seen && performance.now() < end);
      // At once: what comes between the last look and the end of listening is reset by the system.
      void listener.close();
    },
    drain() {
      isSendingAway = true;
      isDraining = true;
      void listener.close();
      server.closeIdleConnections();
      const answers = heldBack ?? [];
      heldBack = undefined;
      for (const answerNow of answers) answerNow();
    },
    idle: () => running.idle(),
    async close() {
      const closed = listener.close();
      if (isDraining) await within(LAST_REQUESTS_MS, closed);
      // Node's `closeAllConnections` leaves those that were refused or upgraded, whose clients may not read what was sent.
      for (const socket of connections) socket.destroy();
      await closed;
    },
  };
}

/**
 * Waits for a turn of the event loop that had nothing to do but to look for connections. A turn takes one at least, and what
 * comes while a busy one is at other work is seen in the next.
 * @param isStill whether to go on waiting
 */
async function quietTurn(isStill: () => boolean): Promise<void> {
  for (let turn = 0, start = performance.now(); isStill(); turn++) {
    await setImmediate();
    const now = performance.now();
    if (turn >= 2 && now - start < QUIET_TURN_MS) return;
    start = now;
  }
}

function doorFinder({
  graphql,
  files,
  probes,
  undo,
  rest,
}: HttpServerOptions): (request: IncomingMessage) => RequestHandler {
  return (request) => {
    const refusal = refusalOf(request);
    if (refusal !== undefined) return sender(refusal);
    const path = pathOf(request.url);
    if (path === null) return sender({ status: 400, message: 'Malformed URL' });
    if (isGraphQLPath(path)) return graphql;
    if (undo !== undefined && path === UNDO_PATH) return undo;
    if (probes !== undefined && path.startsWith(PROBES_PATH)) return probes;
    return files !== undefined && path.startsWith(FILES_PATH) ? files : rest;
  };
}

function upgradeDoor(
  { upgrade }: HttpServerOptions,
  isAdmitted: (request: IncomingMessage) => boolean,
): HttpServerOptions['upgrade'] {
  return (request, socket, head) => {
    const refusal = refusalOf(request);
    if (refusal !== undefined) endWithEnvelope(socket, refusal);
    else if (!isAdmitted(request)) endWithEnvelope(socket, OVERLOADED);
    else if (isGraphQLPath(pathOf(request.url))) upgrade(request, socket, head);
    else endWithEnvelope(socket, { status: 404, message: 'WebSockets are served at /graphql' });
  };
}

/** Node closes a connection without a word when it asks for a tunnel. */
function refuseTunnel(_request: IncomingMessage, socket: Duplex): void {
  endWithEnvelope(socket, { status: 501, message: 'Not implemented' });
}

function endWithEnvelope(socket: Duplex, answer: Answer): void {
  endWithJson(socket, answer.status, envelopeText(answer), answer.headers);
}

const OVERLOADED: Answer = {
  status: 503,
  message: 'The server is overloaded, try again',
  headers: { 'retry-after': String(RETRY_SECONDS) },
};

/** Answers a request for which nothing was done yet, in the form of its path. */
function overloadAnswer(request: IncomingMessage): RequestHandler {
  if (!isGraphQLPath(pathOf(request.url))) return sender(OVERLOADED);
  const { message } = OVERLOADED;
  const error = new Refusal(message, 'UNAVAILABLE', {
    status: 503,
    headers: { ...OVERLOADED.headers },
    details: { retryAfter: RETRY_SECONDS },
  });
  return (_request, response) => {
    sendRefusal(response, error);
  };
}

/** Asks a client that waits for it to send the body once a door reads it: a request that is refused before needs none. */
function continueWhenRead(request: IncomingMessage, response: ServerResponse): void {
  request.once('resume', () => {
    if (!response.headersSent) response.writeContinue();
  });
}

function sender(answer: Answer): RequestHandler {
  return (_request, response) => {
    sendEnvelope(response, answer);
  };
}
