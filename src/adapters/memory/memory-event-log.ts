import { Unavailable } from '../../kernel/errors.js';
import type { EventLog, LogEntry } from '../../ports/event-log.js';
import { Follower } from './follower.js';

interface MemoryEventLogOptions {
  /** How long a stream without readers is kept after its last event, in milliseconds; default 5 minutes. */
  readonly retentionMs?: number;
  /** Maximum events kept per stream (the newest), and maximum lag of a reader; default 10,000. */
  readonly maxEvents?: number;
}

interface Stream {
  readonly entries: LogEntry<unknown>[];
  readonly followers: Set<Follower<unknown>>;
  lastSequence: number;
  /** Fires `retentionMs` after the last event; absent while there is none. */
  retention: NodeJS.Timeout | undefined;
  expired: boolean;
}

/**
 * The event log of a single instance, in its memory. Nothing outlives the process. A stream is forgotten a while after its
 * last event, or with its last reader when that is later; one that was only followed, at once with its last reader.
 */
export class MemoryEventLog implements EventLog {
  private readonly streams = new Map<string, Stream>();
  private readonly retentionMs: number;
  private readonly maxEvents: number;

  constructor({ retentionMs = 300_000, maxEvents = 10_000 }: MemoryEventLogOptions = {}) {
    this.retentionMs = retentionMs;
    this.maxEvents = maxEvents;
  }

  /** Numbers of held items, for tests and metrics. */
  get size(): { readonly streams: number; readonly followers: number } {
    let followers = 0;
    for (const stream of this.streams.values()) followers += stream.followers.size;
    return { streams: this.streams.size, followers };
  }

  append(name: string, events: readonly unknown[]): Promise<readonly number[]> {
    if (events.length === 0) return Promise.resolve([]);
    const stream = this.open(name);
    const added = events.map((event) => ({ sequence: ++stream.lastSequence, event }));
    stream.entries.push(...added);
    if (stream.entries.length > this.maxEvents) stream.entries.splice(0, stream.entries.length - this.maxEvents);
    this.keep(name, stream);
    for (const follower of stream.followers) follower.push(added);
    return Promise.resolve(added.map(({ sequence }) => sequence));
  }

  has(name: string): Promise<boolean> {
    return Promise.resolve(this.streams.get(name)?.entries[0]?.sequence === 1);
  }

  /** @throws Unavailable when events after `after` are no longer kept */
  follow<Event>(
    name: string,
    after: number | 'latest',
    signal: AbortSignal,
  ): Promise<AsyncIterableIterator<LogEntry<Event>>> {
    const oldest = this.streams.get(name)?.entries[0]?.sequence ?? 1;
    if (after !== 'latest' && after + 1 < oldest) {
      return Promise.reject(new Unavailable('Events this old are no longer kept'));
    }
    const stream = this.open(name);
    const lastSeen = after === 'latest' ? stream.lastSequence : after;
    const follower = new Follower<Event>(lastSeen, signal, this.maxEvents, (ended) => {
      stream.followers.delete(ended as Follower<unknown>);
      this.forgetIfUnused(name, stream);
    });
    stream.followers.add(follower as Follower<unknown>);
    if (signal.aborted) follower.end();
    else follower.push(stream.entries.slice(Math.max(0, lastSeen + 1 - oldest)) as LogEntry<Event>[]);
    return Promise.resolve(follower);
  }

  close(): Promise<void> {
    for (const stream of this.streams.values()) {
      clearTimeout(stream.retention);
      for (const follower of [...stream.followers]) follower.end();
    }
    this.streams.clear();
    return Promise.resolve();
  }

  private open(name: string): Stream {
    let stream = this.streams.get(name);
    if (stream === undefined) {
      stream = { entries: [], followers: new Set(), lastSequence: 0, retention: undefined, expired: false };
      this.streams.set(name, stream);
    }
    return stream;
  }

  private keep(name: string, stream: Stream): void {
    stream.expired = false;
    if (stream.retention === undefined) {
      stream.retention = setTimeout(() => {
        stream.expired = true;
        this.forgetIfUnused(name, stream);
      }, this.retentionMs).unref();
    } else {
      stream.retention.refresh();
    }
  }

  private forgetIfUnused(name: string, stream: Stream): void {
    const wanted = stream.followers.size > 0 || (stream.entries.length > 0 && !stream.expired);
    if (!wanted && this.streams.get(name) === stream) this.streams.delete(name);
  }
}
