import { Counter, Gauge, Histogram, Registry, collectDefaultMetrics, type CounterConfiguration } from 'prom-client';
import type {
  EndedCall,
  EndedOperation,
  EndedRequest,
  Gauges,
  Metrics,
  QueueFigures,
  SettledAnswer,
  WrittenAnswer,
} from '../../ports/metrics.js';

/** Upper bounds in seconds. Answers that a model writes take longer than all others. */
const SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60];
const CALL_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];
const FIRST_TEXT_SECONDS = [0.1, 0.25, 0.5, 1, 2, 3, 5, 10, 20, 60];
/** Figures of queues, which cost a statement, are as old as this at most. */
const QUEUES_MS = 5_000;
const BREAKER_STATES = { closed: 0, half_open: 1, open: 2 } as const;

interface Sources {
  readonly version: string;
  /** The code of the currency that costs are in. */
  readonly currency: string;
  readonly gauges: () => Gauges;
  readonly queues: () => Promise<readonly QueueFigures[]>;
}

/** Metrics in the form of Prometheus. What is counted is kept here; what can be looked up is, when it is asked for. */
export class PrometheusMetrics implements Metrics {
  readonly #registry = new Registry();
  readonly #operations = new Histogram({
    name: 'flynkle_operation_duration_seconds',
    help: 'GraphQL operations of every door, by their root field and by ok or the code of their first error. A subscription ends here when it has begun.',
    labelNames: ['door', 'operation', 'outcome'],
    buckets: SECONDS,
    registers: [this.#registry],
  });
  readonly #requests = new Histogram({
    name: 'flynkle_http_request_duration_seconds',
    help: 'HTTP requests by door, operation of REST, and status; canceled where the client left first. A stream lasts until it ends.',
    labelNames: ['door', 'operation', 'status'],
    buckets: SECONDS,
    registers: [this.#registry],
  });
  readonly #calls = new Histogram({
    name: 'flynkle_server_call_duration_seconds',
    help: 'Calls of the servers that the service uses, by ok or failed.',
    labelNames: ['server', 'call', 'outcome'],
    buckets: CALL_SECONDS,
    registers: [this.#registry],
  });
  readonly #firstText = new Histogram({
    name: 'flynkle_model_first_text_seconds',
    help: 'Time from a question to the first text of its answer.',
    labelNames: ['model'],
    buckets: FIRST_TEXT_SECONDS,
    registers: [this.#registry],
  });
  readonly #answers = this.#counter('flynkle_model_answers_total', 'Answers by why the model wrote no further.', [
    'model',
    'reason',
  ]);
  readonly #tokens = this.#counter(
    'flynkle_model_tokens_total',
    'Tokens in the ledger, by type: prompt (without the cached), cached and completion.',
    ['model', 'kind', 'type'],
  );
  readonly #cost = this.#counter('flynkle_model_cost_total', 'Costs in the ledger, in whole units of the currency.', [
    'model',
    'kind',
    'currency',
  ]);
  readonly #events = this.#counter('flynkle_reply_events_total', 'Events of replies that were made for readers.');
  readonly #logLines = this.#counter('flynkle_log_lines_total', 'Lines that were logged at warn and above.', ['level']);
  readonly #known = new Map<string, number>();
  #queues: { readonly at: number; readonly figures: Promise<readonly QueueFigures[]> } | undefined;

  constructor(private readonly sources: Sources) {
    collectDefaultMetrics({ register: this.#registry });
    this.#gauge('flynkle_build_info', 'Always 1; the label says the version.', ['version']).set(
      { version: sources.version },
      1,
    );
    this.#watch('flynkle_replies_running', 'Replies that are being written.', (now) => now.runningReplies);
    this.#watch('flynkle_streams_open', 'Subscriptions and streams of users that are open.', (now) => now.openStreams);
    this.#watch('flynkle_websockets_open', 'WebSockets that are open.', (now) => now.openWebSockets);
    this.#watch('flynkle_database_connections', 'Connections to the database.', ({ pool }) => pool.size);
    this.#watch('flynkle_database_connections_idle', 'Connections that nobody uses.', ({ pool }) => pool.idle);
    this.#watch('flynkle_database_waiting', 'Callers that wait for a connection.', ({ pool }) => pool.waiting);
    this.#watchBreakers();
    this.#watchQueues();
  }

  operationEnded({ door, operation, outcome, seconds }: EndedOperation): void {
    this.#operations.observe({ door, operation, outcome }, seconds);
  }

  requestEnded({ door, operation, status, seconds }: EndedRequest): void {
    this.#requests.observe({ door, operation, status: status ?? 'canceled' }, seconds);
  }

  answerWritten({ model, finishReason, firstTextSeconds }: WrittenAnswer): void {
    this.#answers.inc({ model, reason: finishReason.toLowerCase() });
    if (firstTextSeconds !== null) this.#firstText.observe({ model }, firstTextSeconds);
  }

  answerSettled({ kind, model, promptTokens, cachedTokens, completionTokens, cost }: SettledAnswer): void {
    const labels = { kind: kind.toLowerCase(), model: model ?? 'unknown' };
    const cached = cachedTokens ?? 0;
    this.#tokens.inc({ ...labels, type: 'prompt' }, Math.max(0, (promptTokens ?? 0) - cached));
    this.#tokens.inc({ ...labels, type: 'cached' }, cached);
    this.#tokens.inc({ ...labels, type: 'completion' }, completionTokens ?? 0);
    if (cost !== null) this.#cost.inc({ ...labels, currency: this.sources.currency }, Number(cost));
  }

  callEnded({ server, call, hasFailed, seconds }: EndedCall): void {
    this.#calls.observe({ server, call, outcome: hasFailed ? 'failed' : 'ok' }, seconds);
  }

  eventsWritten(count: number): void {
    this.#events.inc(count);
  }

  /** The media type of {@link text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** All metrics in the text format of Prometheus. */
  async text(): Promise<string> {
    for (const [level, count] of this.sources.gauges().logLines) {
      this.#logLines.inc({ level }, count - (this.#known.get(level) ?? 0));
      this.#known.set(level, count);
    }
    return this.#registry.metrics();
  }

  #counter(name: string, help: string, labelNames: string[] = []): Counter {
    const configuration: CounterConfiguration<string> = { name, help, labelNames, registers: [this.#registry] };
    return new Counter(configuration);
  }

  #gauge(name: string, help: string, labelNames: string[], collect?: (gauge: Gauge) => void | Promise<void>): Gauge {
    return new Gauge({
      name,
      help,
      labelNames,
      registers: [this.#registry],
      ...(collect && {
        collect(this: Gauge) {
          return collect(this);
        },
      }),
    });
  }

  #watch(name: string, help: string, read: (now: Gauges) => number): void {
    this.#gauge(name, help, [], (gauge) => {
      gauge.set(read(this.sources.gauges()));
    });
  }

  #watchBreakers(): void {
    const help = "A model's circuit breaker: 0 closed, 1 trying whether its provider answers again, 2 open.";
    this.#gauge('flynkle_model_breaker_state', help, ['model'], (gauge) => {
      for (const [model, state] of Object.entries(this.sources.gauges().breakers))
        gauge.set({ model }, BREAKER_STATES[state]);
    });
  }

  /** Every instance tells the same, since the queues are in the database. While that is away, nothing is told. */
  #watchQueues(): void {
    const figures: readonly [name: string, help: string, read: (queue: QueueFigures) => number][] = [
      ['flynkle_jobs_waiting', 'Jobs that wait for their first or next try.', ({ waiting }) => waiting],
      ['flynkle_jobs_running', 'Jobs that are being done, on any instance.', ({ running }) => running],
      ['flynkle_jobs_dead', 'Jobs that were given up in the last two weeks.', ({ dead }) => dead],
      [
        'flynkle_jobs_oldest_seconds',
        'Time for which the oldest waiting job has been due.',
        ({ oldestSeconds }) => oldestSeconds,
      ],
    ];
    for (const [name, help, read] of figures) {
      this.#gauge(name, help, ['queue'], async (gauge) => {
        gauge.reset();
        for (const queue of await this.#queuesNow()) gauge.set({ queue: queue.queue }, read(queue));
      });
    }
  }

  #queuesNow(): Promise<readonly QueueFigures[]> {
    const now = performance.now();
    if (this.#queues === undefined || now - this.#queues.at > QUEUES_MS) {
      this.#queues = { at: now, figures: this.sources.queues().catch(() => []) };
    }
    return this.#queues.figures;
  }
}
