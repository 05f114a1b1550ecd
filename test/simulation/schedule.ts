import { randomFrom, type Random } from '../support/random.js';
import type { Latency } from './fake-server.js';

/** What a model does: text or thoughts after so many milliseconds each, then its end. */
export interface ModelPlan {
  readonly steps: readonly { readonly after: number; readonly type: 'text' | 'reasoning'; readonly text: string }[];
  readonly endsAfter: number;
  readonly end: 'figure' | 'no figure' | 'failure' | 'silence';
}

export interface ReplyPlan {
  readonly at: number;
  readonly host: number;
  readonly isStored: boolean;
  readonly keepUnanswered: boolean;
  readonly model: ModelPlan;
  /** When its readers come. */
  readonly readers: readonly number[];
}

/** What happens to a host: `host` is the number of the host that is then in its place. */
type HostFault = 'kill' | 'freeze' | 'drain' | 'cut off from the database' | 'cut off from the log';
const SERVER_FAULTS = [
  'database down',
  'database silent',
  'database stalled',
  'database loses answers',
  'database clock jumps',
  'log down',
  'log stalled',
  'log loses answers',
  'log loses all',
  'bus down',
  'bus loses answers',
] as const;
export type ServerFault = (typeof SERVER_FAULTS)[number];
/** What users do. */
type Act = 'stop' | 'delete';
/** What concerns a host or a reply. */
export type LocalKind = HostFault | Act;

export interface Event {
  readonly at: number;
  readonly kind: LocalKind | ServerFault;
  /** Milliseconds that a fault lasts; 0 where it is over at once. */
  readonly lasts: number;
  readonly host: number;
  readonly reply: number;
  /** Milliseconds that a clock jumps. */
  readonly jump: number;
}

export interface Schedule {
  readonly seed: number;
  readonly hosts: number;
  /** One process with its database and its log inside, of which a journal is kept. */
  readonly isEmbedded: boolean;
  /** The log drops what the row has, as it may from the front of a long stream. */
  readonly logForgets: boolean;
  readonly latencies: { readonly database: Latency; readonly log: Latency };
  readonly replies: readonly ReplyPlan[];
  readonly events: readonly Event[];
}

const FAST: Latency = { least: 0.1, most: 3 };
const HOUR = 3_600_000;

export function isServerFault(kind: Event['kind']): kind is ServerFault {
  return (SERVER_FAULTS as readonly string[]).includes(kind);
}

export function scheduleOf(seed: number): Schedule {
  const random = randomFrom(seed * 7_919 + 1);
  const isEmbedded = random.chance(10);
  const hosts = isEmbedded ? 1 : 1 + random.below(3);
  const isStorm = !isEmbedded && random.chance(35);
  const first = isStorm ? replyOf(random, hosts, [200, 500, 900], 10 + random.below(20)) : anyReply(random, hosts);
  const replies = random.chance(50) ? [first] : [first, anyReply(random, hosts)];
  const count = random.chance(10) ? 0 : 1 + random.below(4);
  const events = isStorm
    ? stormOf(random, first)
    : Array.from({ length: count }, () => eventOf(random, hosts, replies.length, isEmbedded));
  return {
    seed,
    hosts,
    isEmbedded,
    logForgets: random.chance(15),
    latencies: {
      database: random.chance(70) ? FAST : { least: 1, most: 80 },
      log: random.chance(70) ? FAST : { least: 0.1, most: random.pick([30, 130]) },
    },
    replies,
    events: events.toSorted((a, b) => a.at - b.at),
  };
}

function anyReply(random: Random, hosts: number): ReplyPlan {
  return replyOf(random, hosts, [20, 60, 200, 600], random.chance(10) ? 0 : 1 + random.below(25));
}

/** @param paces milliseconds from one text to the next, at most */
function replyOf(random: Random, hosts: number, paces: readonly [number, ...number[]], length: number): ReplyPlan {
  const at = random.below(1_000);
  const pace = random.pick(paces);
  const thinks = random.chance(40);
  const steps = Array.from({ length }, (_, index) => ({
    after: random.below(pace),
    type: thinks && random.chance(40) ? ('reasoning' as const) : ('text' as const),
    text: random.chance(5) ? '\uD83D' : random.chance(5) ? '\uDE00' : `${index} ${'x'.repeat(random.below(12))} `,
  }));
  const end = random.chance(65)
    ? 'figure'
    : random.pick(['no figure', 'no figure', 'failure', 'failure', 'silence'] as const);
  return {
    at,
    host: random.below(hosts),
    isStored: random.chance(90),
    keepUnanswered: random.chance(70),
    model: { steps, endsAfter: random.below(500), end },
    readers: Array.from(
      { length: 1 + random.below(3) },
      () => at + (random.chance(70) ? random.below(50) : random.below(4_000)),
    ),
  };
}

