import type { IncomingMessage, ServerResponse } from 'node:http';
import { GraphQLBoolean, type GraphQLSchema } from 'graphql';
import type { Pipeline } from '../../graphql/pipeline.js';
import { FILE_FORMATS, type RestFileRoute, type RestStreamRoute } from '../../rest/route.js';
import type { Fault } from '../../kernel/errors.js';
import { hearingRateLimits } from '../../kernel/rate-limit-notes.js';
import { Heartbeat } from '../heartbeat.js';
import { compressedFile, type SendFile } from '../compressed-file.js';
import { preferredType } from '../headers/accept.js';
import { textReader } from './decode.js';
import type { WireRequest } from './read-input.js';
import { makeEndpoint, sendThrown, type Exchange, type ExchangeOptions } from './exchange.js';
import { rateLimitHeaders } from './rate-limit-headers.js';
import { REFERENCE } from './reference.js';
import { referencePage } from './reference-page.js';
import { buildRestView, type RestOperation } from './rest-view.js';
import { createRestRouter, type FoundRoute } from './rest-router.js';
import { serveFile } from './serve-file.js';
import { serveOperation } from './serve-operation.js';
import { serveStream, type OpenStream, type StreamOptions } from './serve-stream.js';
import { welcomePage } from './welcome-page.js';
import { BASE_PATH, pairOperations, readEmittedRest, type EmittedRest } from './sofa-operations.js';

export interface RestDoorOptions extends ExchangeOptions {
  /** The main schema, executable, with the route metadata of `src/rest/route.ts`. */
  readonly schema: GraphQLSchema;
  /** Makes the shared pipeline for the schema of the REST view. */
  readonly pipelineFor: (schema: GraphQLSchema) => Pipeline;
  /** SOFA's output for the schema. By default the product's, from the files that `npm run schema` writes. */
  readonly emitted?: EmittedRest;
  /** The title of the API reference. By default the product's. */
  readonly title?: string;
  /** Whether clients reach the service over HTTPS only, so cookies can be `Secure`. False by default. */
  readonly isSecure?: boolean;
  /** Whether the page at the root links to GraphiQL. True by default. */
  readonly hasGraphiql?: boolean;
  /** Whether there is the API reference, and its document. True by default. */
  readonly hasDocs?: boolean;
  /** Interval in which an event stream gets a comment. 15 s by default: proxies close silent ones after 30 to 60 s. */
  readonly heartbeatMs?: number;
}

export interface RestDoor {
  /**
   * Answers any request: the routes below `/api/v1`, `/`, the reference at `/docs`, and every other path with 404. It reads the
   * body itself. Settles when the answer is written, and never rejects.
   */
  readonly handle: (request: IncomingMessage, response: ServerResponse, requestId: string) => Promise<void>;
  /** The schema of the view, which has a root field for each route. */
  readonly schema: GraphQLSchema;
  /** Ends the open streams early, at shutdown: a client of an event stream can resume it on another instance. */
  readonly endStreams: () => void;
}

const DOCUMENT_PATH = `${BASE_PATH}/openapi.json`;
const GRAPHIQL_LINK = {
  path: '/graphql',
  label: 'GraphiQL',
  description: 'The GraphQL API, with examples to run in the browser.',
};
const DOCS_LINKS = [
  { path: '/docs', label: 'REST reference', description: `The routes under ${BASE_PATH}, with a form to try each.` },
  { path: DOCUMENT_PATH, label: 'OpenAPI document', description: 'The same for client generators.' },
];
const HEALTH_LINK = {
  path: `${BASE_PATH}/health`,
  label: 'Health',
  description: 'Whether the service works, and its version.',
};
/** Sooner than on GraphQL's streams, which begin with a sign: a POST's answer begins with its first event or this. */
const HEARTBEAT_MS = 15_000;

