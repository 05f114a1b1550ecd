import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode, MessageType, stringifyMessage } from 'graphql-ws';
import { WebSocketServer, type WebSocket } from 'ws';
import type { Log } from '../kernel/log.js';
import { isAllowedOrigin, isSameHost } from './cors.js';
import { describeError } from './error-map.js';
import { BODY_LIMIT } from './graphql-request.js';
import { endWithJson } from './raw-answer.js';
import { WebSocketOperations, type OperationsOptions } from './websocket-operations.js';

export interface WebSocketDoorOptions extends OperationsOptions {
  readonly log: Log;
  /** Origins whose pages may connect, in addition to this host. Clients that send no `Origin`, such as programs, may too. */
  readonly corsOrigins: readonly string[];
  /** Maximum open sockets of this instance; one more is closed with 1013. 10,000 by default. */
  readonly maxSockets?: number;
}

/** GraphQL over WebSocket (`graphql-transport-ws`), for every kind of operation. */
export interface WebSocketDoor {
  /** Takes over the socket of an upgrade request, and accepts or refuses it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  readonly openSockets: number;
  /**
   * From now on, refuses new operations and closes each socket (1001) when its last operation has ended. Resolves when no
   * socket is open.
   */
  drain(): Promise<void>;
  /** Ends the open operations with `complete`, and closes every socket. */
  close(): Promise<void>;
}

/** Shorter than the idle timeouts of common proxies. A client that has not answered by the next ping is disconnected. */
const PING_INTERVAL_MS = 12_000;
/** Maximum bytes buffered for a client that does not read. */
const MAX_BUFFERED = 16 * BODY_LIMIT;
const GOING_AWAY = 1001;
const TRY_AGAIN_LATER = 1013;

export function createWebSocketDoor(options: WebSocketDoorOptions): WebSocketDoor {
  const { log, corsOrigins, maxSockets = 10_000 } = options;
  const acceptor = new WebSocketServer({
    noServer: true,
    maxPayload: BODY_LIMIT,
    handleProtocols: (protocols) => (protocols.has('graphql-transport-ws') ? 'graphql-transport-ws' : false),
  });
  acceptor.on('wsClientError', (error, socket) => {
    refuseUpgrade(socket, 400, error.message);
  });
  let isDraining = false;
  const operations = new WebSocketOperations(options, (socket) => {
    if (isDraining) leave(socket);
  });
  const leave = (socket: WebSocket) => {
    if (operations.isIdle(socket)) socket.close(GOING_AWAY, 'Going away');
  };
  const drain = () => {
    isDraining = true;
    operations.refuse();
  };
  const pings = startPings(acceptor.clients);

  return {
    upgrade(request, socket, head) {
      const { origin } = request.headers;
      if (origin !== undefined && !isAllowedOrigin(origin, corsOrigins) && !isSameHost(origin, request)) {
        refuseUpgrade(socket, 403, 'This origin may not connect');
        return;
      }
      acceptor.handleUpgrade(request, socket, head, (webSocket) => {
        // Frames that break the protocol or its limits: `ws` closes the socket itself, with 1002, 1007 or 1009.
        webSocket.on('error', () => undefined);
        pings.follow(webSocket);
        if (acceptor.clients.size > maxSockets || isDraining) webSocket.close(TRY_AGAIN_LATER, 'Try again later');
        else speak(operations, webSocket, request, log);
      });
    },
    get openSockets() {
      return acceptor.clients.size;
    },
    async drain() {
      drain();
      const closed = [...acceptor.clients].map((socket) => once(socket, 'close'));
      for (const socket of acceptor.clients) leave(socket);
      await Promise.all(closed);
    },
    async close() {
      drain();
      pings.stop();
      await operations.endAll();
      await Promise.all([...acceptor.clients].map((socket) => closeSocket(socket)));
      acceptor.close();
    },
  };
}

/** Runs the protocol on a socket until it closes. */
function speak(operations: WebSocketOperations, socket: WebSocket, request: IncomingMessage, log: Log): void {
  const extra = operations.extraOf(socket, request);
  const closed = operations.protocol.opened(
    {
      protocol: socket.protocol,
      send: (text) => send(socket, text),
      close: (code, reason) => {
        socket.close(code, reason);
      },
      onMessage: (handle) => {
        socket.on('message', (data: Buffer) => {
          handle(data.toString('utf8')).catch((error: unknown) => {
            log.warn({ error: describeError(error) }, 'A WebSocket message could not be handled');
            socket.close(CloseCode.InternalServerError, 'Internal server error');
          });
        });
      },
      onPing: async (asked) => {
        const payload = await operations.answerPing(extra, asked);
        await send(socket, stringifyMessage({ type: MessageType.Pong, ...(payload === undefined ? {} : { payload }) }));
      },
    },
    extra,
  );
  socket.once('close', (code, reason) => {
    void closed(code, reason.toString());
  });
}

/** Pings every socket, and terminates those that did not answer the last ping. */
function startPings(sockets: ReadonlySet<WebSocket>) {
  const answered = new WeakSet<WebSocket>();
  const timer = setInterval(() => {
    for (const socket of sockets) {
      if (!answered.delete(socket)) socket.terminate();
      else if (socket.readyState === socket.OPEN) socket.ping();
    }
  }, PING_INTERVAL_MS).unref();
  return {
    follow(socket: WebSocket): void {
      answered.add(socket);
      socket.on('pong', () => answered.add(socket));
    },
    stop: () => {
      clearInterval(timer);
    },
  };
}

function send(socket: WebSocket, text: string): Promise<void> {
  if (socket.readyState !== socket.OPEN) return Promise.resolve();
  if (socket.bufferedAmount > MAX_BUFFERED) {
    socket.terminate();
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    // If sending fails, the socket closes, which is handled there.
    socket.send(text, () => {
      resolve();
    });
  });
}

/** Time limit for a client to answer the closing handshake. */
const CLOSE_TIMEOUT_MS = 1_000;

function closeSocket(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    const giveUp = setTimeout(() => {
      socket.terminate();
    }, CLOSE_TIMEOUT_MS);
    socket.once('close', () => {
      clearTimeout(giveUp);
      resolve();
    });
    // Waits until the `complete` messages of the ended operations have been sent.
    setImmediate(() => {
      socket.close(GOING_AWAY, 'Going away');
    });
  });
}

/** Refuses an upgrade request with a plain HTTP answer that names the version that is spoken (RFC 6455, 4.4). */
function refuseUpgrade(socket: Duplex, status: keyof typeof REFUSAL_CODES, message: string): void {
  const body = JSON.stringify({ errors: [{ message, extensions: { code: REFUSAL_CODES[status] } }] });
  endWithJson(socket, status, body, { 'sec-websocket-version': '13' });
}

const REFUSAL_CODES = { 400: 'BAD_REQUEST', 403: 'FORBIDDEN' } as const;
