import { randomUUID } from 'node:crypto';
import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  defaultTextMapGetter,
  defaultTextMapSetter,
  trace,
  type Attributes,
  type Context,
  type Span as RecordedSpan,
  type Tracer,
} from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { ExportResultCode, W3CTraceContextPropagator, type ExportResult } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type ReadableSpan,
  type Sampler,
  type SpanExporter,
} from '@opentelemetry/sdk-trace';
import type { Log } from '../../kernel/log.js';
import type { Span, SpanOptions, TraceAttributes, TraceContext, Tracing } from '../../ports/tracing.js';
import { tracesUrl } from './traces-url.js';

/** Spans that wait for the collector; more are dropped. A span is about 1 KB. */
const MAX_WAITING = 2_048;
/** How long an export may take, in milliseconds: after that its spans are dropped. */
const EXPORT_MS = 10_000;
const BATCH_MS = 2_000;

const KINDS = {
  internal: SpanKind.INTERNAL,
  server: SpanKind.SERVER,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
} as const;

const SAMPLERS = {
  always_on: () => new AlwaysOnSampler(),
  always_off: () => new AlwaysOffSampler(),
  traceidratio: (ratio) => new TraceIdRatioBasedSampler(ratio),
  parentbased_always_on: () => new ParentBasedSampler({ root: new AlwaysOnSampler() }),
  parentbased_always_off: () => new ParentBasedSampler({ root: new AlwaysOffSampler() }),
  parentbased_traceidratio: (ratio) => new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
} as const satisfies Record<string, (ratio: number) => Sampler>;

interface TracingSettings {
  /** The collector's URL, without `/v1/traces`. */
  readonly endpoint: string;
  readonly headers?: Readonly<Record<string, string>> | undefined;
  readonly serviceName: string;
  readonly resource: Readonly<Record<string, string>>;
  readonly sampler: keyof typeof SAMPLERS;
  /** From 0 to 1, for the samplers that take a share. */
  readonly ratio: number;
}

/**
 * Traces by OpenTelemetry, sent to a collector in batches. Nothing of it is global, so that a process can have several. A collector that
 * is away, slow or refuses costs spans and a line of the log, and no request anything.
 */
export class OpenTelemetry implements Tracing {
  readonly #contexts = new AsyncLocalStorageContextManager().enable();
  readonly #propagator = new W3CTraceContextPropagator();
  readonly #provider: TracerProvider;
  readonly #tracer: Tracer;

  constructor(settings: TracingSettings, version: string, log: Pick<Log, 'info' | 'warn'>) {
    const { endpoint, headers = {}, serviceName, resource, sampler, ratio } = settings;
    const exporter = new OTLPTraceExporter({
      url: tracesUrl(endpoint),
      headers: { ...headers },
      timeoutMillis: EXPORT_MS,
    });
    this.#provider = new TracerProvider({
      resource: resourceFromAttributes({
        'service.name': serviceName,
        'service.version': version,
        'service.instance.id': randomUUID(),
        ...resource,
      }),
      sampler: SAMPLERS[sampler](ratio),
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: new WatchedExporter(exporter, log),
          maxQueueSize: MAX_WAITING,
          scheduledDelayMillis: BATCH_MS,
          exportTimeoutMillis: EXPORT_MS + 1_000,
        }),
      ],
    });
    this.#tracer = this.#provider.getTracer('flynkle-api', version);
  }

  receive(name: string, from: TraceContext, options: SpanOptions = {}): Span {
    const parent =
      from.traceparent === undefined
        ? ROOT_CONTEXT
        : this.#propagator.extract(ROOT_CONTEXT, from, defaultTextMapGetter);
    return this.#start(name, options, parent);
  }

  begin(name: string, options: SpanOptions = {}): Span | undefined {
    const parent = this.#contexts.active();
    const span = trace.getSpan(parent);
    // One that has ended records no more: what goes on after it is part of nothing, as a rule.
    const isTold = options.follows === true ? isKept(span) : span?.isRecording() === true;
    return isTold ? this.#start(name, options, parent) : undefined;
  }

  during<Result>(
    name: string,
    options: SpanOptions,
    work: (span: Span | undefined) => Promise<Result>,
  ): Promise<Result> {
    const span = this.begin(name, options);
    return span === undefined ? work(undefined) : span.complete(() => work(span));
  }

  context(): TraceContext {
    const headers: Record<string, string> = {};
    this.#propagator.inject(this.#contexts.active(), headers, defaultTextMapSetter);
    return headers;
  }

  keep(): <Result>(work: () => Result) => Result {
    const now = this.#contexts.active();
    return (work) => this.#contexts.with(now, work);
  }

  /** The ids of this moment's trace and span, for lines of the log; none of a trace that is not kept, which nobody can look up. */
  get ids(): { readonly trace_id: string; readonly span_id: string } | undefined {
    const span = trace.getSpan(this.#contexts.active());
    if (span === undefined || !isKept(span)) return undefined;
    const { traceId, spanId } = span.spanContext();
    return { trace_id: traceId, span_id: spanId };
  }

  /** Sends what waits. Rejects never; it may take as long as an export. */
  async close(): Promise<void> {
    await this.#provider.shutdown().catch(() => undefined);
  }

  #start(name: string, { kind = 'internal', attributes }: SpanOptions, parent: Context): Span {
    const span = this.#tracer.startSpan(name, { kind: KINDS[kind] }, parent);
    const started = new OpenTelemetrySpan(span, trace.setSpan(parent, span), this.#contexts);
    if (attributes !== undefined) started.set(attributes);
    return started;
  }
}