export function createRestDoor(options: RestDoorOptions): RestDoor {
  const { schema, pipelineFor, heartbeatMs = HEARTBEAT_MS, isSecure = false } = options;
  const { hasGraphiql = true, hasDocs = true, emitted = readEmittedRest(), title = REFERENCE.title } = options;
  const view = buildRestView(schema);
  const documentOf = pairOperations(view, emitted.operations);
  const pipeline = pipelineFor(view.schema);
  const operations = view.operations.map((operation) => makeEndpoint(operation, documentOf(operation), pipeline));
  const { streamSchema } = view;
  const streamPipeline = streamSchema && pipelineFor(streamSchema);
  const subscriptionEndpoint = <Route extends RestStreamRoute | RestFileRoute>(operation: RestOperation<Route>) => {
    if (streamPipeline === undefined) throw new Error('A stream has no schema');
    return makeEndpoint(operation, documentOf(operation), streamPipeline);
  };
  const streams = view.streams.map((operation) => subscriptionEndpoint(operation));
  const files = view.files.map((operation) => subscriptionEndpoint(operation));
  const links = [...(hasGraphiql ? [GRAPHIQL_LINK] : []), ...(hasDocs ? DOCS_LINKS : []), HEALTH_LINK];
  const findRoute = createRestRouter(operations, streams, files, [
    { path: '/', send: welcomePage({ title, links }) },
    ...(hasDocs
      ? [{ path: DOCUMENT_PATH, send: documentFile(emitted) }, ...referencePage({ title, documentPath: DOCUMENT_PATH })]
      : []),
  ]);
  const openStreams = new Set<OpenStream>();
  const streamOptions: StreamOptions = { ...options, heartbeat: new Heartbeat(heartbeatMs), openStreams };

  const serve = (route: FoundRoute, exchange: Exchange): Promise<void> => {
    const { operation, stream, file, answer } = route.target;
    if (answer) return answer.send(exchange.wire.request, exchange.response);
    if (file && (operation === undefined || asksForFile(exchange.wire)))
      return serveFile(file, exchange, streamOptions);
    if (operation === undefined) return stream ? serveStream(stream, exchange, streamOptions) : Promise.resolve();
    const beside = stream?.operation.route.beside;
    if (stream === undefined || beside === undefined) return serveOperation(operation, exchange, options);
    const faults: Fault[] = [];
    return asksForStream(beside.when, route.query, faults)
      ? serveStream(stream, exchange, streamOptions, beside.text)
      : serveOperation(operation, { ...exchange, faults }, options);
  };

  return {
    schema: view.schema,
    async handle(request, response, requestId) {
      try {
        const route = findRoute(request.method ?? 'GET', request.url ?? '/');
        const { pathParameters, query } = route;
        const exchange = { wire: { request, pathParameters, query, isSecure }, response, requestId, faults: [] };
        await hearingRateLimits(rateLimitHeaders(response), () => serve(route, exchange));
      } catch (error) {
        sendThrown(error, undefined, { response, requestId }, options);
      }
    },
    endStreams() {
      for (const stream of openStreams) stream.end();
    },
  };
}

function documentFile({ loadDocument: load }: EmittedRest): SendFile {
  return compressedFile({ contentType: 'application/json; charset=utf-8', load });
}

/** Whether a client wants the file at a path that has an operation, too: by `?format=`, or by the type that only the file has. */
function asksForFile({ request, query }: WireRequest): boolean {
  if (new URLSearchParams(query).has('format')) return true;
  return preferredType(request, Object.values(FILE_FORMATS)) === FILE_FORMATS.ndjson;
}

const readBoolean = textReader(GraphQLBoolean);

/** Whether the query parameter `when` is true. Adds a fault when it is neither true nor false. */
function asksForStream(when: string, query: string, faults: Fault[]): boolean {
  const texts = new URLSearchParams(query).getAll(when);
  return texts.length > 0 && readBoolean(texts, when, faults) === true;
}
