import type { IncomingMessage, ServerResponse } from 'node:http';
import { GraphQLBoolean, type GraphQLSchema } from 'graphql';
import type { Pipeline } from '../../graphql/pipeline.js';
import type { RestFileRoute, RestStreamRoute } from '../../rest/route.js';
import type { Fault } from '../../kernel/errors.js';
import { compressedFile, type SendFile } from '../compressed-file.js';
import { sendEnvelope } from '../envelope.js';
import { textReader } from './decode.js';
import { makeEndpoint, sendThrown, type Exchange, type ExchangeOptions } from './exchange.js';
import { REFERENCE } from './reference.js';
import { referencePage } from './reference-page.js';
import { buildRestView, type RestOperation } from './rest-view.js';
import { createRestRouter, type FoundRoute } from './rest-router.js';
import { serveFile } from './serve-file.js';
import { serveOperation } from './serve-operation.js';
import { serveStream, type OpenStream, type StreamOptions } from './serve-stream.js';
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
  /** Interval after which a silent event stream gets a comment. 15 s by default: proxies close idle ones after 30 to 60 s. */
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

const WELCOME = { status: 200, message: 'Success', data: { message: 'Welcome to Flynkle API' } };
const DOCUMENT_PATH = `${BASE_PATH}/openapi.json`;
const HEARTBEAT_MS = 15_000;

export function createRestDoor(options: RestDoorOptions): RestDoor {
  const { schema, pipelineFor, heartbeatMs = HEARTBEAT_MS, isSecure = false } = options;
  const { emitted = readEmittedRest(), title = REFERENCE.title } = options;
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
  const findRoute = createRestRouter(operations, streams, files, [
    { path: '/', send: sendWelcome },
    { path: DOCUMENT_PATH, send: documentFile(emitted) },
    ...referencePage({ title, documentPath: DOCUMENT_PATH }),
  ]);
  const openStreams = new Set<OpenStream>();
  const streamOptions: StreamOptions = { ...options, heartbeatMs, openStreams };

  const serve = (route: FoundRoute, exchange: Exchange): Promise<void> => {
    const { operation, stream, file, answer } = route.target;
    if (answer) return answer.send(exchange.wire.request, exchange.response);
    if (file) return serveFile(file, exchange, streamOptions);
    if (operation === undefined) return stream ? serveStream(stream, exchange, streamOptions) : Promise.resolve();
    const when = stream?.operation.route.when;
    if (stream === undefined || when === undefined) return serveOperation(operation, exchange, options);
    const faults: Fault[] = [];
    return asksForStream(when, route.query, faults)
      ? serveStream(stream, exchange, streamOptions)
      : serveOperation(operation, { ...exchange, faults }, options);
  };

  return {
    schema: view.schema,
    async handle(request, response, requestId) {
      try {
        const route = findRoute(request.method ?? 'GET', request.url ?? '/');
        const { pathParameters, query } = route;
        await serve(route, { wire: { request, pathParameters, query, isSecure }, response, requestId, faults: [] });
      } catch (error) {
        sendThrown(error, undefined, { response, requestId }, options);
      }
    },
    endStreams() {
      for (const stream of openStreams) stream.end();
    },
  };
}

const sendWelcome: SendFile = (_request, response) => {
  sendEnvelope(response, WELCOME);
  return Promise.resolve();
};

function documentFile({ loadDocument: load }: EmittedRest): SendFile {
  return compressedFile({ contentType: 'application/json; charset=utf-8', load });
}

const readBoolean = textReader(GraphQLBoolean);

/** Whether the query parameter `when` is true. Adds a fault when it is neither true nor false. */
function asksForStream(when: string, query: string, faults: Fault[]): boolean {
  const texts = new URLSearchParams(query).getAll(when);
  return texts.length > 0 && readBoolean(texts, when, faults) === true;
}
