import type { CallsResult, EmbeddedResult, GrowthResult, MemoryResult, ObservingResult, StartResult } from './parts.js';
import type { StorageResult } from './storage.js';
import type { StreamsResult } from './stream-figures.js';

/** A run, as docs/performance.json keeps it; parts that a later run leaves out stay as they were. */
export interface Report {
  readonly date: string;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly quick: boolean;
  readonly calls?: CallsResult;
  readonly growth?: GrowthResult;
  readonly start?: StartResult;
  readonly memory?: MemoryResult;
  readonly streams?: StreamsResult;
  readonly embedded?: EmbeddedResult;
  readonly observing?: ObservingResult;
  readonly storage?: StorageResult;
}

export interface Goal {
  readonly title: string;
  readonly value: number;
  /** What it must be at least, or at most. */
  readonly atLeast?: number;
  readonly atMost?: number;
  readonly unit?: string;
  /** After the point, as many as the goal needs. */
  readonly digits?: number;
}

export const isMet = ({ value, atLeast = -Infinity, atMost = Infinity }: Goal): boolean =>
  value >= atLeast && value <= atMost;

const PEER_OF_REST = 'by-hand';
const LISTS = ['conversations', 'messages', 'nested'];

/** Every figure of the report that a goal is set for. */
export function goalsOf({ calls, growth, start, memory, streams, embedded, observing }: Report): readonly Goal[] {
  const goals: Goal[] = [];
  for (const [call, contest] of Object.entries(calls?.rest ?? {})) {
    const peer = contest[PEER_OF_REST]?.ratios;
    if (peer === undefined) continue;
    goals.push(
      { title: `REST ${call}: throughput over by hand`, value: peer.perSecond, atLeast: call === 'create' ? 1 : 0.95 },
      { title: `REST ${call}: CPU over by hand`, value: peer.cpuUs, atMost: 1.1 },
    );
    const same = contest['same data over GraphQL']?.ratios;
    if (same !== undefined) {
      goals.push({ title: `GraphQL ${call}: CPU over the same data by REST`, value: 1 / same.cpuUs, atMost: 1.25 });
    }
  }
  for (const [call, { mercurius, apollo, yoga }] of Object.entries(calls?.graphql ?? {})) {
    if (mercurius === undefined || apollo === undefined || yoga === undefined) continue;
    goals.push(
      { title: `GraphQL ${call}: throughput over Mercurius`, value: mercurius.ratios.perSecond, atLeast: 1.3 },
      {
        title: `GraphQL ${call}: throughput over the better of Apollo and Yoga`,
        value: Math.min(apollo.ratios.perSecond, yoga.ratios.perSecond),
        atLeast: LISTS.includes(call) ? 2.5 : 1.8,
      },
    );
  }
  for (const [call, contest] of Object.entries(growth ?? {})) {
    const costs = Object.values(contest).map(costOf);
    const [small, large] = [costs.at(0), costs.at(-1)];
    if (small === undefined || large === undefined) continue;
    const size = Number(Object.keys(contest).at(-1)).toLocaleString('en');
    goals.push({ title: `Growth, ${call}: cost at ${size} messages`, value: large / small, atMost: 1.2 });
  }
  const starts = { postgres: [1_200, 120], embedded: [2_000, 250], 'new embedded': [5_000, 250] } as const;
  for (const [on, [ms, mb]] of Object.entries(starts)) {
    const figures = start?.[on as keyof typeof starts];
    if (figures === undefined) continue;
    goals.push(
      { title: `Start on ${on}`, value: figures.startMs.median, atMost: ms, unit: 'ms' },
      { title: `Memory at rest on ${on}`, value: figures.residentMb.median, atMost: mb, unit: 'MB' },
    );
  }
  for (const [door, figures] of Object.entries(memory ?? {})) {
    goals.push(
      { title: `An idle subscription by ${door}`, value: figures.residentKb, atMost: 25, unit: 'KB' },
      // One tick of the clock that CPU time is counted by, in the seconds that are measured.
      { title: `CPU a second of all of them by ${door}`, value: figures.idleCpuMs, atMost: 1, unit: 'ms' },
    );
  }
  for (const [door, { ratio }] of Object.entries(streams?.shared ?? {})) {
    goals.push({ title: `An event to a reader by ${door}: CPU over a bare loop`, value: ratio, atMost: 1.5 });
  }
  for (const [door, { count, read, written, heapKb }] of Object.entries(streams?.running ?? {})) {
    const title = `${count.toLocaleString('en')} replies by ${door}`;
    goals.push(
      // What falls behind is not only late: it is missing.
      { title: `${title}: events a second`, value: read, atLeast: 0.98 * written },
      { title: `${title}: heap of each`, value: heapKb, atMost: 25, unit: 'KB' },
    );
  }
  for (const [call, { postgres }] of Object.entries(embedded ?? {})) {
    if (postgres === undefined) continue;
    goals.push({ title: `Embedded ${call}: CPU over PostgreSQL's`, value: postgres.ratios.cpuUs, atMost: 2 });
  }
  for (const [call, { nothing }] of Object.entries(observing?.calls ?? {})) {
    if (observing === undefined || nothing === undefined) continue;
    const over = (us: number) => 1 + us / nothing.cpuUs.median;
    const { metrics, traces } = observing.alone;
    goals.push(
      { title: `Metrics, ${call}: CPU over none`, value: over(metrics), atMost: 1.02, digits: 3 },
      { title: `Traces of 1 %, ${call}: CPU over none`, value: over(traces), atMost: 1.03, digits: 3 },
    );
  }
  return goals;
}

/** Microseconds of CPU of a request, of the service and, where it is known, of PostgreSQL. */
export function costOf({ cpuUs, databaseUs }: GrowthResult[string][string]): number {
  return cpuUs.median + (Number.isFinite(databaseUs.median) ? databaseUs.median : 0);
}
