import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ExecutionResult } from 'graphql';
import { createYoga, type Plugin } from 'graphql-yoga';
import type { ResultStream } from '../graphql/event-stream.js';
import type { Pipeline } from '../graphql/pipeline.js';
import { httpResult } from './answer.js';
import type { GraphQLRequest } from './graphql-request.js';
import { beginStream, chunkedSocketOf, SharedText, writeChunk, writeTo } from './write.js';
import { textOf, WrittenStream } from './written-stream.js';
import { Heartbeat } from './heartbeat.js';
import { AsItIs, NextOnly, EventResponse, PulledStream } from './pulled-stream.js';

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
  readonly response: ServerResponse;
  readonly isUpload: boolean;
  /** Set once the pipeline has run the operation. An answer of Yoga's without it is a defect in this file. */
  hasRun?: true;
  /** Those of a subscription. */
  results?: OpenStream;
}

interface ServerContext {
  readonly call: Call;
}

/** Headers that keep proxies from buffering events; nginx reads `x-accel-buffering`. */
const STREAM_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store, no-transform',
  'x-accel-buffering': 'no',
};

/** Base URL for Yoga's routing; the request's own host is not used. */
const ENDPOINT = 'http://localhost/graphql';

/**
 * Answers event streams and uploads with Yoga. Yoga frames the events. Through Yoga's hooks the request is read by the door, and
 * executed and given its status by the pipeline (docs/decisions/0018), so that limits and statuses are the same on every door.
 * @param heartbeatMs interval in which each stream is written a sign of life
 * @param onBroken called when a stream that has begun had to be broken off
 */
export function createYogaDoor(
  pipeline: Pipeline,
  heartbeatMs: number,
  onBroken: (error: unknown, requestId: string) => void,
): YogaDoor {
  const open = new Set<OpenStream>();
  const heartbeat = new Heartbeat(heartbeatMs);
  const door: OpenStreams = { open, onBroken };

  const run = async (call: Call): Promise<ExecutionResult | OpenStream> => {
    const { prepared, parameters, context } = call.request;
    call.hasRun = true;
    const pipelineCall = { context, ...parameters };
    const operation = prepared.operation(parameters.operationName);
    if (!('kind' in operation) || operation.kind !== 'subscription') return pipeline.execute(prepared, pipelineCall);
    const result = await pipeline.subscribe(prepared, pipelineCall);
    return Symbol.asyncIterator in result ? (call.results = new OpenStream(result, door, call)) : result;
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
      else if (processing.result instanceof OpenStream) processing.setResult(new NextOnly(processing.result));
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
    // Node's own classes, except for what events are written with, which is ours: web streams take twice the time of all else.
    // Not Yoga's ponyfills, which do not end a stream's source when its reader disconnects.
    fetchAPI: {
      Request,
      Response: EventResponse,
      Headers,
      ReadableStream: PulledStream as never,
      TextEncoder: AsItIs as never,
      FormData,
      File,
      Blob,
      URL,
      URLSearchParams,
    },
  });

  return {
    async stream(request, response) {
      const init = { method: 'POST', headers: { accept: 'text/event-stream' } };
      const call: Call = { request, response, isUpload: false };
      const answer = await yoga.fetch(ENDPOINT, init, { call });
      beginStream(response, STREAM_HEADERS);
      if (answer instanceof EventResponse && answer.events !== undefined)
        await answer.events.writeTo(response, heartbeat, call.results);
      else response.end(await answer.text());
    },
    async upload(request, response) {
      const call: Call = { request, response, isUpload: true };
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

/** The events of results that several readers share, as Yoga frames them. */
const frames = new WeakMap<ExecutionResult, SharedText>();

function frameOf(result: ExecutionResult): SharedText {
  let frame = frames.get(result);
  if (frame === undefined) frames.set(result, (frame = new SharedText(`event: next\ndata: ${textOf(result)}\n\n`)));
  return frame;
}

/** What the streams of a door have in common. */
interface OpenStreams {
  readonly open: Set<OpenStream>;
  readonly onBroken: (error: unknown, requestId: string) => void;
}

/** A stream that is in `open` until it ends. It ends when its reader disconnects. What is framed without Yoga is written here. */
class OpenStream extends WrittenStream {
  /** The socket that events are written to, once the answer has begun. */
  private socket: Socket | undefined;

  private readonly signal: AbortSignal;
  private readonly requestId: string;
  private readonly response: ServerResponse;

  constructor(
    stream: ResultStream,
    private readonly door: OpenStreams,
    { request: { context }, response }: Call,
  ) {
    super(stream);
    this.signal = context.signal();
    this.requestId = context.requestId;
    this.response = response;
    door.open.add(this);
    this.signal.addEventListener('abort', this, { once: true });
    if (this.signal.aborted) this.handleEvent();
  }

  /** The reader has left. */
  handleEvent(): void {
    void this.return();
  }

  override async next(): Promise<IteratorResult<ExecutionResult, void>> {
    const step = await super.next();
    if (step.done === true) this.forget();
    return step;
  }

  breakOff(error: unknown): void {
    void this.return();
    if (this.response.destroyed) return;
    this.door.onBroken(error, this.requestId);
    this.response.destroy();
  }

  override return(): Promise<IteratorResult<ExecutionResult, void>> {
    this.forget();
    return super.return();
  }

  protected override write(result: ExecutionResult): Promise<void> | undefined {
    const frame = frameOf(result);
    const socket = (this.socket ??= chunkedSocketOf(this.response));
    return socket === undefined ? writeTo(this.response, frame.text) : writeChunk(this.response, socket, frame);
  }

  private forget(): void {
    this.socket = undefined;
    this.door.open.delete(this);
    this.signal.removeEventListener('abort', this);
  }
}
