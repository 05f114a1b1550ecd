import type { GraphQLSchema } from 'graphql';
import { MemoryPersistedDocuments } from '../../src/adapters/memory/memory-persisted-documents.js';
import { Unauthenticated, Unavailable } from '../../src/kernel/errors.js';
import type { Log } from '../../src/kernel/log.js';
import type { AccessEnd, FollowViewer, Viewer } from '../../src/kernel/viewer.js';
import type { RequestContext } from '../../src/graphql/context.js';
import { createPipeline } from '../../src/graphql/pipeline.js';
import type { Caller } from '../../src/doors/caller.js';
import { createClientOf } from '../../src/doors/client-address.js';
import { closeDoors } from '../../src/doors/drain.js';
import { OriginPolicy } from '../../src/doors/cors.js';
import { createErrorMap } from '../../src/doors/error-map.js';
import { createGraphiqlPage } from '../../src/doors/graphiql.js';
import { createGraphQLDoor, type GraphQLDoorOptions } from '../../src/doors/graphql-door.js';
import { createHttpServer } from '../../src/doors/http.js';
import { PersistedQueries } from '../../src/doors/persisted-query.js';
import { createWebSocketDoor, type WebSocketDoorOptions } from '../../src/doors/websocket.js';
import { Journal, exampleSchema } from './example-schema.js';

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export type ExampleDoors = Awaited<ReturnType<typeof startDoors>>;

interface Options extends Partial<
  Pick<WebSocketDoorOptions, 'maxOperations' | 'limits' | 'anonymousIdleMs' | 'pingIntervalMs'>
> {
  readonly corsOrigins?: readonly string[];
  readonly allowsLoopback?: boolean;
  readonly schema?: GraphQLSchema;
  readonly uploadLimit?: GraphQLDoorOptions['uploadLimit'];
  readonly heartbeatMs?: number;
  readonly port?: number;
}

const u1: Omit<Viewer, 'client'> = { userId: 'u1', isAdmin: false, plan: 'free', sessionId: null, isInternal: false };
const RENEWED_EXPIRY = new Date('2030-01-01T00:00:00Z');

/** Valid tokens and their users. */
const VIEWERS: Readonly<Record<string, Omit<Viewer, 'client'>>> = {
  'Bearer good': u1,
  'Bearer unchecked-once': u1,
  'Bearer renewed': { ...u1, expiresAt: RENEWED_EXPIRY },
  'Bearer of-another': { ...u1, userId: 'u2' },
};

/**
 * Every GraphQL door on its own port, over the example schema. Tokens: `good` and `renewed` are u1's, `of-another` is u2's;
 * checking `unchecked` fails, `unchecked-once` fails once and is then u1's, and `unanswered` never ends; others are invalid.
 */
export async function startDoors({
  schema = exampleSchema(),
  corsOrigins = [],
  allowsLoopback = false,
  uploadLimit,
  heartbeatMs,
  port = 0,
  ...options
}: Options = {}) {
  const lines: LogLine[] = [];
  const journal = new Journal();
  let checks = 0;
  const log = recordingLog(lines);
  const mapError = createErrorMap(log);
  const origins = new OriginPolicy({ allowed: corsOrigins, allowsLoopback, log });
  const pipeline = createPipeline(schema, { mapError });
  const persisted = new PersistedQueries(new MemoryPersistedDocuments(), pipeline);
  const followed = new Set<{ readonly whose: () => Viewer; readonly end: (why: AccessEnd) => void }>();
  const renewals: string[] = [];
  const follow: FollowViewer = (whose, end) => {
    const follower = { whose, end };
    followed.add(follower);
    return () => followed.delete(follower);
  };
  const makeContext = ({
    requestId,
    credentials,
    peer: client,
    signal,
    request,
  }: Caller): RequestContext & { journal: Journal } => {
    signal().addEventListener('abort', () => {
      journal.note('aborted');
    });
    return {
      requestId,
      client,
      signal,
      journal,
      viewer() {
        const { authorization } = credentials;
        if (authorization === null) return Promise.reject(new Unauthenticated('Missing credentials'));
        if (authorization === 'Bearer unanswered') return new Promise(() => undefined);
        if (authorization === 'Bearer unchecked' || (authorization === 'Bearer unchecked-once' && checks++ === 0))
          return Promise.reject(new Unavailable('Not now'));
        const viewer = VIEWERS[authorization];
        if (viewer === undefined) return Promise.reject(new Unauthenticated('Invalid token'));
        request?.noteViewer({ ...viewer, client });
        return Promise.resolve({ ...viewer, client });
      },
      enterStream: () => () => undefined,
      whileSignedIn: (_whose, events) => events,
      recordInternalCall: () => Promise.resolve(),
      noteOperation: (name) => {
        request?.noteOperation?.(name);
      },
      once: (_key, make) => make(),
    };
  };
  const graphql = await createGraphQLDoor({
    pipeline,
    makeContext,
    mapError,
    log,
    persisted,
    graphiql: createGraphiqlPage('Example'),
    ...(uploadLimit === undefined ? {} : { uploadLimit }),
    ...(heartbeatMs === undefined ? {} : { heartbeatMs }),
  });
  const clientOf = createClientOf(['127.0.0.1']);
  const webSocket = createWebSocketDoor({
    pipeline,
    makeContext,
    mapError,
    log,
    persisted,
    origins,
    follow,
    onRenewal: (userId) => renewals.push(userId),
    clientOf,
    ...options,
  });
  const http = createHttpServer({
    graphql: graphql.handle,
    rest: (_request, response) => {
      response
        .writeHead(404, { 'content-type': 'application/json' })
        .end('{"code":404,"message":"Not found","data":null}');
    },
    upgrade: webSocket.upgrade,
    log,
    origins,
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
    /** The viewers of the open sockets. */
    followed,
    renewals,
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
  return { debug: record('debug'), info: record('info'), warn: record('warn'), error: record('error') };
}
