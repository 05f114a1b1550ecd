import type { IncomingMessage } from 'node:http';
import type { ExecutionArgs } from 'graphql';
import {
  CloseCode,
  makeServer,
  type Context,
  type Server,
  type ServerOptions,
  type SubscribePayload,
} from 'graphql-ws';
import type { WebSocket } from 'ws';
import { DomainError, Unavailable } from '../kernel/errors.js';
import type { RequestContext } from '../graphql/context.js';
import type { MapError, Pipeline, Prepared } from '../graphql/pipeline.js';
import { clientOf, credentialsOf, requestIdOf, type MakeContext } from './caller.js';

export interface OperationsOptions {
  readonly pipeline: Pipeline;
  readonly makeContext: MakeContext;
  readonly mapError: MapError;
  /** Operations at once on a socket; one more closes it with 4429. 100 by default. */
  readonly maxOperations?: number;
}

/** What the door keeps of a socket. */
export interface Extra extends Record<PropertyKey, unknown> {
  readonly socket: WebSocket;
  readonly request: IncomingMessage;
  /** What is running, by the client's id: aborted when it is over or the socket is gone. */
  readonly operations: Map<string, AbortController>;
}

type Parameters = Record<string, unknown> | undefined;
type Connection = Context<Parameters, Extra>;
type Hooks = ServerOptions<Parameters, Extra>;

/** What the hooks of graphql-ws hand on from the message to its execution. */
interface OperationArguments extends ExecutionArgs {
  readonly prepared: Prepared;
  readonly context: RequestContext;
}

/** A client has this long to say `connection_init`. */
const INIT_TIMEOUT_MS = 10_000;
/** In the protocol's range for what an application defines. */
const TOO_MANY_REQUESTS = 4429;

/** The operations of all sockets, each with a context of its own. */
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
        this.connections.set(connection.extra.socket, connection);
        const requestId = requestIdOf(connection.extra.request);
        return admitConnection(connection, this.contextOf(connection, requestId, AbortSignal.timeout(INIT_TIMEOUT_MS)));
      },
      onSubscribe: (connection, id, payload) => this.start(connection, id, payload),
      execute: (args) => run(args, 'execute'),
      subscribe: (args) => run(args, 'subscribe'),
      onComplete: ({ extra: { socket, operations } }, id) => {
        operations.get(id)?.abort();
        operations.delete(id);
        // After the `complete` that is about to be sent.
        if (operations.size === 0) setImmediate(onIdle, socket);
      },
      onClose: ({ extra: { socket, operations } }) => {
        this.connections.delete(socket);
        for (const controller of operations.values()) controller.abort();
        operations.clear();
      },
    });
  }

  /** Takes no more operations. */
  refuse(): void {
    this.isRefusing = true;
  }

  isIdle(socket: WebSocket): boolean {
    return (this.connections.get(socket)?.extra.operations.size ?? 0) === 0;
  }

  /** Ends every subscription, with `complete`. */
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

  private contextOf(connection: Connection, requestId: string, signal: AbortSignal): RequestContext {
    const { request } = connection.extra;
    const credentials = credentialsOf(request, authorizationIn(connection.connectionParams));
    return this.options.makeContext({ requestId, credentials, client: clientOf(request), signal });
  }
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

function authorizationIn(parameters: Parameters): string | null {
  const given = parameters?.['authorization'] ?? parameters?.['Authorization'];
  return typeof given === 'string' ? given : null;
}
