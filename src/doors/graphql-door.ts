import type { IncomingMessage, ServerResponse } from 'node:http';
import { isScalarType } from 'graphql';
import type { Log } from '../kernel/log.js';
import type { MapError, Pipeline } from '../graphql/pipeline.js';
import { Refusal } from '../graphql/refusal.js';
import { sendRefusal, sendResult } from './answer.js';
import { createApolloDoor } from './apollo.js';
import { bodyLimitOf } from './body-limit.js';
import { callerOf, idempotencyKeyIn, type Caller, type MakeContext } from './caller.js';
import type { GraphiqlPage } from './graphiql.js';
import { BODY_LIMIT, readPost, readQueryString, type GraphQLRequest, type SentParameters } from './graphql-request.js';
import { parametersOf } from './graphql-upload.js';
import { bodyTypeOf } from './headers/content-type.js';
import { preferredType } from './headers/accept.js';
import { negotiate, RESULT_TYPES } from './media-type.js';
import { MalformedMultipart, readMultipart } from './multipart.js';
import { queryOf } from './request-target.js';
import type { PersistedQueries } from './persisted-query.js';
import { HEARTBEAT_MS } from './heartbeat.js';
import { createYogaDoor } from './yoga.js';

export interface GraphQLDoorOptions {
  readonly pipeline: Pipeline;
  readonly makeContext: MakeContext;
  readonly mapError: MapError;
  readonly log: Log;
  readonly persisted: PersistedQueries;
  /** Serves GraphiQL to browsers. There is no page when undefined. */
  readonly graphiql?: GraphiqlPage;
  /** Maximum bytes of a JSON body of a client with valid credentials; others may send less. */
  readonly bodyLimit?: number;
  /** Maximum bytes of a multipart body, its files included. */
  readonly uploadLimit?: number;
  /** Interval in which each event stream is written a comment, so that proxies do not take it for dead. 25 s by default. */
  readonly heartbeatMs?: number;
}

