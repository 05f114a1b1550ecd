import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { CloseCode, MessageType, stringifyMessage } from 'graphql-ws';
import type { ExecutionResult } from 'graphql';
import { WebSocketServer, type WebSocket } from 'ws';
import { clientNetwork } from '../kernel/client-network.js';
import type { Log } from '../kernel/log.js';
import { peerOf } from './caller.js';
import type { createClientOf } from './client-address.js';
import { ANONYMOUS_LIMIT } from './body-limit.js';
import { isSameHost, type OriginPolicy } from './cors.js';
import { describeError } from './error-map.js';
import { BODY_LIMIT } from './graphql-request.js';
import { Beating, Heartbeat, HEARTBEAT_MS } from './heartbeat.js';
import { endWithJson } from './raw-answer.js';
import { WebSocketOperations, type Extra, type OperationsOptions } from './websocket-operations.js';
import type { Unread } from './unread.js';
import { byteFrame, PING_FRAME, textFrame } from './websocket-frame.js';
import { DEFAULT_LIMITS, WebSocketPlaces, type Refusal, type WebSocketLimits } from './websocket-places.js';
import { TOO_MANY_REQUESTS } from './websocket-session.js';
import { bytesOf } from './write.js';
import { textOf } from './written-stream.js';

export interface WebSocketDoorOptions extends OperationsOptions {
  readonly log: Log;
  /** The origins whose pages may connect, in addition to this host. Clients that send no `Origin`, such as programs, may too. */
  readonly origins: OriginPolicy;
  /** Finds the client behind trusted proxies. */
  readonly clientOf: ReturnType<typeof createClientOf>;
  readonly limits?: Partial<WebSocketLimits>;
  /** What clients that do not read may have waiting. By default each socket has a limit of its own alone. */
  readonly unread?: Unread;
  /** Time after which a socket without a login, on which nothing runs, is closed with 4408. A minute by default. */
  readonly anonymousIdleMs?: number;
  /** Interval of pings. A client that has not answered by the next one is disconnected. 25 s by default. */
  readonly pingIntervalMs?: number;
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

/** Maximum bytes buffered for a client that does not read. */
const MAX_BUFFERED = 16 * BODY_LIMIT;
/** Characters of a message that is sent without a look at what else waits. */
const SMALL_LENGTH = 16_384;
const GOING_AWAY = 1001;
const MESSAGE_TOO_BIG = 1009;
const TRY_AGAIN_LATER = 1013;
const RETRY_SECONDS = '5';

export function createWebSocketDoor(options: WebSocketDoorOptions): WebSocketDoor {
  const { log, origins, clientOf, anonymousIdleMs = 60_000, pingIntervalMs = HEARTBEAT_MS, unread } = options;
  const places = new WebSocketPlaces({ ...DEFAULT_LIMITS, ...options.limits });
  const note = notes(log);
  const acceptor = new WebSocketServer({
    noServer: true,
    maxPayload: BODY_LIMIT,
    handleProtocols: (protocols) => (protocols.has('graphql-transport-ws') ? 'graphql-transport-ws' : false),
  });
  acceptor.on('wsClientError', (error, socket) => {
    refuseUpgrade(socket, 400, error.message);
  });
  let isDraining = false;
  const operations = new WebSocketOperations(options, {
    sendNext: (extra, beginning, result) => sendNext(extra, beginning, result, unread),
    onIdle: (socket) => {
      if (isDraining) leave(socket);
    },
  });
  const leave = (socket: WebSocket) => {
    if (operations.isIdle(socket)) socket.close(GOING_AWAY, 'Going away');
  };
  const drain = () => {
    isDraining = true;
    operations.refuse();
  };
  const pings = new Heartbeat(pingIntervalMs);

  return {
    upgrade(request, socket, head) {
      const { origin } = request.headers;
      if (origin !== undefined && !isSameHost(origin, request) && !origins.allows(origin)) {
        origins.logRefusal(origin);
        refuseUpgrade(socket, 403, 'This origin may not connect');
        return;
      }
      const { ipAddress } = clientOf(peerOf(request));
      const client = ipAddress === null ? 'unknown' : clientNetwork(ipAddress);
      const refusal = isDraining ? null : places.makeRoom(client);
      if (refusal !== null) {
        note(refusal, client);
        refuseUpgrade(socket, refusal === 'client' ? 429 : 503, 'Too many open WebSockets; try again later', {
          'retry-after': RETRY_SECONDS,
        });
        return;
      }
      acceptor.handleUpgrade(request, socket, head, (webSocket) => {
        // Frames that break the protocol or its limits: `ws` closes the socket itself, with 1002, 1007 or 1009.
        webSocket.on('error', () => undefined);
        ping(webSocket, socket, pings);
        if (isDraining) {
          webSocket.close(TRY_AGAIN_LATER, 'Try again later');
          return;
        }
        const extra = operations.extraOf({ socket: webSocket, stream: socket, request }, ({ userId }) => {
          if (places.own(place, userId)) {
            if (unread !== undefined) {
              webSocket.once('close', unread.own(userId, { waiting: () => webSocket.bufferedAmount }));
            }
            return true;
          }
          note('user', client);
          closeSoon(webSocket, TOO_MANY_REQUESTS, 'Too many open WebSockets of this user');
          return false;
        });
        const place = places.take(client, {
          isIdle: () => isIdle(extra),
          giveWay: () => {
            note('anonymous', client);
            closeSoon(webSocket, TRY_AGAIN_LATER, 'Too many open WebSockets without a login');
          },
        });
        webSocket.once('close', () => {
          places.leave(place);
        });
        closeWhenForgotten(webSocket, extra, anonymousIdleMs);
        speak(operations, extra, log, unread);
      });
    },
    get openSockets() {
      return acceptor.clients.size;
    },
    async drain() {
      drain();
      const closed = [...acceptor.clients].map(closeOf);
      for (const socket of acceptor.clients) leave(socket);
      await Promise.all(closed);
    },
    async close() {
      drain();
      await operations.endAll();
      await Promise.all([...acceptor.clients].map((socket) => closeSocket(socket)));
      acceptor.close();
    },
  };
}

/** Not `events.once`, which rejects when the socket fails before it closes. */
function closeOf(socket: WebSocket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => {
      resolve();
    });
  });
}

