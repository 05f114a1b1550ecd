import type { ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { pipeline as pipe } from 'node:stream/promises';
import type { ExecutionResult } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import type { ResultStream } from '../graphql/event-stream.js';
import type { Pipeline } from '../graphql/pipeline.js';
import { sendResult } from './answer.js';
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

/** What the plugin finds and leaves; Yoga copies the object around it. */
interface Call {
  readonly request: GraphQLRequest;
  result?: ExecutionResult;
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

/** Answers streams and requests with files, with Yoga; what runs is the shared pipeline. Yoga pings a stream every 12 s. */
export function createYogaDoor(pipeline: Pipeline): YogaDoor {
  const open = new Set<ResultStream>();

  const run = async (call: Call): Promise<ExecutionResult | ResultStream> => {
    const { prepared, parameters, context } = call.request;
    const pipelineCall = { context, ...parameters };
    const operation = prepared.operation(parameters.operationName);
    if ('kind' in operation && operation.kind === 'subscription') {
      const result = await pipeline.subscribe(prepared, pipelineCall);
      return Symbol.asyncIterator in result ? tracked(result, open, context.signal) : result;
    }
    const result = await pipeline.execute(prepared, pipelineCall);
    call.result = result;
    return result;
  };

  const plugin: Plugin<ServerContext> = {
    onRequestParse({ serverContext, setRequestParser }) {
      const { request } = (serverContext as unknown as ServerContext).call;
      // The door in front has read it.
      setRequestParser(() => ({ ...request.parameters }) as never);
    },
    onParams({ context, setParamsHandler }) {
      const { call } = context as unknown as ServerContext;
      setParamsHandler(() => run(call));
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
      const answer = await yoga.fetch(ENDPOINT, init, { call: { request } });
      response.writeHead(200, STREAM_HEADERS);
      if (answer.body === null) response.end();
      else await pipe(Readable.fromWeb(answer.body as never), response).catch(ignoreLeaving);
    },
    async upload(request, response) {
      const call: Call = { request };
      const answer = await yoga.fetch(ENDPOINT, { method: 'POST', headers: { accept: 'application/json' } }, { call });
      // Written below, with the pipeline's statuses.
      await answer.body?.cancel();
      if (call.result === undefined) throw new Error('Yoga did not run a request');
      sendResult(response, call.result, request.negotiated);
    },
    get openStreams() {
      return open.size;
    },
    endStreams() {
      for (const stream of open) void stream.return();
    },
  };
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

/** A client that goes closes its stream before the end: that is no error of ours. */
function ignoreLeaving(error: unknown): void {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code !== 'ERR_STREAM_PREMATURE_CLOSE' && code !== 'ERR_STREAM_UNABLE_TO_PIPE' && code !== 'ABORT_ERR')
    throw error;
}