function eventOf(random: Random, hosts: number, replies: number, isEmbedded: boolean): Event {
  const kind = isEmbedded
    ? random.pick(['kill', 'kill', 'kill', 'freeze', 'stop'] as const)
    : random.pick([
        'kill',
        'kill',
        'kill',
        'kill',
        'freeze',
        'freeze',
        'freeze',
        'drain',
        'cut off from the database',
        'cut off from the log',
        'database down',
        'database silent',
        'database stalled',
        'database stalled',
        'database loses answers',
        'database clock jumps',
        'database clock jumps',
        'log down',
        'log down',
        'log stalled',
        'log stalled',
        'log loses answers',
        'log loses all',
        'log loses all',
        'bus down',
        'bus loses answers',
        'stop',
        'stop',
        'delete',
      ] as const);
  const isAtOnce = ['kill', 'drain', 'stop', 'delete', 'log loses all', 'database clock jumps'].includes(kind);
  return {
    at: random.below(5_000),
    kind,
    lasts: isAtOnce ? 0 : lengthOf(random),
    host: random.below(hosts),
    reply: random.below(replies),
    jump: random.pick([HOUR, -HOUR, 6_000, -8_000]),
  };
}

type Storm = (
  random: Random,
  writer: number,
  during: () => number,
) => readonly (Pick<Event, 'kind' | 'at'> & Partial<Event>)[];

/** The log is away, statements that were given up are carried out after all, and then the writer dies. */
const lateStatements: Storm = (random, writer, during) => {
  const at = during();
  const stalledAt = at + random.below(500);
  const lasts = 5_500 + random.below(4_000);
  const killedAt = stalledAt + lasts + random.below(20);
  return [
    { kind: 'log down', at, lasts: killedAt + 1_000 - at },
    { kind: 'database stalled', at: stalledAt, lasts },
    { kind: 'kill', host: writer, at: killedAt },
  ];
};

/** Faults that harm a reply only together, or only at the wrong moment: by chance alone they would hardly ever meet. */
const STORMS: readonly [Storm, ...Storm[]] = [
  // The writer wakes up when another host has ended its reply.
  (random, writer, during) => [{ kind: 'freeze', host: writer, at: during(), lasts: 6_500 + random.below(6_000) }],
  // What the log lost is not there again, or in part, when the writer dies.
  (random, writer, during) => {
    const at = during();
    return [
      { kind: 'log loses all', at },
      { kind: 'kill', host: writer, at: at + random.below(700) },
    ];
  },
  lateStatements,
  lateStatements,
  // What the process asks for its own replies hangs, and what it asks for those of others does not.
  (random, _writer, during) => [{ kind: 'database silent', at: during(), lasts: 6_000 + random.below(15_000) }],
  // Its lease lasts for an hour more.
  (random, writer, during) => {
    const at = during();
    return [
      { kind: 'database clock jumps', at, jump: -HOUR },
      { kind: 'kill', host: writer, at: at + random.below(700) },
    ];
  },
  // The log forgets who is shut out of it while the writer sleeps.
  (random, writer, during) => {
    const at = during();
    return [
      { kind: 'freeze', host: writer, at, lasts: 10_000 + random.below(5_000) },
      { kind: 'log loses all', at: at + 7_500 + random.below(2_000) },
    ];
  },
];

function stormOf(random: Random, { at, host, model }: ReplyPlan): Event[] {
  const writing = model.steps.reduce((sum, { after }) => sum + after, 0);
  const during = () => at + random.below(writing + 1);
  return random
    .pick(STORMS)(random, host, during)
    .map((event) => ({ lasts: 0, host: 0, reply: 0, jump: 0, ...event }));
}

function lengthOf(random: Random): number {
  if (random.chance(40)) return 100 + random.below(2_000);
  return random.chance(85) ? 2_000 + random.below(12_000) : 14_000 + random.below(50_000);
}

export function printed({ seed, hosts, isEmbedded, logForgets, latencies, replies, events }: Schedule): string {
  const { database, log } = latencies;
  return [
    `seed ${seed}: ${hosts} ${isEmbedded ? 'embedded process' : 'hosts'}, ${logForgets ? 'the log drops what the row has, ' : ''}` +
      `up to ${database.most} ms to the database and ${log.most} ms to the log`,
    ...replies.map(({ at, host, isStored, keepUnanswered, model, readers }, index) => {
      const time = model.steps.reduce((sum, { after }) => sum + after, model.endsAfter);
      const kind = !isStored ? 'not stored' : keepUnanswered ? 'stored' : 'forgotten when it has no text';
      return `  reply ${index} (${kind}) on host ${host} at ${at}: ${model.steps.length} texts and ${model.end} in ${time} ms; readers at ${readers.join(', ')}`;
    }),
    ...events.map(({ at, kind, lasts, host, reply, jump }) => {
      const whom =
        kind === 'stop' || kind === 'delete'
          ? ` reply ${reply} by host ${host}`
          : kind === 'database clock jumps'
            ? ` by ${jump} ms`
            : isServerFault(kind)
              ? ''
              : ` host ${host}`;
      return `  at ${at}: ${kind}${whom}${lasts === 0 ? '' : ` for ${lasts} ms`}`;
    }),
  ].join('\n');
}
