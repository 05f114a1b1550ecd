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
  /** Answers as server-sent events, in distinct connections mode: a stream an operation. */
  stream(request: GraphQLRequest, response: ServerResponse): Promise<void>;
  /** Answers a request whose variables hold a file, which is still coming, as JSON. */
  upload(request: GraphQLRequest, response: ServerResponse): Promise<void>;
  /** How many streams are open. */
  readonly openStreams: number;
  /** Ends every open stream with `complete`; their sources are told. */
  endStreams(): void;
}

/** A request on its way through Yoga, which copies the object around it. */
interface Call {
  readonly request: GraphQLRequest;
  readonly isUpload: boolean;
  /** Set once the pipeline has run it: an answer of Yoga's before that is a fault of ours. */
  hasRun?: true;
}

interface ServerContext {
  readonly call: Call;
}

/** Headers that keep proxies from holding events back; nginx reads the last. */
const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-cache, no-transform',
  'x-accel-buffering': 'no',
};

/** Yoga resolves paths against this; the request's own host plays no part. */
const ENDPOINT = 'http://localhost/graphql';

/**
 * Answers event streams and uploads with Yoga. Yoga frames the events, pings each stream every 12 s, and tells a stream's
 * source that its reader is gone. Reading the request, executing it and choosing its status are the door's and the
 * pipeline's, by Yoga's own hooks (docs/decisions/0018): every door has the same limits and statuses then.
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
    // The pipeline has mapped the errors of whatever ran.
    maskedErrors: false,
    maxRequestBodySize: false,
    // Node's own classes: Yoga's stand-ins do not tell a stream's source that its reader is gone.
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

/** Yoga's types do not know that the server context is in every context. */
function callIn(context: object): Call {
  return (context as ServerContext).call;
}

/** Yoga's own processor would answer with statuses of its own; this one has the pipeline's. */
function uploadResponse(result: unknown, { negotiated }: GraphQLRequest): Response {
  const { status, headers, body } = httpResult(result as ExecutionResult, negotiated);
  return new Response(body, { status, headers });
}

/** Keeps the stream in `open` until it is over, and ends it when its reader leaves. */
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

/** A client that leaves closes its stream before the end, which is no error. */
function ignoreLeaving(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ERR_STREAM_PREMATURE_CLOSE' && code !== 'ERR_STREAM_UNABLE_TO_PIPE' && code !== 'ABORT_ERR')
    throw error;
}
