import { FIRST_WRITER, TakenOver, type EventLog, type LogEntry } from '../../ports/event-log.js';
import { Follower } from './follower.js';

/** Where the streams of a process are written down, so that another finds them after it was killed. */
export interface StreamJournal {
  /** What a process has written down of a stream, from the first entry on. Never rejects. */
  read(stream: string): Promise<readonly LogEntry<unknown>[]>;
  /**
   * Resolves when the entries would be found if this process were killed, in the order of the calls. Never rejects.
   * @returns false when they could not be written; no promise where that is known already
   */
  write(stream: string, entries: readonly LogEntry<unknown>[]): boolean | Promise<boolean>;
  forget(stream: string): void;
  close(): Promise<void>;
}

interface MemoryEventLogOptions {
  /** How long a stream without readers is kept after its last event, in milliseconds; default 5 minutes. */
  readonly retentionMs?: number;
  /** Maximum events kept per stream (the newest), and maximum lag of a reader; default 10,000. */
  readonly maxEvents?: number;
  /** Default none: nothing outlives the process. */
  readonly journal?: StreamJournal;
}

interface Stream {
  /** Those that are not in the journal, and those that came while somebody followed. */
  readonly entries: LogEntry<unknown>[];
  readonly followers: Set<Follower<unknown>>;
  /** Followers for whom the journal is being read. */
  opening: number;
  writer: number;
  lastSequence: number;
  /** The journal has every entry up to this one. */
  journaled: number;
  /** When it was written the last time, on the clock of `performance.now()`. */
  writtenAt: number;
  /** Looks whether that is `retentionMs` ago; absent before the first event, and once it was. */
  retention: NodeJS.Timeout | undefined;
}

/**
 * The event log of a single instance, which keeps in memory what its journal does not have. A stream is forgotten a while after
 * its last event, or with its last reader when that is later; one that was only followed, at once with its last reader.
 */
export class MemoryEventLog implements EventLog {
  readonly isShared = false;
  private readonly streams = new Map<string, Stream>();
  private readonly retentionMs: number;
  private readonly maxEvents: number;
  private readonly journal: StreamJournal | undefined;

  constructor({ retentionMs = 300_000, maxEvents = 10_000, journal }: MemoryEventLogOptions = {}) {
    this.retentionMs = retentionMs;
    this.maxEvents = maxEvents;
    this.journal = journal;
  }

  /** Numbers of held items, for tests and metrics. */
  get size(): { readonly streams: number; readonly followers: number } {
    let followers = 0;
    for (const stream of this.streams.values()) followers += stream.followers.size;
    return { streams: this.streams.size, followers };
  }

  write(name: string, writer: number, first: number, events: readonly unknown[]): number | Promise<number> {
    const stream = this.stream(name);
    if (writer < stream.writer) return Promise.reject(new TakenOver());
    const known = stream.lastSequence;
    const added = first > known + 1 ? [] : events.slice(known + 1 - first);
    const entries = added.map((event, index) => ({ sequence: known + 1 + index, event }));
    stream.lastSequence += entries.length;
    stream.entries.push(...entries);
    if (stream.entries.length > this.maxEvents) stream.entries.splice(0, stream.entries.length - this.maxEvents);
    this.keep(name, stream);
    const tell = (isJournaled: boolean) => {
      if (isJournaled && stream.journaled === known) stream.journaled = known + entries.length;
      for (const follower of stream.followers) follower.pushAll(entries);
      this.leaveToJournal(stream);
      return known + entries.length;
    };
    const written = entries.length > 0 && (this.journal?.write(name, entries) ?? false);
    return typeof written === 'boolean' ? tell(written) : written.then(tell);
  }

  async takeOver<Event>(name: string): Promise<{ writer: number; entries: readonly LogEntry<Event>[] }> {
    const stream = this.stream(name);
    const writer = ++stream.writer;
    this.keep(name, stream);
    const entries = await this.entriesOf(name, stream);
    if (stream.lastSequence === 0) {
      // Another process wrote it, into the same journal.
      stream.lastSequence = entries.at(-1)?.sequence ?? 0;
      stream.journaled = stream.lastSequence;
    }
    return { writer, entries: entries as readonly LogEntry<Event>[] };
  }

  async follow<Event>(
    name: string,
    after: number,
    signal: AbortSignal,
  ): Promise<AsyncIterableIterator<LogEntry<Event>>> {
    const stream = this.stream(name);
    const follower = new Follower<Event>(after, signal, this.maxEvents, () => {
      stream.followers.delete(follower as Follower<unknown>);
      this.leaveToJournal(stream);
      this.forgetIfUnused(name, stream);
    });
    // What comes until it follows is kept.
    stream.opening++;
    const entries = await this.entriesOf(name, stream);
    stream.opening--;
    if (signal.aborted) follower.end();
    else {
      stream.followers.add(follower as Follower<unknown>);
      follower.pushAll(entries as readonly LogEntry<Event>[]);
      follower.pushAll(stream.entries as readonly LogEntry<Event>[]);
    }
    this.leaveToJournal(stream);
    this.forgetIfUnused(name, stream);
    return follower;
  }

  release(name: string): void {
    this.journal?.forget(name);
  }

  async close(): Promise<void> {
    for (const stream of this.streams.values()) {
      clearTimeout(stream.retention);
      for (const follower of [...stream.followers]) follower.end();
    }
    this.streams.clear();
    await this.journal?.close();
  }

  /** All that is there, of which the journal has a part. */
  private async entriesOf(name: string, stream: Stream): Promise<readonly LogEntry<unknown>[]> {
    if (this.journal === undefined) return [...stream.entries];
    const journaled = await this.journal.read(name);
    const last = journaled.at(-1)?.sequence ?? 0;
    return [...journaled, ...stream.entries.filter(({ sequence }) => sequence > last)];
  }

  /** Keeps nothing here that the journal has and nobody waits for. */
  private leaveToJournal(stream: Stream): void {
    if (stream.followers.size > 0 || stream.opening > 0) return;
    const first = stream.entries.findIndex(({ sequence }) => sequence > stream.journaled);
    stream.entries.splice(0, first === -1 ? stream.entries.length : first);
  }

  private stream(name: string): Stream {
    let stream = this.streams.get(name);
    if (stream === undefined) {
      stream = {
        entries: [],
        followers: new Set(),
        writer: FIRST_WRITER,
        opening: 0,
        lastSequence: 0,
        journaled: 0,
        writtenAt: 0,
        retention: undefined,
      };
      this.streams.set(name, stream);
    }
    return stream;
  }

  private keep(name: string, stream: Stream): void {
    // A timer that begins anew with each event would take more than all else here.
    stream.writtenAt = performance.now();
    if (stream.retention === undefined) this.lookAgain(name, stream, this.retentionMs);
  }

  private lookAgain(name: string, stream: Stream, milliseconds: number): void {
    stream.retention = setTimeout(() => {
      const left = stream.writtenAt + this.retentionMs - performance.now();
      if (left > 0) {
        this.lookAgain(name, stream, left);
        return;
      }
      stream.retention = undefined;
      this.forgetIfUnused(name, stream);
    }, milliseconds).unref();
  }

  private forgetIfUnused(name: string, stream: Stream): void {
    const wanted = stream.followers.size > 0 || stream.opening > 0 || stream.retention !== undefined;
    if (!wanted && this.streams.get(name) === stream) this.streams.delete(name);
  }
}
