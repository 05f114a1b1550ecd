import type { Request } from './calls.js';
import { writeScript, load, type Measured, type Target } from './generator.js';
import { spreadOf, median, type Spread } from './statistics.js';

export interface Contestant extends Target {
  readonly name: string;
  readonly requests: readonly Request[];
}

export interface Effort {
  readonly rounds: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
}

export interface Figures {
  readonly perSecond: Spread;
  readonly cpuUs: Spread;
  /** The CPU of PostgreSQL; NaN where that is a server that others use, too. */
  readonly databaseUs: Spread;
  readonly p50: Spread;
  readonly p99: Spread;
  /** The share of a core that the server took. */
  readonly busy: number;
  /** The first contestant's throughput and CPU over this one's, round by round. */
  readonly ratios: { readonly perSecond: number; readonly cpuUs: number };
}

/** What one call cost each contestant. */
export type Contest = Readonly<Record<string, Figures>>;

/**
 * Has one call made of all contestants in turn, round by round, each second round in the opposite order: what the machine does
 * meanwhile, or a table that grows, is everybody's alike.
 */
export async function contest(
  folder: string,
  name: string,
  contestants: readonly Contestant[],
  { rounds, seconds, warmUpSeconds }: Effort,
  databaseCpuMs: () => Promise<number>,
): Promise<Contest> {
  const scripts = new Map<string, string>();
  for (const { name: who, requests } of contestants) {
    scripts.set(who, await writeScript(folder, `${name}-${who}`, requests));
  }
  const measured = new Map(contestants.map(({ name: who }) => [who, [] as (Measured & { databaseUs: number })[]]));
  for (const contestant of contestants) {
    await load(contestant, scripts.get(contestant.name) ?? '', { seconds: warmUpSeconds });
  }
  for (let round = 0; round < rounds; round++) {
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed()) {
      const before = await databaseCpuMs();
      const figures = await load(contestant, scripts.get(contestant.name) ?? '', { seconds });
      const databaseUs = (((await databaseCpuMs()) - before) * 1_000) / figures.requests;
      measured.get(contestant.name)?.push({ ...figures, databaseUs });
    }
  }
  const [first = []] = measured.values();
  return Object.fromEntries(
    [...measured].map(([who, figures]): [string, Figures] => {
      const of = (key: keyof (typeof figures)[number]) => spreadOf(figures.map((each) => each[key]));
      const ratio = (key: 'perSecond' | 'cpuUs') =>
        median(figures.map((each, round) => (first[round]?.[key] ?? Number.NaN) / each[key]));
      return [
        who,
        {
          perSecond: of('perSecond'),
          cpuUs: of('cpuUs'),
          databaseUs: of('databaseUs'),
          p50: of('p50'),
          p99: of('p99'),
          busy: of('busy').median,
          ratios: { perSecond: ratio('perSecond'), cpuUs: ratio('cpuUs') },
        },
      ];
    }),
  );
}
