import type { ServerResponse } from 'node:http';
import type { ExecutionResult } from 'graphql';
import type { ResultStream } from '../../graphql/event-stream.js';
import type { RestStreamRoute } from '../../rest/route.js';
import { sendEnvelope } from '../envelope.js';
import { preferredType } from '../headers/accept.js';
import { errorAnswer, type MappedError } from './envelope.js';
import { admitRequest, sendThrown, type Endpoint, type Exchange, type ExchangeOptions } from './exchange.js';

/** An event as it is sent: fields in snake_case, and the name of its type. */
interface StreamEvent {
  readonly __typename: string;
  readonly sequence?: number;
  readonly [field: string]: unknown;
}

export interface StreamOptions extends ExchangeOptions {
  /** Interval after which a silent stream gets a comment, so that proxies do not close the connection. */
  readonly heartbeatMs: number;
  /** Open streams, each of which can be ended early. */
  readonly openStreams: Set<OpenStream>;
}

export interface OpenStream {
  /** Ends the answer early: a client of events can resume elsewhere; plain text is cut off, to signal that it is incomplete. */
  end(): void;
}

/** Answers a request with a subscription's events, as server-sent events or as plain text. Never rejects. */
export async function serveStream(
  endpoint: Endpoint<RestStreamRoute>,
  exchange: Exchange,
  options: StreamOptions,
): Promise<void> {
  const { operation, pipeline, prepared } = endpoint;
  try {
    const { call } = await admitRequest(endpoint, exchange, options);
    const result = await pipeline.subscribe(prepared, call);
    if (!(Symbol.asyncIterator in result)) {
      sendFirstError(endpoint, exchange, options, result);
      return;
    }
    exchange.response.once('close', () => void result.return());
    if (exchange.response.destroyed) {
      await result.return();
      return;
    }
    const { text } = operation.route;
    const writer =
      text === undefined || prefersEvents(exchange)
        ? new EventWriter(exchange, operation.route, options.heartbeatMs)
        : new TextWriter(exchange, operation.route, text);
    await copyStream(endpoint, exchange, options, result, writer);
  } catch (error) {
    sendThrown(error, operation, exchange, options);
  }
}

function prefersEvents({ wire }: Exchange): boolean {
  return preferredType(wire.request, ['text/plain', 'text/event-stream']) === 'text/event-stream';
}

interface StreamWriter {
  /** Whether anything was sent, after which the status can no longer signal a failure. */
  readonly isOpen: boolean;
  /** Writes an event. A returned error ends the stream, and becomes the answer if nothing was sent yet. */
  write(event: StreamEvent): Promise<Error | undefined>;
  /** The stream failed without a failure event. */
  fail(error: MappedError): void;
  /** The stream ended normally. */
  end(): void;
  /** The server ends the stream early. */
  breakOff(): void;
  close(): void;
}

async function copyStream(
  endpoint: Endpoint<RestStreamRoute>,
  exchange: Exchange,
  options: StreamOptions,
  stream: ResultStream,
  writer: StreamWriter,
): Promise<void> {
  const { route } = endpoint.operation;
  const open: OpenStream = {
    end: () => {
      writer.breakOff();
    },
  };
  options.openStreams.add(open);
  try {
    for await (const result of stream) {
      const [error] = result.errors ?? [];
      if (error !== undefined) {
        if (writer.isOpen) writer.fail(error);
        else sendFirstError(endpoint, exchange, options, result);
        return;
      }
      const failure = await writer.write(result.data?.[route.operationId] as StreamEvent);
      if (failure !== undefined) {
        const mapped = options.mapError(failure, exchange.requestId);
        if (writer.isOpen) writer.fail(mapped);
        else sendFirstError(endpoint, exchange, options, { errors: [mapped] });
        return;
      }
    }
    writer.end();
  } finally {
    writer.close();
    options.openStreams.delete(open);
  }
}

