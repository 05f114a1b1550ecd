import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { ExecutionResult } from 'graphql';
import type { ResultStream } from '../../graphql/event-stream.js';
import { PUSH, resumeAfter, type Feed, type Receiver } from '../../kernel/pushed.js';
import type { RestStreamRoute } from '../../rest/route.js';
import { sendEnvelope } from '../envelope.js';
import { preferredType } from '../headers/accept.js';
import { errorAnswer, type MappedError } from './envelope.js';
import { admitRequest, sendThrown, type Endpoint, type Exchange, type ExchangeOptions } from './exchange.js';
import { Beating, writeSign, type Heartbeat } from '../heartbeat.js';
import { beginStream, breakOff, chunkedSocketOf, SharedText, writeChunk, writeTo } from '../write.js';

/** An event as it is sent: fields in snake_case, and the name of its type. */
interface StreamEvent {
  readonly __typename: string;
  readonly sequence?: number;
  readonly [field: string]: unknown;
}

export interface StreamOptions extends ExchangeOptions {
  /** Has each stream of events get a comment now and then, so that proxies do not close the connection. */
  readonly heartbeat: Heartbeat;
  /** Open streams, each of which can be ended early. */
  readonly openStreams: Set<OpenStream>;
}

export interface OpenStream {
  /** Ends the answer early: a client of events can resume elsewhere; plain text is cut off, to signal that it is incomplete. */
  end(): void;
}

/** The field of an event that is its plain text. */
type EventText = NonNullable<RestStreamRoute['beside']>['text'];

/**
 * Answers a request with a subscription's events: server-sent events or, with `text` and unless the client prefers those, plain
 * text. Never rejects.
 */
export async function serveStream(
  endpoint: Endpoint<RestStreamRoute>,
  exchange: Exchange,
  options: StreamOptions,
  text?: EventText,
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
    const writer =
      text === undefined || prefersEvents(exchange)
        ? new EventWriter(exchange, operation.route, options.heartbeat)
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
  /**
   * Writes an event.
   * @returns an error that ends the stream, and becomes the answer if nothing was sent yet; or what resolves when the client can take
   * more; or undefined when it can now
   */
  write(event: StreamEvent): Error | Promise<void> | undefined;
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
  const fail = (result: ExecutionResult) => {
    const [error] = result.errors ?? [];
    if (error !== undefined && writer.isOpen) writer.fail(error);
    else sendFirstError(endpoint, exchange, options, result);
  };
  const refuse = (error: Error) => {
    fail({ errors: [options.mapError(error, exchange.requestId)] });
  };
  try {
    if (await new Copy(stream, writer, route.operationId, { fail, refuse }).isWhole) writer.end();
  } finally {
    writer.close();
    options.openStreams.delete(open);
  }
}

interface Failing {
  /** Answers with the error of a result. */
  fail(result: ExecutionResult): void;
  /** Answers with an error that an event is. */
  refuse(error: Error): void;
}

/** Has a stream's results written one by one, each when the one before is. */
class Copy implements Receiver<ExecutionResult> {
  /** Resolves when it is over: whether it came to the stream's end. Rejects with what a writer throws. */
  readonly isWhole: Promise<boolean>;
  private readonly feed: Feed;
  private readonly over = Promise.withResolvers<boolean>();

  constructor(
    stream: ResultStream,
    private readonly writer: StreamWriter,
    private readonly field: string,
    private readonly failing: Failing,
  ) {
    this.isWhole = this.over.promise;
    this.feed = stream[PUSH](this);
    this.feed.resume();
  }

  take(result: ExecutionResult): boolean {
    try {
      if (result.errors?.[0] !== undefined) {
        this.failing.fail(result);
        return this.leave();
      }
      const written = this.writer.write(result.data?.[this.field] as StreamEvent);
      if (written === undefined) return true;
      if (written instanceof Error) {
        this.failing.refuse(written);
        return this.leave();
      }
      resumeAfter(written, this.feed, this);
    } catch (error) {
      this.fail(error);
    }
    return false;
  }

  end(): void {
    this.over.resolve(true);
  }

  fail(error: unknown): void {
    this.feed.stop();
    this.over.reject(error instanceof Error ? error : new Error(String(error)));
  }

