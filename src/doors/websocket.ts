import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ExecutionArgs } from 'graphql';
import { CloseCode, makeServer, type Context } from 'graphql-ws';
import { WebSocketServer, type WebSocket } from 'ws';
import { DomainError, Unavailable } from '../kernel/errors.js';
import type { Log } from '../kernel/log.js';
import type { RequestContext } from '../graphql/context.js';
import type { MapError, Pipeline, Prepared } from '../graphql/pipeline.js';
import { clientOf, credentialsOf, requestIdOf, type MakeContext } from './caller.js';
import { isAllowedOrigin, isSameHost } from './cors.js';
import { describeError } from './error-map.js';
import { BODY_LIMIT } from './graphql-request.js';

export interface WebSocketDoorOptions {
  readonly pipeline: Pipeline;
  readonly makeContext: MakeContext;
  readonly mapError: MapError;
  readonly log: Log;
  /** Origins whose pages may connect, beside those that this host serves. Programs send none and may. */
  readonly corsOrigins: readonly string[];
  /** Open sockets of this instance; one more is closed with 1013. */
  readonly maxSockets?: number;
  /** Operations at once on a socket; one more closes it with 4429. */
  readonly maxOperations?: number;
}

/** The protocol `graphql-transport-ws`, for every kind of operation. */
export interface WebSocketDoor {
  /** Takes over the socket of an upgrade request, to accept or refuse it. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  readonly openSockets: number;
  /**
   * From now on a socket is closed (1001) when its last operation is over, and new operations are refused. Resolves when no
   * socket is open.
   */
  drain(): Promise<void>;
  /** Ends the open operations, each with `complete`, and closes every socket. */
  close(): Promise<void>;
}

interface Extra extends Record<PropertyKey, unknown> {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  /** What is running, by the client's id: aborted when it is over or the socket is gone. */
  readonly operations: Map<string, AbortController>;
}

type Connection = Context<Record<string, unknown> | undefined, Extra>;

/** What the hooks of graphql-ws hand on from the message to its execution. */
interface OperationArguments extends ExecutionArgs {
  readonly prepared: Prepared;
  readonly context: RequestContext;
}

/** A client has this long to say `connection_init`. */
const INIT_TIMEOUT_MS = 10_000;
/** Below the idle time-outs of common proxies; a client that has not answered by the next ping is gone. */
const PING_INTERVAL_MS = 12_000;
/** Bytes that may wait for a client that does not read. */
const MAX_BUFFERED = 16 * BODY_LIMIT;
const GOING_AWAY = 1001;
/** The protocol's range for what an application defines. */
const TOO_MANY_REQUESTS = 4429;
const TRY_AGAIN_LATER = 1013;

