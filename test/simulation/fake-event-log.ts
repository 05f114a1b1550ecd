import { Follower } from '../../src/adapters/memory/follower.js';
import { FIRST_WRITER, TakenOver, type EventLog, type LogEntry } from '../../src/ports/event-log.js';
import { FakeServer } from './fake-server.js';
import type { Host } from './virtual-time.js';

/** As of the commands to Redis. In milliseconds. */
const COMMAND_MS = 200;
/** After which a follower whose connection broke has read what it missed, at most. */
const RECONNECT_MS = 2_000;
const MAX_FOLLOWER_LAG = 10_000;

interface Subscription {
  readonly host: Host;
  readonly follower: Follower<unknown>;
  /** Messages of a connection do not overtake each other. */
  deliveredAt: number;
}

interface Stream {
  entries: LogEntry<unknown>[];
  writer: number;
  /** The greatest number that was lost with the log, and not written again since. */
  lostUpTo: number;
  readonly subscriptions: Set<Subscription>;
}

/** Redis Streams as the service uses them: a number is taken once, and a later writer shuts earlier ones out. */
export class FakeEventLog extends FakeServer {
  /** The number up to which it drops the events of a stream, but for the last one. */
  forgetsUpTo: (stream: string) => number = () => 0;
  readonly #streams = new Map<string, Stream>();
  /** Parts that the checks take out, to see that they are missed. */
  numbersItself = false;
  takesGaps = false;
  hasNoFences = false;

  connect(host: Host): EventLog {
    const call = <Result>(serve: () => Result) => this.call(host, { limit: COMMAND_MS }, serve);
    return {
      isShared: !this.isEmbedded,
      write: (name, writer, first, events) => call(() => this.#write(name, writer, first, events)),
      takeOver: <Event>(name: string) =>
        call(() => {
          const stream = this.#stream(name);
          if (!this.hasNoFences) stream.writer++;
          return { writer: stream.writer, entries: [...stream.entries] as LogEntry<Event>[] };
        }),
      follow: <Event>(name: string, after: number, signal: AbortSignal) =>
        call(() => {
          const stream = this.#stream(name);
          const follower = new Follower<Event>(after, signal, MAX_FOLLOWER_LAG, () => {
            stream.subscriptions.delete(subscription);
          });
          const subscription: Subscription = {
            host,
            follower: follower as Follower<unknown>,
            deliveredAt: 0,
          };
          if (signal.aborted) follower.end();
          else {
            stream.subscriptions.add(subscription);
            this.#deliver(subscription, stream.entries);
          }
          return follower;
        }),
      release: (name) => {
        this.onRelease(name);
      },
      close: () => Promise.resolve(),
    };
  }

  onRelease: (name: string) => void = () => undefined;

  override restart(): void {
    super.restart();
    this.#refill();
  }

  override reconnect(host: Host): void {
    super.reconnect(host);
    this.#refill();
  }

  override goOn(): void {
    super.goOn();
    this.#refill();
  }

  /** Whatever it has is gone, as after a restart without persistence. */
  lose(): void {
    for (const stream of this.#streams.values()) {
      stream.lostUpTo = Math.max(stream.lostUpTo, stream.entries.at(-1)?.sequence ?? 0);
      stream.entries = [];
      stream.writer = FIRST_WRITER;
    }
  }

  /** The log is of the process that dies: its journal keeps what was not released. */
  restartFromJournal(released: ReadonlySet<string>): void {
    for (const [name, stream] of this.#streams) {
      stream.writer = FIRST_WRITER;
      stream.subscriptions.clear();
      if (released.has(name)) stream.entries = [];
    }
  }

  lostUpTo(name: string): number {
    return this.#streams.get(name)?.lostUpTo ?? 0;
  }

  lastOf(name: string): number {
    return this.#streams.get(name)?.entries.at(-1)?.sequence ?? 0;
  }

  #write(name: string, writer: number, first: number, events: readonly unknown[]): number {
    const stream = this.#stream(name);
    if (writer < stream.writer) throw new TakenOver();
    const last = stream.entries.at(-1)?.sequence ?? 0;
    if (this.numbersItself) {
      this.#add(
        name,
        stream,
        events.map((event, index) => renumbered(event, last + 1 + index)),
      );
      return last + events.length;
    }
    if (first > last + 1 && !this.takesGaps) return last;
    const added = events.slice(Math.max(0, last + 1 - first));
    const start = Math.max(first, last + 1);
    this.#add(
      name,
      stream,
      added.map((event, index) => ({ sequence: start + index, event })),
    );
    return added.length === 0 ? last : start + added.length - 1;
  }

  #add(name: string, stream: Stream, added: readonly LogEntry<unknown>[]): void {
    stream.entries.push(...added);
    if ((stream.entries.at(-1)?.sequence ?? 0) >= stream.lostUpTo) stream.lostUpTo = 0;
    const upTo = this.forgetsUpTo(name);
    stream.entries = stream.entries.filter(
      ({ sequence }, index, { length }) => sequence > upTo || index === length - 1,
    );
    if (added.length === 0) return;
    for (const subscription of stream.subscriptions) {
      if (this.reaches(subscription.host)) this.#deliver(subscription, added);
    }
  }

  #deliver(subscription: Subscription, entries: readonly LogEntry<unknown>[]): void {
    const copies = [...entries];
    const at = Math.max(subscription.deliveredAt, this.time.now + this.travel());
    subscription.deliveredAt = at;
    subscription.host.reach(at - this.time.now, () => {
      subscription.follower.pushAll(copies);
    });
  }

  /** Followers read what their connections did not bring. */
  #refill(): void {
    for (const stream of this.#streams.values()) {
      for (const subscription of stream.subscriptions) {
        this.time.after(this.random.below(RECONNECT_MS), () => {
          if (this.reaches(subscription.host)) this.#deliver(subscription, stream.entries);
        });
      }
    }
  }

  #stream(name: string): Stream {
    let stream = this.#streams.get(name);
    if (stream === undefined) {
      stream = { entries: [], writer: FIRST_WRITER, lostUpTo: 0, subscriptions: new Set() };
      this.#streams.set(name, stream);
    }
    return stream;
  }
}

function renumbered(event: unknown, sequence: number): LogEntry<unknown> {
  return { sequence, event: typeof event === 'object' ? { ...event, sequence } : event };
}