/** Runs the protocol on a socket until it closes. */
function speak(operations: WebSocketOperations, extra: Extra, log: Log, unread?: Unread): void {
  const { socket } = extra;
  const closed = operations.protocol.opened(
    {
      protocol: socket.protocol,
      send: (text) => send(extra, text, unread),
      close: (code, reason) => {
        socket.close(code, reason);
      },
      onMessage: (handle) => {
        socket.on('message', (data: Buffer) => {
          if (extra.session.viewer === null && data.length > ANONYMOUS_LIMIT) {
            socket.close(MESSAGE_TOO_BIG, `At most ${ANONYMOUS_LIMIT} bytes before a login`);
            return;
          }
          handle(data.toString('utf8')).catch((error: unknown) => {
            log.warn({ error: describeError(error) }, 'A WebSocket message could not be handled');
            socket.close(CloseCode.InternalServerError, 'Internal server error');
          });
        });
      },
      onPing: async (asked) => {
        const payload = await operations.answerPing(extra, asked);
        await send(
          extra,
          stringifyMessage({ type: MessageType.Pong, ...(payload === undefined ? {} : { payload }) }),
          unread,
        );
      },
    },
    extra,
  );
  socket.once('close', (code, reason) => {
    closed(code, reason.toString()).catch((error: unknown) => {
      log.warn({ error: describeError(error) }, 'The operations of a WebSocket could not be ended');
    });
  });
}

/** Pings a socket on each heartbeat until it closes. */
function ping(socket: WebSocket, stream: Duplex, pings: Heartbeat): void {
  const pinged = new PingedSocket(socket, stream);
  pings.add(pinged);
  socket.on('pong', () => {
    pinged.hasAnswered = true;
  });
  socket.once('close', () => {
    pings.remove(pinged);
  });
}

/** A socket that is terminated when it did not answer the last ping. */
class PingedSocket extends Beating {
  hasAnswered = true;

  constructor(
    private readonly socket: WebSocket,
    private readonly stream: Duplex,
  ) {
    super();
  }

  override beat(): void {
    if (!this.hasAnswered) this.socket.terminate();
    else if (this.socket.readyState === this.socket.OPEN) {
      this.hasAnswered = false;
      this.stream.write(PING_FRAME);
    }
  }
}

/** The ends of messages whose payloads are results that several readers share, as bytes. */
const endings = new WeakMap<ExecutionResult, string>();