  private leave(): false {
    this.feed.stop();
    this.over.resolve(false);
    return false;
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
const STREAM_HEADERS = { 'cache-control': 'no-store, no-transform', 'x-accel-buffering': 'no' };

/** Milliseconds after which a browser connects again, where the stream can go on: sooner than the 3 to 5 s of browsers. */
const RECONNECT_MS = 1_000;
/** Milliseconds of silence after which the answer begins: its status can no longer change then, but a browser's `open` fires. */
const FIRST_SIGN_MS = 1_000;

/** The text of each event, which all readers of one event share: the pipeline gives them the same object. */
const frames = new WeakMap<StreamEvent, SharedText>();

function frameOf(event: StreamEvent, { events }: RestStreamRoute): SharedText {
  const known = frames.get(event);
  if (known !== undefined) return known;
  const { __typename, ...data } = event;
  const id = data.sequence === undefined ? '' : `id: ${data.sequence}\n`;
  const frame = new SharedText(`${id}event: ${events[__typename] ?? __typename}\ndata: ${JSON.stringify(data)}\n\n`);
  frames.set(event, frame);
  return frame;
}

/** https://html.spec.whatwg.org/multipage/server-sent-events.html */
class EventWriter extends Beating implements StreamWriter {
  private readonly response: ServerResponse;
  private firstSign: NodeJS.Timeout | undefined;
  /** Sent with the first event. */
  private retry: string;
  /** The socket that events are written to, from the second one to the last. */
  private socket: Socket | undefined;

  constructor(
    exchange: Exchange,
    private readonly route: RestStreamRoute,
    private readonly heartbeat: Heartbeat,
  ) {
    super();
    this.response = exchange.response;
    this.retry = this.isResumable ? `retry: ${RECONNECT_MS}\n` : '';
    if (this.isResumable) {
      this.firstSign = setTimeout(() => {
        this.beat();
      }, FIRST_SIGN_MS);
    }
    heartbeat.add(this);
  }

  /** Whether the client can ask for the stream again: a POST is not sent again. */
  private get isResumable(): boolean {
    return this.route.method === 'GET';
  }

  get isOpen(): boolean {
    return this.response.headersSent;
  }

  write(event: StreamEvent): Error | Promise<void> | undefined {
    const frame = frameOf(event, this.route);
    if (this.socket !== undefined) return writeChunk(this.response, this.socket, frame);
    const { failure } = this.route;
    // A request that fails as a whole has the status of its error. A stream that is resumed tells how what it follows ended.
    if (!this.isOpen && !this.isResumable && event.__typename === failure.event) return failure.toError(event as never);
    this.forgetFirstSign();
    const text = this.retry + frame.text;
    this.retry = '';
    const sent = this.send(text);
    this.socket = chunkedSocketOf(this.response);
    return sent;
  }

  fail({ message, extensions }: MappedError): void {
    const data = { code: extensions['code'], reason: message };
    const name = this.route.events[this.route.failure.event] ?? 'error';
    this.socket = undefined;
    void this.send(`event: ${name}\ndata: ${JSON.stringify(data)}\n\n`);
    this.response.end();
  }

  end(): void {
    this.socket = undefined;
    // A browser reconnects after every end of a stream; 204 tells it not to, since there are no more events.
    if (!this.isOpen) this.response.writeHead(204);
    this.response.end();
  }

  breakOff(): void {
    this.socket = undefined;
    this.open();
    this.response.end();
  }

  close(): void {
    this.socket = undefined;
    this.forgetFirstSign();
    this.heartbeat.remove(this);
  }

  override beat(): void {
    this.forgetFirstSign();
    this.open();
    writeSign(this.response);
  }

  private forgetFirstSign(): void {
    if (this.firstSign === undefined) return;
    clearTimeout(this.firstSign);
    this.firstSign = undefined;
  }

  private open(): void {
    if (this.isOpen) return;
    beginStream(this.response, {
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
    private readonly text: EventText,
  ) {
    this.response = exchange.response;
  }

  get isOpen(): boolean {
    return this.response.headersSent;
  }

  write(event: StreamEvent): Error | Promise<void> | undefined {
    const { failure } = this.route;
    if (event.__typename === failure.event) return failure.toError(event as never);
    if (event.__typename !== this.text.event) return undefined;
    this.open();
    return writeTo(this.response, String(event[this.text.field]));
  }

  fail(): void {
    this.breakOff();
  }

  end(): void {
    this.open();
    this.response.end();
  }

  breakOff(): void {
    breakOff(this.response);
  }

  close(): void {
    // There is nothing to release besides the response.
  }

  private open(): void {
    if (this.isOpen) return;
    beginStream(this.response, {
      ...STREAM_HEADERS,
      'content-type': 'text/plain; charset=utf-8',
    });
  }
}
