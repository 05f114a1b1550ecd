import type { Adapters } from './app-adapters.js';
import type { Features } from './app-features.js';
import type { Closing } from './closing.js';
import type { Config } from './config.js';
import { createInternalServer } from './doors/internal-server.js';
import type { RequestHandler } from './doors/request-handler.js';
import { countedLog } from './kernel/counted-log.js';
import type { Log } from './kernel/log.js';
import type { Gauges, Metrics } from './ports/metrics.js';

/** What is measured, and where it is told; nothing at all without METRICS_PORT. */
export interface Measuring {
  /** The log to use, whose lines are counted. */
  readonly log: Log;
  readonly metrics: Metrics | undefined;
  /** Looks up what the adapters have, from now on. */
  watch(adapters: Adapters): void;
  /** Listens on METRICS_PORT. */
  open(sources: MeasuredParts, resources: Closing): Promise<void>;
}

export interface MeasuredParts {
  readonly features: Pick<Features, 'runner' | 'streams' | 'modelBreakers'>;
  readonly openSockets: () => number;
  /** Answers health checks as at the service's own port, with the state of every part. */
  readonly probes: RequestHandler;
}

const NOT_MEASURED = { metrics: undefined, watch: () => undefined, open: () => Promise.resolve() };

/** The package is loaded only where it is used. */
export async function startMeasuring(config: Config, version: string, log: Log): Promise<Measuring> {
  const { port, host = config.host } = config.metrics;
  if (port === undefined) return { log, ...NOT_MEASURED };
  const { PrometheusMetrics } = await import('./adapters/prometheus/prometheus-metrics.js');
  const counted = countedLog(log);
  let parts: MeasuredParts | undefined;
  let opened: Adapters | undefined;
  const gauges = (): Gauges => ({
    runningReplies: parts?.features.runner.entryIds.length ?? 0,
    openStreams: parts?.features.streams.count ?? 0,
    openWebSockets: parts?.openSockets() ?? 0,
    pool: opened?.database.connections ?? { size: 0, idle: 0, waiting: 0 },
    logLines: counted.counts,
    breakers: parts?.features.modelBreakers.states() ?? {},
  });
  const metrics = new PrometheusMetrics({
    version,
    currency: config.model.currency,
    gauges,
    queues: () => opened?.jobs.figures() ?? Promise.resolve([]),
  });
  return {
    log: counted.log,
    metrics,
    watch: (adapters) => {
      opened = adapters;
    },
    open: async (sources, resources) => {
      parts = sources;
      const server = createInternalServer({ metrics, probes: sources.probes, log: counted.log });
      const url = await server.listen(port, host);
      resources.defer('the server of METRICS_PORT', () => server.close());
      counted.log.info({}, `metrics: ${url}/metrics (for Prometheus; keep this port from clients)`);
    },
  };
}
