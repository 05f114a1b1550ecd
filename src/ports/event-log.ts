export interface LogEntry<Event> {
  /** Starts at 1. */
  readonly sequence: number;
  readonly event: Event;
}

/** A later writer has taken the stream over: this one may write no more. */
export class TakenOver extends Error {
  constructor() {
    super('the stream has another writer');
  }
}

/** The writer that a stream begins with; {@link EventLog.takeOver} gives later ones greater numbers. */
export const FIRST_WRITER = 0;

/**
 * Short-lived, ordered streams of events, each written by one writer at a time, which numbers its events itself: from 1,
 * without gaps. A number is taken once, whoever sends it, however often and in whatever order, so that a writer who does not
 * know whether a call was carried out repeats it. A stream is dropped some time after its last event; what must last longer
 * belongs in the database.
 */
export interface EventLog {
  /** False: only this process writes it, and what another one writes is not found here while that lives. */
  readonly isShared: boolean;
  /**
   * Writes events numbered from `first`. Numbers that the log has already stay as they are.
   * @returns the last number that the log now has. When it lacks numbers before `first`, since it lost them, it takes
   * nothing: the writer goes on after the number returned. No promise where it is written already.
   * @throws TakenOver; Unavailable when it cannot be reached, in which case the events may be written or not, also later. Both reject.
   */
  write(stream: string, writer: number, first: number, events: readonly unknown[]): number | Promise<number>;
  /**
   * Refuses all that earlier writers send from now on. In one step with that, reads what they wrote.
   * @throws Unavailable
   */
  takeOver<Event>(stream: string): Promise<{ readonly writer: number; readonly entries: readonly LogEntry<Event>[] }>;
  /**
   * The events after number `after`, then what follows as it comes, in order. Events that the log has lost are left out: the
   * reader sees the gap in the numbers. Goes on until the reader stops or `signal` aborts: the log does not know which event
   * is the last of a stream. It is live when the promise resolves: what is written after that is not missed.
   * @throws Unavailable
   */
  follow<Event>(stream: string, after: number, signal: AbortSignal): Promise<AsyncIterableIterator<LogEntry<Event>>>;
  /** The stream has ended, and all of it is stored elsewhere: a restart need not find it. */
  release(stream: string): void;
  close(): Promise<void>;
}
