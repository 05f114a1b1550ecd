import type { Closing } from './closing.js';
import type { Config } from './config.js';
import type { Log } from './kernel/log.js';
import { withFields } from './kernel/log-fields.js';
import type { Tracing } from './ports/tracing.js';

/** What is told of the work that is done; nothing at all without OTEL_EXPORTER_OTLP_ENDPOINT. */
interface StartedTracing {
  readonly tracing: Tracing | undefined;
  /** The log to use, whose lines name the trace that they belong to. */
  readonly log: Log;
}

/** The packages are loaded only where they are used. */
export async function startTracing(
  { traces }: Config,
  version: string,
  log: Log,
  resources: Closing,
): Promise<StartedTracing> {
  const { endpoint } = traces;
  if (endpoint === undefined) return { tracing: undefined, log };
  const { OpenTelemetry } = await import('./adapters/opentelemetry/open-telemetry.js');
  const tracing = new OpenTelemetry({ ...traces, endpoint }, version, log);
  // After all else that is closed, so that it is told.
  resources.defer('traces', () => tracing.close());
  log.info({}, `traces: sent to ${endpoint} (${traces.sampler})`);
  return { tracing, log: withFields(log, () => tracing.ids) };
}