function isKept(span: RecordedSpan | undefined): boolean {
  return span !== undefined && (span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
}

class OpenTelemetrySpan implements Span {
  constructor(
    private readonly span: RecordedSpan,
    private readonly context: Context,
    private readonly contexts: AsyncLocalStorageContextManager,
  ) {}

  get isRecorded(): boolean {
    return this.span.isRecording();
  }

  set(attributes: TraceAttributes): void {
    if (this.isRecorded) this.span.setAttributes(known(attributes));
  }

  rename(name: string): void {
    this.span.updateName(name);
  }

  event(name: string, attributes: TraceAttributes = {}): void {
    this.span.addEvent(name, known(attributes));
  }

  fail(why: unknown): void {
    this.span.setStatus({ code: SpanStatusCode.ERROR });
    this.span.setAttribute('error.type', typeOf(why));
  }

  end(): void {
    this.span.end();
  }

  run<Result>(work: () => Result): Result {
    return this.contexts.with(this.context, work);
  }

  async complete<Result>(work: () => Promise<Result>): Promise<Result> {
    try {
      return await this.run(work);
    } catch (error) {
      this.fail(error);
      throw error;
    } finally {
      this.end();
    }
  }
}

function known(attributes: TraceAttributes): Attributes {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => [name, typeof value === 'object' ? [...value] : value]),
  );
}

/** A message may quote what must not be told, such as an address. */
function typeOf(why: unknown): string {
  if (typeof why === 'string') return why;
  if (!(why instanceof Error)) return 'unknown';
  return 'code' in why && typeof why.code === 'string' ? why.code : why.name;
}

/** Says once that traces do not arrive, and once that they do again; all else that a failed export would lead to is left out. */
class WatchedExporter implements SpanExporter {
  #isFailing = false;

  constructor(
    private readonly exporter: SpanExporter,
    private readonly log: Pick<Log, 'info' | 'warn'>,
  ) {}

  export(spans: ReadableSpan[], done: (result: ExportResult) => void): void {
    this.exporter.export(spans, ({ code, error }) => {
      this.#note(code === ExportResultCode.SUCCESS, error);
      done({ code: ExportResultCode.SUCCESS });
    });
  }

  shutdown(): Promise<void> {
    return this.exporter.shutdown();
  }

  #note(isSent: boolean, error: Error | undefined): void {
    if (isSent === !this.#isFailing) return;
    this.#isFailing = !isSent;
    if (isSent) this.log.info({}, 'the collector of traces takes them again');
    else
      this.log.warn(
        { reason: error?.message },
        'traces cannot be sent to OTEL_EXPORTER_OTLP_ENDPOINT, and are dropped until they can; this is logged once',
      );
  }
}