/** GraphQL over HTTP on one path. It reads the request, and passes it to Apollo (JSON) or Yoga (event streams, uploads). */
export interface GraphQLDoor {
  handle(request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void>;
  readonly openStreams: number;
  /** Ends the open event streams, each with `complete`. */
  endStreams(): void;
  close(): Promise<void>;
}

/**
 * A multipart body needs one of these headers, or a bearer token, as CSRF protection: a page of another site can send such a
 * body without a preflight request, but not with one of these. A browser adds `Authorization` itself only for other schemes.
 */
const PREFLIGHT_HEADERS = [
  'apollo-require-preflight',
  'graphql-require-preflight',
  'x-apollo-operation-name',
  'x-internal-key',
  'x-user-id',
];

function forcesPreflight({ headers }: IncomingMessage): boolean {
  return PREFLIGHT_HEADERS.some((name) => name in headers) || /^bearer /i.test(headers.authorization ?? '');
}

export async function createGraphQLDoor(options: GraphQLDoorOptions): Promise<GraphQLDoor> {
  const {
    pipeline,
    makeContext,
    mapError,
    log,
    persisted,
    graphiql,
    bodyLimit = BODY_LIMIT,
    uploadLimit = BODY_LIMIT,
    heartbeatMs = HEARTBEAT_MS,
  } = options;
  const apollo = await createApolloDoor(pipeline, log);
  const yoga = createYogaDoor(pipeline, heartbeatMs, (error, requestId) => void mapError(error, requestId));
  const takesUploads = isScalarType(pipeline.schema.getType('Upload'));

  /**
   * @param query the text of the document
   * @throws Refusal 406 when the client accepts none of the media types, 405 for a mutation by GET
   */
  const admit = (request: IncomingMessage, caller: Caller, sent: SentParameters, query: string): GraphQLRequest => {
    const { operationName, variables } = sent;
    const parameters = { query, operationName, variables };
    const prepared = pipeline.prepare(query);
    const operation = prepared.operation(operationName);
    const kind = operation instanceof Refusal ? undefined : operation.kind;
    const negotiated = negotiate(request, kind === 'subscription');
    if (negotiated === undefined) throw notAcceptable(kind === 'subscription' ? kind : 'other');
    if (kind === 'mutation' && request.method === 'GET')
      throw methodNotAllowed('POST', 'A mutation must be sent by POST');
    return { parameters, prepared, negotiated, context: makeContext(withKey(caller, sent)) };
  };

  const answer = (request: GraphQLRequest, response: ServerResponse): Promise<void> => {
    const { prepared, parameters, negotiated } = request;
    if (negotiated.type === 'text/event-stream') return yoga.stream(request, response);
    const operation = prepared.operation(parameters.operationName);
    return operation instanceof Refusal ? refuse(request, response) : apollo.handle(request, response);
  };

  /** Like everywhere, and without Apollo's rules for documents. */
  const refuse = async ({ prepared, parameters, negotiated, context }: GraphQLRequest, response: ServerResponse) => {
    sendResult(response, await pipeline.execute(prepared, { context, ...parameters }), negotiated);
  };

  const limitOf = (request: IncomingMessage, caller: Caller) =>
    bodyLimitOf(request, bodyLimit, () => makeContext(caller).viewer());

  const upload = async (request: IncomingMessage, response: ServerResponse, caller: Caller): Promise<void> => {
    if (!takesUploads) throw unsupported('There is nothing to upload to here; send the body as application/json');
    if (!forcesPreflight(request)) {
      const message = 'Send a multipart body with a bearer token, or with the header GraphQL-Require-Preflight: true';
      throw new Refusal(message, 'CSRF_REFUSED');
    }
    const limits = { bodyBytes: uploadLimit, fieldBytes: await limitOf(request, caller) };
    const body = await readMultipart(request, limits).catch(refuseMultipart);
    try {
      const sent = parametersOf(body);
      const prepared = admit(request, caller, sent, await persisted.textOf(sent));
      if (prepared.negotiated.type === 'text/event-stream') throw notAcceptable('upload');
      await yoga.upload(prepared, response);
    } finally {
      body.finish();
    }
  };

  const get = async (request: IncomingMessage, response: ServerResponse, caller: Caller): Promise<void> => {
    if (graphiql !== undefined && prefersPage(request)) return graphiql.handle(request, response);
    const sent = readQueryString(queryOf(request.url));
    return answer(admit(request, caller, sent, await persisted.textOf(sent)), response);
  };

  const handle = async (request: IncomingMessage, response: ServerResponse, requestId: string): Promise<void> => {
    const caller = callerOf(request, response, requestId);
    if (request.method === 'GET') return get(request, response, caller);
    if (request.method !== 'POST') throw methodNotAllowed('GET, POST', 'GraphQL is served by GET and POST');
    const type = bodyTypeOf(request);
    if (type.mediaType === 'multipart/form-data') return upload(request, response, caller);
    // What need not be waited for is not: each wait is a microtask, of which a request by the way of REST has fewer.
    const limit = limitOf(request, caller);
    const sent = await readPost(request, type, typeof limit === 'number' ? limit : await limit);
    const text = persisted.textOf(sent);
    await answer(admit(request, caller, sent, typeof text === 'string' ? text : await text), response);
  };

  return {
    async handle(request, response, requestId) {
      try {
        await handle(request, response, requestId);
      } catch (error) {
        // A client that has disconnected needs no answer, and disconnecting is not an error.
        if (!response.destroyed) sendRefusal(response, mapError(error, requestId));
      }
    },
    get openStreams() {
      return yoga.openStreams;
    },
    endStreams: () => {
      yoga.endStreams();
    },
    close: () => apollo.close(),
  };
}

/** A WebSocket has no headers for an operation, so the key may be in the operation's `extensions`, and then is there on any door. */
function withKey(caller: Caller, { extensions }: Pick<SentParameters, 'extensions'>): Caller {
  const idempotencyKey = caller.idempotencyKey ?? idempotencyKeyIn(extensions);
  return idempotencyKey === null ? caller : { ...caller, idempotencyKey };
}

/**
 * Whether to serve GraphiQL. A browser that opens the address gets the page whatever the query string holds: GraphiQL keeps its
 * state there, so reloads, bookmarks and shared links must show the page. GraphiQL's own requests, and programs, ask for data.
 */
function prefersPage(request: IncomingMessage): boolean {
  return preferredType(request, [...RESULT_TYPES, 'text/html']) === 'text/html';
}

const unsupported = (message: string) => new Refusal(message, 'UNSUPPORTED_MEDIA_TYPE', { status: 415 });

const MULTIPART_REFUSALS = {
  'media-type': { code: 'UNSUPPORTED_MEDIA_TYPE', status: 415 },
  malformed: { code: 'BAD_REQUEST', status: 400 },
  'too-large': { code: 'PAYLOAD_TOO_LARGE', status: 413 },
} as const;

function refuseMultipart(error: unknown): never {
  if (!(error instanceof MalformedMultipart)) throw error;
  const { code, status } = MULTIPART_REFUSALS[error.reason];
  throw new Refusal(error.message, code, { status });
}

const methodNotAllowed = (allow: string, message: string) =>
  new Refusal(message, 'METHOD_NOT_ALLOWED', { status: 405, headers: { allow } });

const NOT_ACCEPTABLE = {
  subscription: 'A subscription is answered as text/event-stream, or over a WebSocket',
  upload: 'A multipart request is answered as application/json or application/graphql-response+json',
  other: 'Answers are application/json, application/graphql-response+json or text/event-stream',
};

const notAcceptable = (kind: keyof typeof NOT_ACCEPTABLE) =>
  new Refusal(NOT_ACCEPTABLE[kind], 'NOT_ACCEPTABLE', { status: 406 });
