/** What a trace says of a piece of work: never a secret, an address or the text of a message. */
export type TraceAttributes = Readonly<Record<string, string | number | boolean | readonly string[] | undefined>>;

/** Which trace work belongs to, as W3C Trace Context writes it in HTTP headers. Whatever is malformed is ignored. */
export interface TraceContext {
  readonly traceparent?: string | undefined;
  readonly tracestate?: string | undefined;
}

export interface SpanOptions {
  /** `internal` by default. */
  readonly kind?: 'internal' | 'server' | 'client' | 'producer' | 'consumer';
  readonly attributes?: TraceAttributes;
  /** Whether it is told of also where the work that it follows from has ended. */
  readonly follows?: boolean;
}

/** A piece of work that a trace tells of. */
export interface Span {
  /** Whether the trace is kept: what is told of one that is not is dropped, and need not be made. */
  readonly isRecorded: boolean;
  set(attributes: TraceAttributes): void;
  rename(name: string): void;
  /** Something that happened now. */
  event(name: string, attributes?: TraceAttributes): void;
  /** @param why an error, of which its class or code is told and never its message; or a word for what failed */
  fail(why: unknown): void;
  end(): void;
  /** Does work as a part of it: what is begun there belongs to it. */
  run<Result>(work: () => Result): Result;
  /** Does all of its work, and ends with it; whatever it throws is noted. */
  complete<Result>(work: () => Promise<Result>): Promise<Result>;
}

/**
 * Tells of what is done, for whom, and how long it takes. No method throws or waits. Spans form a tree along the calls that they are
 * begun in, through promises too.
 */
export interface Tracing {
  /** Begins what came from outside: a part of the trace that the caller names, or a trace of its own. */
  receive(name: string, from: TraceContext, options?: SpanOptions): Span;
  /** Begins a part of the work of this moment; undefined where nothing is told of that, or it has ended. */
  begin(name: string, options?: SpanOptions): Span | undefined;
  /** Does work as a part of the work of this moment; whatever it throws is noted. */
  during<Result>(
    name: string,
    options: SpanOptions,
    work: (span: Span | undefined) => Promise<Result>,
  ): Promise<Result>;
  /** The trace of this moment, for others to go on with; empty outside of one. */
  context(): TraceContext;
  /** Does other work as if at this moment, later. */
  keep(): <Result>(work: () => Result) => Result;
}
