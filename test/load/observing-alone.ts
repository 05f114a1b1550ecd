// What is told of a request, in this process, without the rest of the request: microseconds that no other load can hide.
import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { OpenTelemetry } from '../../src/adapters/opentelemetry/open-telemetry.js';
import { PrometheusMetrics } from '../../src/adapters/prometheus/prometheus-metrics.js';
import { RunningRequests } from '../../src/doors/running-requests.js';
import type { RequestContext } from '../../src/graphql/context.js';
import { observed } from '../../src/graphql/observed.js';
import type { Pipeline, PipelineCall, Prepared } from '../../src/graphql/pipeline.js';
import type { Metrics } from '../../src/ports/metrics.js';
import type { Tracing } from '../../src/ports/tracing.js';
import { silentLogger } from '../support/servers.js';

/** Microseconds of CPU that a request costs more, than with nothing told of it. */
export interface ToldAlone {
  readonly metrics: number;
  /** With one request in a hundred sampled. */
  readonly traces: number;
}

const ROUNDS = 15;
const REQUESTS = 20_000;
/** Statements of a request at most, each of which asks whether it is to be told of. */
const STATEMENTS = 3;

export async function measureToldAlone(): Promise<ToldAlone> {
  const metrics = new PrometheusMetrics({
    version: '0.0.0',
    currency: 'USD',
    gauges: () => {
      throw new Error('nobody asks');
    },
    queues: () => Promise.resolve([]),
  });
  const tracing = new OpenTelemetry(
    {
      // Nobody listens: spans are dropped when they would be sent, as behind a collector that is away.
      endpoint: 'http://127.0.0.1:9',
      serviceName: 'flynkle-api',
      resource: {},
      sampler: 'parentbased_traceidratio',
      ratio: 0.01,
    },
    '0.0.0',
    silentLogger,
  );
  const ways = {
    nothing: requestThatTells({}),
    metrics: requestThatTells({ metrics }),
    traces: requestThatTells({ tracing }),
  };
  const least = { nothing: Infinity, metrics: Infinity, traces: Infinity };
  for (let round = 0; round < ROUNDS; round++) {
    for (const way of ['nothing', 'metrics', 'traces'] as const) {
      least[way] = Math.min(least[way], cpuUsOf(ways[way]));
    }
  }
  await tracing.close();
  return { metrics: least.metrics - least.nothing, traces: least.traces - least.nothing };
}

function cpuUsOf(work: () => void): number {
  const before = process.cpuUsage();
  for (let request = 0; request < REQUESTS; request++) work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / REQUESTS;
}

interface Observers {
  readonly metrics?: Metrics;
  readonly tracing?: Tracing;
}

/** A request at the GraphQL door, as what observes it sees it, with a log that keeps nothing. */
function requestThatTells({ metrics, tracing }: Observers): () => void {
  const requests = new RunningRequests(silentLogger, {
    clientOf: () => '127.0.0.1',
    onEnd:
      metrics &&
      ((ended) => {
        metrics.requestEnded(ended);
      }),
    tracing,
  });
  const answer = { data: {} };
  const bare = { execute: () => answer } as unknown as Pipeline;
  const pipeline = metrics === undefined && tracing === undefined ? bare : observed(bare, { metrics, tracing });
  const operation = { kind: 'query', node: { selectionSet: { selections: [] } } };
  const prepared = { errors: [], operation: () => operation } as unknown as Prepared;
  const call: PipelineCall = { context: { door: 'graphql', requestId: 'a-request' } as RequestContext };
  const request = { method: 'POST', url: '/graphql', headers: {}, socket: {}, httpVersion: '1.1' } as IncomingMessage;
  const work = () => {
    for (let statement = 0; statement < STATEMENTS; statement++) {
      const keep = tracing?.keep();
      tracing?.begin('statement');
      keep?.(() => undefined);
    }
    void pipeline.execute(prepared, call);
  };
  return () => {
    const response = Object.assign(new EventEmitter(), { statusCode: 200, headersSent: true, writableFinished: true });
    const { span } = requests.follow(request, response as unknown as ServerResponse, 'a-request');
    if (span === undefined) work();
    else span.run(work);
    response.emit('close');
  };
}
