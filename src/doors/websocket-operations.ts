import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { ExecutionArgs, ExecutionResult, GraphQLError } from 'graphql';
import { makeServer, type Context, type Server, type ServerOptions, type SubscribePayload } from 'graphql-ws';
import type { WebSocket } from 'ws';
import { Unavailable } from '../kernel/errors.js';
import { duringRequest } from '../kernel/request-scope.js';
import type { FollowViewer, Viewer } from '../kernel/viewer.js';
import type { RequestContext } from '../graphql/context.js';
import type { ResultStream } from '../graphql/event-stream.js';
import type { MapError, Pipeline, Prepared } from '../graphql/pipeline.js';
import {
  credentialsOf,
  idempotencyKeyIn,
  peerOf,
  requestIdOf,
  traceIn,
  type Caller,
  type MakeContext,
} from './caller.js';
import type { PersistedQueries } from './persisted-query.js';
import { TOO_MANY_REQUESTS, WebSocketSession } from './websocket-session.js';
import { within } from './within.js';
import { bytesOf } from './write.js';
import { WrittenStream } from './written-stream.js';

export interface OperationsOptions {
  readonly pipeline: Pipeline;
  readonly makeContext: MakeContext;
  readonly mapError: MapError;
  readonly persisted: PersistedQueries;
  /** Reports when the viewer of a socket may no longer act. */
  readonly follow: FollowViewer;
  /** Called after a socket has a new token. */
  readonly onRenewal: (userId: string) => void;
  /** Maximum concurrent operations per socket; one more closes the socket with 4429. 100 by default. */
  readonly maxOperations?: number;
}

/** Our state for a socket, kept by graphql-ws. */
export interface Extra extends Record<PropertyKey, unknown> {
  readonly socket: WebSocket;
  /** What the socket's frames are written to. */
  readonly stream: Duplex;
  readonly request: IncomingMessage;
  /** Running operations by the client's id. Each is aborted when it ends or the socket closes. */
  readonly operations: Map<string, AbortController>;
  readonly session: WebSocketSession;
  /** When the last operation ended, on the clock of `performance.now()`; at first, when the socket was opened. */
  idleSince: number;
}

type Parameters = Record<string, unknown> | undefined;
type Connection = Context<Parameters, Extra>;
type Hooks = ServerOptions<Parameters, Extra>;

/** Values that graphql-ws passes from `onSubscribe` to `execute` and `subscribe`. */
interface OperationArguments extends ExecutionArgs {
  readonly prepared: Prepared;
  readonly context: RequestContext;
  /** Whether the answer is that of an earlier operation with the same idempotency key. */
  readonly replay: { is: boolean };
  readonly extra: Extra;
  /** What a message has before a result of this operation, as bytes. */
  readonly beginning: string;
}

/** What the operations need of the sockets. */
interface Sockets {
  /**
   * Sends a result as the payload of a message.
   * @param beginning what the message has before it, as bytes
   * @returns what resolves when the socket can take more; undefined when it can now
   */
  sendNext(extra: Extra, beginning: string, result: ExecutionResult): Promise<void> | undefined;
  /** Called when the last operation of a socket is over. */
  onIdle(socket: WebSocket): void;
}

/** The results of a subscription, which are sent as graphql-ws would. */
class SentStream extends WrittenStream {
  constructor(
    stream: ResultStream,
    private readonly sockets: Sockets,
    private readonly extra: Extra,
    private readonly beginning: string,
  ) {
    super(stream);
  }

  protected override write(result: ExecutionResult): Promise<void> | undefined {
    return this.sockets.sendNext(this.extra, this.beginning, result);
  }
}

/** Time limit for a client to send `connection_init`. */
const INIT_TIMEOUT_MS = 10_000;
/** Time limit for ending the open subscriptions when the service stops. */
const END_MS = 500;

/** Runs the operations of all sockets, each with its own context. */
export class WebSocketOperations {
  readonly protocol: Server<Extra>;
  private readonly connections = new Map<WebSocket, Connection>();
  private isRefusing = false;

