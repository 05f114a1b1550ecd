export interface LogEntry<Event> {
  /** Starts at 1, without gaps. */
  readonly sequence: number;
  readonly event: Event;
}

/**
 * Short-lived, ordered event streams, one per key, that any number of readers follow from any point. A stream is dropped
 * some time after its last event; data that must last longer belongs in the database.
 */
export interface EventLog {
  /** Appends and returns the sequence numbers given, in order, without a gap between them. */
  append(stream: string, events: readonly unknown[]): Promise<readonly number[]>;
  /** True while the log still holds the stream from its first event. */
  has(stream: string): Promise<boolean>;
  /**
   * The events after `after` (0: from the first; `latest`: only what comes from now on), then what follows as it comes.
   * Goes on until the reader stops or `signal` aborts: the log does not know which event is the last of a stream.
   * The subscription is live when the promise resolves: an event appended after that is not missed.
   */
  follow<Event>(
    stream: string,
    after: number | 'latest',
    signal: AbortSignal,
  ): Promise<AsyncIterableIterator<LogEntry<Event>>>;
  close(): Promise<void>;
}