export function createWebSocketDoor(options: WebSocketDoorOptions): WebSocketDoor {
  const { pipeline, makeContext, mapError, log, corsOrigins, maxSockets = 10_000, maxOperations = 100 } = options;
  const acceptor = new WebSocketServer({
    noServer: true,
    maxPayload: BODY_LIMIT,
    handleProtocols: (protocols) => (protocols.has('graphql-transport-ws') ? 'graphql-transport-ws' : false),
  });
  const connections = new Map<WebSocket, Connection>();
  const answered = new WeakSet<WebSocket>();
  let isDraining = false;

  const contextOf = ({ connectionParams, extra: { request } }: Connection, requestId: string, signal: AbortSignal) =>
    makeContext({
      requestId,
      credentials: credentialsOf(request, authorizationIn(connectionParams)),
      client: clientOf(request),
      signal,
    });

  const protocol = makeServer<Record<string, unknown> | undefined, Extra>({
    connectionInitWaitTimeout: INIT_TIMEOUT_MS,
    async onConnect(connection) {
      connections.set(connection.extra.socket, connection);
      return admitConnection(
        connection,
        contextOf(connection, requestIdOf(connection.extra.request), AbortSignal.timeout(INIT_TIMEOUT_MS)),
      );
    },
    onSubscribe(connection, id, { query, operationName, variables }) {
      const { operations, socket } = connection.extra;
      if (operations.size >= maxOperations) {
        socket.close(TOO_MANY_REQUESTS, `At most ${maxOperations} operations at once`);
        return [mapError(new Unavailable('Too many operations'), '')];
      }
      const requestId = crypto.randomUUID();
      if (isDraining) return [mapError(new Unavailable('The server is shutting down; connect again'), requestId)];
      const prepared = pipeline.prepare(query);
      if (prepared.document === null || prepared.errors.length > 0) return prepared.errors;
      const operation = prepared.operation(operationName);
      if (!('kind' in operation)) return [operation];
      const controller = new AbortController();
      operations.set(id, controller);
      const context = contextOf(connection, requestId, controller.signal);
      const { schema } = pipeline;
      const args: OperationArguments = {
        schema,
        document: prepared.document,
        prepared,
        context,
        operationName,
        variableValues: variables,
      };
      return args;
    },
    execute: (args) => run(args, 'execute'),
    subscribe: (args) => run(args, 'subscribe'),
    onComplete({ extra }, id) {
      extra.operations.get(id)?.abort();
      extra.operations.delete(id);
      // After the `complete` that is about to be sent.
      if (isDraining) setImmediate(closeIdle, extra);
    },
    onClose({ extra }) {
      connections.delete(extra.socket);
      for (const controller of extra.operations.values()) controller.abort();
      extra.operations.clear();
    },
  });

  const run = (args: ExecutionArgs, how: 'execute' | 'subscribe') => {
    const { prepared, context, operationName, variableValues } = args as OperationArguments;
    return pipeline[how](prepared, { context, operationName, variables: variableValues });
  };

  const closeIdle = ({ socket, operations }: Extra) => {
    if (operations.size === 0) socket.close(GOING_AWAY, 'Going away');
  };

  const accept = (socket: WebSocket, request: IncomingMessage) => {
    const closed = protocol.opened(
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
      },
      { socket, request, operations: new Map() },
    );
    answered.add(socket);
    socket.on('pong', () => answered.add(socket));
    socket.once('close', (code, reason) => {
      void closed(code, reason.toString());
    });
  };

  const pinging = setInterval(() => {
    for (const socket of acceptor.clients) {
      if (!answered.delete(socket)) socket.terminate();
      else if (socket.readyState === socket.OPEN) socket.ping();
    }
  }, PING_INTERVAL_MS).unref();

  return {
    upgrade(request, socket, head) {
      socket.on('error', () => undefined);
      const { origin } = request.headers;
      if (origin !== undefined && !isAllowedOrigin(origin, corsOrigins) && !isSameHost(origin, request)) {
        refuseUpgrade(socket, '403 Forbidden', 'This origin may not connect');
        return;
      }
      acceptor.handleUpgrade(request, socket, head, (webSocket) => {
        // Frames that break the protocol or its limits: `ws` closes the socket itself, with 1002, 1007 or 1009.
        webSocket.on('error', () => undefined);
        if (acceptor.clients.size > maxSockets || isDraining) webSocket.close(TRY_AGAIN_LATER, 'Try again later');
        else accept(webSocket, request);
      });
    },
    get openSockets() {
      return acceptor.clients.size;
    },
    async drain() {
      isDraining = true;
      const closed = [...acceptor.clients].map((socket) => once(socket, 'close'));
      for (const socket of acceptor.clients) {
        const connection = connections.get(socket);
        if (connection === undefined) socket.close(GOING_AWAY, 'Going away');
        else closeIdle(connection.extra);
      }
      await Promise.all(closed);
    },
    async close() {
      isDraining = true;
      clearInterval(pinging);
      for (const connection of connections.values()) await endOperations(connection);
      const gone = [...acceptor.clients].map((socket) => closeSocket(socket));
      await Promise.all(gone);
      acceptor.close();
    },
  };
}

/**
 * A socket without credentials is let in: one can log in over it. With bad ones it is closed with 4403 and the reason, so
 * that a client learns it at once; a failure to check them is left to each operation, which looks the viewer up anew.
 */
async function admitConnection(connection: Connection, context: RequestContext): Promise<boolean> {
  if (
    authorizationIn(connection.connectionParams) === null &&
    connection.extra.request.headers.authorization === undefined
  ) {
    return true;
  }
  try {
    await context.viewer();
  } catch (error) {
    if (error instanceof DomainError && error.code !== 'UNAVAILABLE') {
      connection.extra.socket.close(CloseCode.Forbidden, error.message.slice(0, 100));
      return false;
    }
  }
  return true;
}

function authorizationIn(parameters: Record<string, unknown> | undefined): string | null {
  const given = parameters?.['authorization'] ?? parameters?.['Authorization'];
  return typeof given === 'string' ? given : null;
}

function send(socket: WebSocket, text: string): Promise<void> {
  if (socket.readyState !== socket.OPEN) return Promise.resolve();
  if (socket.bufferedAmount > MAX_BUFFERED) {
    socket.terminate();
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    // A failure to send is the socket's end, which is handled there.
    socket.send(text, () => {
      resolve();
    });
  });
}

async function endOperations({ subscriptions }: Connection): Promise<void> {
  for (const subscription of Object.values(subscriptions)) {
    if (subscription !== null && 'return' in subscription) await subscription.return(undefined);
  }
}

/** How long a client may take to answer the closing handshake. */
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
    // After the `complete` messages of the operations that have just ended.
    setImmediate(() => {
      socket.close(GOING_AWAY, 'Going away');
    });
  });
}

/** Answers an upgrade request that is refused as plain HTTP. */
export function refuseUpgrade(socket: Duplex, status: string, message: string): void {
  const body = JSON.stringify({ errors: [{ message, extensions: { code: 'FORBIDDEN' } }] });
  socket.end(
    [
      `HTTP/1.1 ${status}`,
      'Connection: close',
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}