function endingOf(result: ExecutionResult): string {
  let ending = endings.get(result);
  if (ending === undefined) endings.set(result, (ending = bytesOf(`${textOf(result)}}`)));
  return ending;
}

/** As {@link send}, of a message of which only the beginning is the client's own. */
function sendNext(
  extra: Extra,
  beginning: string,
  result: ExecutionResult,
  unread?: Unread,
): Promise<void> | undefined {
  const { socket, stream } = extra;
  const text = textOf(result);
  const isSmall = beginning.length + text.length < SMALL_LENGTH;
  if (!isSmall || socket.readyState !== socket.OPEN || socket.bufferedAmount > 0)
    return send(extra, `${Buffer.from(beginning, 'latin1').toString()}${text}}`, unread);
  stream.write(byteFrame(beginning, endingOf(result)), 'latin1');
  return undefined;
}

/**
 * A client that does not read is disconnected: there is no other way to tell it anything.
 * @returns what resolves when the text was sent; undefined when nothing waits
 */
function send({ socket, stream, session }: Extra, text: string, unread?: Unread): Promise<void> | undefined {
  if (socket.readyState !== socket.OPEN) return undefined;
  const { bufferedAmount } = socket;
  const isSmall = text.length <= SMALL_LENGTH;
  if (isSmall && bufferedAmount === 0) {
    // Nothing waits, as with any client that reads.
    stream.write(textFrame(text));
    return undefined;
  }
  const isAdmitted = unread?.admits(session.viewer?.userId, bufferedAmount, Buffer.byteLength(text)) ?? true;
  if (!isAdmitted || bufferedAmount > MAX_BUFFERED) {
    socket.terminate();
    return undefined;
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

/** Closes a socket whose place is taken already: a client that does not answer must not keep it. */
function closeSoon(socket: WebSocket, code: number, reason: string): void {
  const giveUp = setTimeout(() => {
    socket.terminate();
  }, CLOSE_TIMEOUT_MS);
  socket.once('close', () => {
    clearTimeout(giveUp);
  });
  socket.close(code, reason);
}

/** Whether the socket has no login, and neither an operation nor the check of a token is under way on it. */
function isIdle({ operations, session }: Extra): boolean {
  return session.viewer === null && operations.size === 0 && !session.isChecking;
}

/** Closes a socket that nobody has logged in on when it has been idle for so long. */
function closeWhenForgotten(socket: WebSocket, extra: Extra, idleMs: number): void {
  const look = () => {
    if (extra.session.viewer !== null) return;
    const left = isIdle(extra) ? extra.idleSince + idleMs - performance.now() : idleMs;
    if (left <= 0) closeSoon(socket, CloseCode.ConnectionInitialisationTimeout, 'Idle without a login');
    else timer = setTimeout(look, left).unref();
  };
  let timer = setTimeout(look, idleMs).unref();
  socket.once('close', () => {
    clearTimeout(timer);
  });
}

const SETTINGS: Readonly<Record<Refusal | 'anonymous', string>> = {
  client: 'MAX_WEBSOCKETS_PER_CLIENT',
  user: 'MAX_WEBSOCKETS_PER_USER',
  total: 'MAX_WEBSOCKETS',
  anonymous: 'MAX_WEBSOCKETS_WITHOUT_LOGIN',
};

const NOTE_INTERVAL_MS = 60_000;

/** Logs that a limit is reached: once a minute each, since whoever reaches one does so by the thousand. */
function notes(log: Log): (what: Refusal | 'anonymous', client: string) => void {
  const noted = new Map<string, number>();
  return (what, client) => {
    const last = noted.get(what);
    if (last !== undefined && performance.now() - last < NOTE_INTERVAL_MS) return;
    noted.set(what, performance.now());
    log.warn({ client, setting: SETTINGS[what] }, `WebSockets are refused or closed: ${SETTINGS[what]} is reached`);
  };
}

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
function refuseUpgrade(
  socket: Duplex,
  status: keyof typeof REFUSAL_CODES,
  message: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const body = JSON.stringify({ errors: [{ message, extensions: { code: REFUSAL_CODES[status] } }] });
  endWithJson(socket, status, body, { 'sec-websocket-version': '13', ...headers });
}

const REFUSAL_CODES = { 400: 'BAD_REQUEST', 403: 'FORBIDDEN', 429: 'RATE_LIMITED', 503: 'UNAVAILABLE' } as const;