function sendFirstError(
  { operation }: Endpoint<RestStreamRoute>,
  { response, requestId }: Exchange,
  { mapError }: StreamOptions,
  result: Pick<ExecutionResult, 'errors'>,
): void {
  const error =
    result.errors?.[0] ?? mapError(new Error('A subscription did not start and did not say why'), requestId);
  sendEnvelope(response, errorAnswer(error, operation.route.errors ?? [], operation.plan.toWireField));
}

/** Keeps proxies from buffering or transforming the stream; nginx reads `x-accel-buffering`. */
const STREAM_HEADERS = { 'cache-control': 'no-cache, no-transform', 'x-accel-buffering': 'no' };

/** Undefined when the client can take more now; otherwise resolves when it can, or has disconnected. */
export function writeTo(response: ServerResponse, text: string): Promise<void> | undefined {
  if (response.destroyed || response.write(text)) return undefined;
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
  });
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html */
class EventWriter implements StreamWriter {
  private readonly response: ServerResponse;
  private readonly heartbeat: NodeJS.Timeout;

  constructor(
    exchange: Exchange,
    private readonly route: RestStreamRoute,
    heartbeatMs: number,
  ) {
    this.response = exchange.response;
    this.heartbeat = setInterval(() => void this.send(':\n\n'), heartbeatMs);
  }

  get isOpen(): boolean {
    return this.response.headersSent;
  }

  async write({ __typename, ...data }: StreamEvent): Promise<undefined> {
    this.heartbeat.refresh();
    const id = data.sequence === undefined ? '' : `id: ${data.sequence}\n`;
    await this.send(`${id}event: ${this.route.events[__typename] ?? __typename}\ndata: ${JSON.stringify(data)}\n\n`);
  }

  fail({ message, extensions }: MappedError): void {
    const data = { code: extensions['code'], reason: message };
    const name = this.route.events[this.route.failure.event] ?? 'error';
    void this.send(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    this.response.end();
  }

  end(): void {
    // A browser reconnects after every end of a stream; 204 tells it not to, since there are no more events.
    if (!this.isOpen) this.response.writeHead(204);
    this.response.end();
  }

  breakOff(): void {
    this.open();
    this.response.end();
  }

  close(): void {
    clearInterval(this.heartbeat);
  }

  private open(): void {
    if (this.isOpen) return;
    this.response.writeHead(200, {
      ...STREAM_HEADERS,
      'content-type': 'text/event-stream; charset=utf-8',
    });
  }

  private send(text: string): Promise<void> | undefined {
    this.open();
    return writeTo(this.response, text);
  }
}

class TextWriter implements StreamWriter {
  private readonly response: ServerResponse;

  constructor(
    exchange: Exchange,
    private readonly route: RestStreamRoute,
    private readonly text: NonNullable<RestStreamRoute['text']>,
  ) {
    this.response = exchange.response;
  }

  get isOpen(): boolean {
    return this.response.headersSent;
  }

  async write(event: StreamEvent): Promise<Error | undefined> {
    const { failure } = this.route;
    if (event.__typename === failure.event) return failure.toError(event as never);
    if (event.__typename !== this.text.event) return undefined;
    this.open();
    await writeTo(this.response, String(event[this.text.field]));
    return undefined;
  }

  fail(): void {
    this.breakOff();
  }

  end(): void {
    this.open();
    this.response.end();
  }

  /** Cutting the chunked body is the only way left to signal that it is incomplete; text that was written is still sent. */
  breakOff(): void {
    if (this.response.chunkedEncoding) this.response.socket?.destroySoon();
    else this.response.destroy();
  }

  close(): void {
    // There is nothing to release besides the response.
  }

  private open(): void {
    if (this.isOpen) return;
    this.response.writeHead(200, {
      ...STREAM_HEADERS,
      'content-type': 'text/plain; charset=utf-8',
    });
  }
}
