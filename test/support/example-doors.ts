import type { GraphQLSchema } from 'graphql';
import { Unauthenticated } from '../../src/kernel/errors.js';
import type { Log } from '../../src/kernel/log.js';
import type { RequestContext } from '../../src/graphql/context.js';
import { createPipeline } from '../../src/graphql/pipeline.js';
import type { Caller } from '../../src/doors/caller.js';
import { closeDoors } from '../../src/doors/drain.js';
import { createErrorMap } from '../../src/doors/error-map.js';
import { createGraphiqlPage } from '../../src/doors/graphiql.js';
import { createGraphQLDoor, type GraphQLDoorOptions } from '../../src/doors/graphql-door.js';
import { createHttpServer } from '../../src/doors/http.js';
import { createWebSocketDoor, type WebSocketDoorOptions } from '../../src/doors/websocket.js';
import { Journal, exampleSchema } from './example-schema.js';

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export type ExampleDoors = Awaited<ReturnType<typeof startDoors>>;

interface Options extends Partial<Pick<WebSocketDoorOptions, 'maxOperations' | 'maxSockets' | 'corsOrigins'>> {
  readonly schema?: GraphQLSchema;
  readonly uploadLimit?: GraphQLDoorOptions['uploadLimit'];
  readonly port?: number;
}

/** Every GraphQL door on a port of its own, over the example schema. The token `good` is u1's; others are bad. */
export async function startDoors({
  schema = exampleSchema(),
  corsOrigins = [],
  uploadLimit,
  port = 0,
  ...limits
}: Options = {}) {
  const lines: LogLine[] = [];
  const journal = new Journal();
  const log = recordingLog(lines);
  const mapError = createErrorMap(log);
  const pipeline = createPipeline(schema, { mapError });
  const makeContext = ({ requestId, credentials, client, signal }: Caller): RequestContext & { journal: Journal } => {
    signal.addEventListener('abort', () => {
      journal.note('aborted');
    });
    return {
      requestId,
      client,
      signal,
      journal,
      viewer() {
        if (credentials.authorization === null) return Promise.reject(new Unauthenticated('Missing credentials'));
        if (credentials.authorization !== 'Bearer good') return Promise.reject(new Unauthenticated('Invalid token'));
        http.noteViewer(requestId, 'u1');
        const viewer = { userId: 'u1', isAdmin: false, plan: 'free', sessionId: null, isInternal: false, client };
        return Promise.resolve(viewer);
      },
      instance: () => {
        throw new Error('The example has no instances');
      },
      once: (_key, make) => make(),
    };
  };
  const graphql = await createGraphQLDoor({
    pipeline,
    makeContext,
    mapError,
    log,
    graphiql: createGraphiqlPage('Example'),
    ...(uploadLimit === undefined ? {} : { uploadLimit }),
  });
  const webSocket = createWebSocketDoor({ pipeline, makeContext, mapError, log, corsOrigins, ...limits });
  const http = createHttpServer({
    graphql: graphql.handle,
    rest: (_request, response) => {
      response
        .writeHead(404, { 'content-type': 'application/json' })
        .end('{"code":404,"message":"Not found","data":null}');
    },
    upgrade: webSocket.upgrade,
    log,
    corsOrigins,
  });
  const address = await http.listen(port, '127.0.0.1');
  const url = `http://127.0.0.1:${address.port}`;
  let closing: Promise<void> | undefined;
  return {
    url: `${url}/graphql`,
    origin: url,
    port: address.port,
    lines,
    journal,
    graphql,
    webSocket,
    pipeline,
    close: (deadlineMs = 0) => (closing ??= closeDoors({ http, graphql, webSocket }, deadlineMs)),
    /** Posts an operation as JSON. */
    post: (query: string, variables?: unknown, headers: Record<string, string> = {}) =>
      fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query, variables }),
      }),
  };
}

function recordingLog(lines: LogLine[]): Log {
  const record = (level: LogLine['level']) => (fields: object, message: string) => {
    lines.push({ level, message, fields: { ...fields } });
  };
  return { info: record('info'), warn: record('warn'), error: record('error') };
}
