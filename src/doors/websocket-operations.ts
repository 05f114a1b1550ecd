import type { IncomingMessage } from 'node:http';
import type { ExecutionArgs } from 'graphql';
import { makeServer, type Context, type Server, type ServerOptions, type SubscribePayload } from 'graphql-ws';
import type { WebSocket } from 'ws';
import { Unavailable } from '../kernel/errors.js';
import type { FollowViewer } from '../kernel/viewer.js';
import type { RequestContext } from '../graphql/context.js';
import type { MapError, Pipeline, Prepared } from '../graphql/pipeline.js';
import { credentialsOf, peerOf, requestIdOf, type MakeContext } from './caller.js';
import { TOO_MANY_REQUESTS, WebSocketSession } from './websocket-session.js';

export interface OperationsOptions {
  readonly pipeline: Pipeline;
  readonly makeContext: MakeContext;
  readonly mapError: MapError;
  /** Reports when the viewer of a socket may no longer act. */
  readonly follow: FollowViewer;
  /** Maximum concurrent operations per socket; one more closes the socket with 4429. 100 by default. */
  readonly maxOperations?: number;
}

/** Our state for a socket, kept by graphql-ws. */
export interface Extra extends Record<PropertyKey, unknown> {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  /** Running operations by the client's id. Each is aborted when it ends or the socket closes. */
  readonly operations: Map<string, AbortController>;
  readonly session: WebSocketSession;
}

type Parameters = Record<string, unknown> | undefined;
type Connection = Context<Parameters, Extra>;
type Hooks = ServerOptions<Parameters, Extra>;

/** Values that graphql-ws passes from `onSubscribe` to `execute` and `subscribe`. */
interface OperationArguments extends ExecutionArgs {
  readonly prepared: Prepared;
  readonly context: RequestContext;
}

/** Time limit for a client to send `connection_init`. */
const INIT_TIMEOUT_MS = 10_000;
/** Runs the operations of all sockets, each with its own context. */
export class WebSocketOperations {
  readonly protocol: Server<Extra>;
  private readonly connections = new Map<WebSocket, Connection>();
  private isRefusing = false;

  /** @param onIdle called when the last operation of a socket is over */
  constructor(
    private readonly options: OperationsOptions,
    onIdle: (socket: WebSocket) => void,
  ) {
    const run = (args: ExecutionArgs, how: 'execute' | 'subscribe') => {
      const { prepared, context, operationName, variableValues } = args as OperationArguments;
      return options.pipeline[how](prepared, { context, operationName, variables: variableValues });
    };
    this.protocol = makeServer<Parameters, Extra>({
      connectionInitWaitTimeout: INIT_TIMEOUT_MS,
      onConnect: (connection) => {
        const { socket, request, session } = connection.extra;
        this.connections.set(socket, connection);
        const authorization = authorizationIn(connection.connectionParams);
        // A socket without credentials is accepted, since a client can log in over it.
        return authorization === null && request.headers.authorization === undefined
          ? true
          : session.open(authorization);
      },
      onSubscribe: (connection, id, payload) => this.start(connection, id, payload),
      execute: (args) => run(args, 'execute'),
      subscribe: (args) => run(args, 'subscribe'),
      onComplete: ({ extra: { socket, operations, session } }, id) => {
        operations.get(id)?.abort();
        operations.delete(id);
        if (operations.size > 0) return;
        // Waits until the `complete` message has been sent.
        setImmediate(() => {
          if (operations.size === 0) session.leaveIfOver();
          onIdle(socket);
        });
      },
      onClose: ({ extra: { socket, operations, session } }) => {
        this.connections.delete(socket);
        session.close();
        for (const controller of operations.values()) controller.abort();
        operations.clear();
      },
    });
  }

  /** Makes the state of a socket that has just been opened. */
  extraOf(socket: WebSocket, request: IncomingMessage): Extra {
    const operations: Extra['operations'] = new Map();
    const session = new WebSocketSession({
      socket,
      follow: this.options.follow,
      authenticate: (authorization) => {
        const signal = AbortSignal.timeout(INIT_TIMEOUT_MS);
        const credentials = credentialsOf(request, authorization);
        const caller = { requestId: requestIdOf(request), credentials, peer: peerOf(request), signal };
        return this.options.makeContext(caller).viewer();
      },
      isIdle: () => operations.size === 0,
    });
    return { socket, request, operations, session };
  }

  /**
   * Answers a `ping`. An `authorization` in its payload renews the socket's token: the answer says when the new token expires,
   * or has the errors that prevented checking it, in which case the current token stays. Before `connection_init` it is
   * ignored. The answer never contains the token.
   * @returns the payload of the `pong`; undefined for none
   */
  async answerPing({ socket, session }: Extra, payload: Parameters): Promise<Parameters> {
    const authorization = authorizationIn(payload);
    if (authorization === null) return payload;
    if (!this.connections.has(socket)) return undefined;
    try {
      const viewer = await session.renew(authorization);
      return viewer?.expiresAt === undefined ? undefined : { expiresAt: viewer.expiresAt.toISOString() };
    } catch (error) {
      return { errors: [this.options.mapError(error, crypto.randomUUID())] };
    }
  }

  /** Refuses new operations. */
  refuse(): void {
    this.isRefusing = true;
  }

  isIdle(socket: WebSocket): boolean {
    return (this.connections.get(socket)?.extra.operations.size ?? 0) === 0;
  }

  /** Ends every subscription with `complete`. */
  async endAll(): Promise<void> {
    for (const { subscriptions } of this.connections.values()) {
      for (const subscription of Object.values(subscriptions)) {
        if (subscription !== null && 'return' in subscription) await subscription.return(undefined);
      }
    }
  }

  private start(
    connection: Connection,
    id: string,
    { query, operationName, variables }: SubscribePayload,
  ): ReturnType<NonNullable<Hooks['onSubscribe']>> {
    const { pipeline, mapError, maxOperations = 100 } = this.options;
    const { operations, socket } = connection.extra;
    const requestId = crypto.randomUUID();
    if (operations.size >= maxOperations) {
      socket.close(TOO_MANY_REQUESTS, `At most ${maxOperations} operations at once`);
      return [mapError(new Unavailable('Too many operations'), requestId)];
    }
    if (this.isRefusing) return [mapError(new Unavailable('The server is shutting down; connect again'), requestId)];
    const prepared = pipeline.prepare(query);
    const { document, errors } = prepared;
    if (document === null || errors.length > 0) return errors;
    const operation = prepared.operation(operationName);
    if (!('kind' in operation)) return [operation];
    const controller = new AbortController();
    operations.set(id, controller);
    const context = this.contextOf(connection, requestId, controller.signal);
    const args: OperationArguments = {
      schema: pipeline.schema,
      document,
      prepared,
      context,
      operationName,
      variableValues: variables,
    };
    return args;
  }

  private contextOf({ extra }: Connection, requestId: string, signal: AbortSignal): RequestContext {
    const { request, session } = extra;
    const context = this.options.makeContext({
      requestId,
      credentials: credentialsOf(request, session.authorization),
      peer: peerOf(request),
      signal,
      latestViewer: () => session.viewer,
    });
    const viewer = async () => {
      const found = await context.viewer();
      session.adopt(found);
      return found;
    };
    return { ...context, viewer };
  }
}

function authorizationIn(parameters: Parameters): string | null {
  const given = parameters?.['authorization'] ?? parameters?.['Authorization'];
  return typeof given === 'string' ? given : null;
}
