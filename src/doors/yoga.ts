import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline as pipe } from 'node:stream/promises';
import type { ExecutionResult } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import type { ResultStream } from '../graphql/event-stream.js';
import type { Pipeline } from '../graphql/pipeline.js';
import { httpResult } from './answer.js';
import type { GraphQLRequest } from './graphql-request.js';

export interface YogaDoor {
  /** Answers with server-sent events in distinct connections mode: one stream per operation. */
  stream(request: GraphQLRequest, response: ServerResponse): Promise<void>;
  /** Answers with JSON a request whose variables hold a file, which is still arriving. */
  upload(request: GraphQLRequest, response: ServerResponse): Promise<void>;
  /** Number of open streams. */
  readonly openStreams: number;
  /** Ends every open stream with `complete`, and ends their sources. */
  endStreams(): void;
}

/** A request on its way through Yoga, inside the server context, which Yoga copies. */
interface Call {
  readonly request: GraphQLRequest;
  readonly isUpload: boolean;
  /** Set once the pipeline has run the operation. An answer of Yoga's without it is a defect in this file. */
  hasRun?: true;
}

interface ServerContext {
  readonly call: Call;
}

/** Headers that keep proxies from buffering events; nginx reads `x-accel-buffering`. */
const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** Base URL for Yoga's routing; the request's own host is not used. */
const ENDPOINT = 'http://localhost/graphql';

/**
 * Answers event streams and uploads with Yoga. Yoga frames the events, pings each stream every 12 s, and ends a stream's source
 * when its reader disconnects. Through Yoga's hooks the request is read by the door, and executed and given its status by the
 * pipeline (docs/decisions/0018), so that limits and statuses are the same on every door.
 */
export function createYogaDoor(pipeline: Pipeline): YogaDoor {
  const open = new Set<ResultStream>();

  const run = async (call: Call): Promise<ExecutionResult | ResultStream> => {
    const { prepared, parameters, context } = call.request;
    call.hasRun = true;
    const pipelineCall = { context, ...parameters };
    const operation = prepared.operation(parameters.operationName);
    if (!('kind' in operation) || operation.kind !== 'subscription') return pipeline.execute(prepared, pipelineCall);
    const result = await pipeline.subscribe(prepared, pipelineCall);
    return Symbol.asyncIterator in result ? tracked(result, open, context.signal) : result;
  };

  const plugin: Plugin<ServerContext> = {
    onRequestParse({ serverContext, setRequestParser }) {
      const { request } = callIn(serverContext);
      setRequestParser(() => ({ ...request.parameters }) as never);
    },
    onParams({ context, setParamsHandler }) {
      const call = callIn(context);
      setParamsHandler(() => run(call));
    },
    onResultProcess(processing) {
      const { request, isUpload } = callIn(processing.serverContext);
      if (isUpload) processing.setResultProcessor((result) => uploadResponse(result, request), request.negotiated.type);
    },
  };

  const yoga = createYoga<ServerContext>({
    schema: pipeline.schema,
    plugins: [plugin],
    logging: false,
    graphiql: false,
    landingPage: false,
    cors: false,
    // The pipeline has already mapped the errors.
    maskedErrors: false,
    maxRequestBodySize: false,
    // Node's own classes: Yoga's ponyfills do not end a stream's source when its reader disconnects.
    fetchAPI: { Request, Response, Headers, ReadableStream, TextEncoder, FormData, File, Blob, URL, URLSearchParams },
  });

  return {
    async stream(request, response) {
      const init = { method: 'POST', headers: { accept: 'text/event-stream' } };
      const answer = await yoga.fetch(ENDPOINT, init, { call: { request, isUpload: false } });
      response.writeHead(200, STREAM_HEADERS);
      if (answer.body === null) response.end();
      else await pipe(Readable.fromWeb(answer.body as never), response).catch(ignoreLeaving);
    },
    async upload(request, response) {
      const call: Call = { request, isUpload: true };
      const answer = await yoga.fetch(ENDPOINT, { method: 'POST', headers: { accept: 'application/json' } }, { call });
      if (call.hasRun === undefined) throw new Error('Yoga did not run a request');
      response.writeHead(answer.status, Object.fromEntries(answer.headers)).end(await answer.text());
    },
    get openStreams() {
      return open.size;
    },
    endStreams() {
      for (const stream of open) void stream.return();
    },
  };
}

/** Yoga's types do not say that the server context is part of every context. */
function callIn(context: object): Call {
  return (context as ServerContext).call;
}

/** Replaces Yoga's result processor, whose statuses differ from the pipeline's. */
function uploadResponse(result: unknown, { negotiated }: GraphQLRequest): Response {
  const { status, headers, body } = httpResult(result as ExecutionResult, negotiated);
  return new Response(body, { status, headers });
}

/** Keeps the stream in `open` until it ends, and ends it when its reader disconnects. */
function tracked(stream: ResultStream, open: Set<ResultStream>, signal: AbortSignal): ResultStream {
  const forget = () => {
    open.delete(watched);
    signal.removeEventListener('abort', leave);
  };
  const leave = () => {
    void watched.return();
  };
  const watched: ResultStream = {
    ...stream,
    async next() {
      const step = await stream.next();
      if (step.done === true) forget();
      return step;
    },
    return() {
      forget();
      return stream.return();
    },
    [Symbol.asyncIterator]: () => watched,
  };
  open.add(watched);
  signal.addEventListener('abort', leave, { once: true });
  if (signal.aborted) leave();
  return watched;
}

/** A client that disconnects closes its stream early, which is not an error. */
function ignoreLeaving(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ERR_STREAM_PREMATURE_CLOSE' && code !== 'ERR_STREAM_UNABLE_TO_PIPE' && code !== 'ABORT_ERR')
    throw error;
}