  constructor(
    private readonly options: OperationsOptions,
    private readonly sockets: Sockets,
  ) {
    const { pipeline } = options;
    const callOf = ({ operationName, variableValues, ...args }: ExecutionArgs) => {
      const { context } = args as OperationArguments;
      return { context, operationName, variables: variableValues };
    };
    const execute = async (args: ExecutionArgs) => {
      const { context, prepared, replay } = args as OperationArguments;
      const result = await duringRequest(context.requestId, async () => pipeline.execute(prepared, callOf(args)));
      return replay.is ? { ...result, extensions: { idempotencyReplayed: true } } : result;
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
      execute,
      subscribe: async (args) => {
        const { context, prepared, extra, beginning } = args as OperationArguments;
        const result = await duringRequest(context.requestId, () => pipeline.subscribe(prepared, callOf(args)));
        return Symbol.asyncIterator in result ? new SentStream(result, this.sockets, extra, beginning) : result;
      },
      onComplete: ({ extra }, id) => {
        const { socket, operations, session } = extra;
        operations.get(id)?.abort();
        operations.delete(id);
        if (operations.size > 0) return;
        extra.idleSince = performance.now();
        // Waits until the `complete` message has been sent.
        setImmediate(() => {
          if (operations.size === 0) session.leaveIfOver();
          sockets.onIdle(socket);
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

  /**
   * Makes the state of a socket that has just been opened.
   * @param admit called with its first viewer; when it returns false, it has closed the socket
   */
  extraOf(
    { socket, stream, request }: Pick<Extra, 'socket' | 'stream' | 'request'>,
    admit: (viewer: Viewer) => boolean,
  ): Extra {
    const operations: Extra['operations'] = new Map();
    const session = new WebSocketSession({
      socket,
      follow: this.options.follow,
      onRenewal: this.options.onRenewal,
      authenticate: async (authorization) => {
        // Not `AbortSignal.timeout`, which cannot be taken back, and makes an error for each socket when its time has come.
        const controller = new AbortController();
        const giveUp = setTimeout(() => {
          controller.abort();
        }, INIT_TIMEOUT_MS).unref();
        const caller = {
          requestId: requestIdOf(request),
          door: 'websocket',
          credentials: credentialsOf(request, authorization),
          peer: peerOf(request),
          signal: () => controller.signal,
        } as const;
        try {
          return await this.options.makeContext(caller).viewer();
        } finally {
          clearTimeout(giveUp);
        }
      },
      isIdle: () => operations.size === 0,
      admit,
    });
    return { socket, stream, request, operations, session, idleSince: performance.now() };
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

  /** Ends every subscription with `complete`; one whose source does not let go holds up nothing for long. */
  async endAll(): Promise<void> {
    const open = [...this.connections.values()].flatMap(({ subscriptions }) => Object.values(subscriptions));
    const ended = open.map(async (subscription) => {
      if (subscription !== null && 'return' in subscription) await subscription.return(undefined);
    });
    await within(END_MS, Promise.allSettled(ended));
  }

  private start(
    connection: Connection,
    id: string,
    { query, operationName, variables, extensions }: SubscribePayload,
  ): ReturnType<NonNullable<Hooks['onSubscribe']>> {
    const { pipeline, mapError, persisted, maxOperations = 100 } = this.options;
    const { operations, socket } = connection.extra;
    const requestId = crypto.randomUUID();
    if (operations.size >= maxOperations) {
      socket.close(TOO_MANY_REQUESTS, `At most ${maxOperations} operations at once`);
      return [mapError(new Unavailable('Too many operations'), requestId)];
    }
    if (this.isRefusing) return [mapError(new Unavailable('The server is shutting down; connect again'), requestId)];
    const controller = new AbortController();
    // Counted before the text is looked up, so that lookups are limited too.
    operations.set(id, controller);
    const refused = (errors: readonly GraphQLError[]) => {
      operations.delete(id);
      return errors;
    };
    const startText = (text: string) => {
      const prepared = pipeline.prepare(text);
      const { document, errors } = prepared;
      if (document === null || errors.length > 0) return refused(errors);
      const operation = prepared.operation(operationName);
      if (!('kind' in operation)) return refused([operation]);
      const replay = { is: false };
      const onReplay = () => {
        replay.is = true;
      };
      const trace = traceIn(extensions) ?? traceIn(connection.extra.request.headers);
      const own = { idempotencyKey: idempotencyKeyIn(extensions), onReplay, trace };
      const context = this.contextOf(connection, requestId, () => controller.signal, own);
      const beginning = bytesOf(`{"id":${JSON.stringify(id)},"type":"next","payload":`);
      const args: OperationArguments = {
        schema: pipeline.schema,
        document,
        prepared,
        context,
        replay,
        extra: connection.extra,
        beginning,
        operationName,
        variableValues: variables,
      };
      return args;
    };
    try {
      const text = persisted.textOf({ query, extensions });
      if (typeof text === 'string') return startText(text);
      return text.then(startText).catch((error: unknown) => refused([mapError(error, requestId)]));
    } catch (error) {
      return refused([mapError(error, requestId)]);
    }
  }

  private contextOf(
    { extra }: Connection,
    requestId: string,
    signal: Caller['signal'],
    own: Pick<Caller, 'idempotencyKey' | 'onReplay' | 'trace'>,
  ): RequestContext {
    const { request, session } = extra;
    return this.options.makeContext({
      requestId,
      door: 'websocket',
      credentials: credentialsOf(request, session.authorization),
      peer: peerOf(request),
      signal,
      ...own,
      latestViewer: () => session.viewer,
      request: session,
    });
  }
}

/**
 * The token in the payload of `connection_init` or `ping`, in the forms that clients use: `{authorization}` in any case, the same
 * inside `{headers}`, or `{authToken}` without a scheme.
 */
function authorizationIn(parameters: Parameters): string | null {
  const { headers, authToken } = parameters ?? {};
  const given = valueOf(parameters, 'authorization') ?? valueOf(headers, 'authorization');
  if (given !== undefined) return given;
  return typeof authToken === 'string' ? `Bearer ${authToken}` : null;
}

/** The text under a key, whatever its case. */
function valueOf(given: unknown, name: string): string | undefined {
  if (typeof given !== 'object' || given === null) return undefined;
  const [, value] = Object.entries(given).find(([key]) => key.toLowerCase() === name) ?? [];
  return typeof value === 'string' ? value : undefined;
}
