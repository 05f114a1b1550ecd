import { Unavailable } from '../../kernel/errors.js';
import type { LogEntry } from '../../ports/event-log.js';

interface Waiting<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (failure: Error) => void;
}

/**
 * One reader of an event stream: takes entries in as they come and gives them out at the reader's own pace. A reader never
 * holds writers up; one that falls `maxQueued` entries behind is ended with an error, and may follow anew from the last
 * entry it saw.
 */
export class Follower<Event> implements AsyncIterableIterator<LogEntry<Event>> {
  private readonly queued: LogEntry<Event>[] = [];
  private readonly waiting: Waiting<IteratorResult<LogEntry<Event>, undefined>>[] = [];
  private ended = false;
  private failure: Error | undefined;
  private readonly stop = () => this.end();

  /**
   * @param lastSequence entries up to this one are known to the reader and are left out
   * @param onEnd called once, when the reader stops, `signal` aborts, or the log ends the follower
   */
  constructor(
    private lastSequence: number,
    private readonly signal: AbortSignal,
    private readonly maxQueued: number,
    private readonly onEnd: (follower: Follower<Event>) => void,
  ) {
    signal.addEventListener('abort', this.stop, { once: true });
  }

  /** Entries in order; those that the reader has had already are skipped. */
  push(entries: readonly LogEntry<Event>[]): void {
    for (const entry of entries) {
      if (this.ended) return;
      if (entry.sequence <= this.lastSequence) continue;
      this.lastSequence = entry.sequence;
      const reader = this.waiting.shift();
      if (reader === undefined) this.queued.push(entry);
      else reader.resolve({ done: false, value: entry });
    }
    if (this.queued.length > this.maxQueued) {
      this.end(new Unavailable('The reader fell too far behind the event stream'));
    }
  }

  /** Rewinds to `sequence`: entries with later numbers are delivered again. */
  rewind(sequence: number): void {
    this.lastSequence = Math.min(this.lastSequence, sequence);
  }

  /** Ends the iteration at once: what is queued is dropped. `failure` is thrown by the reader's present or next step, once. */
  end(failure?: Error): void {
    if (this.ended) return;
    this.ended = true;
    this.signal.removeEventListener('abort', this.stop);
    this.queued.length = 0;
    const [first, ...rest] = this.waiting.splice(0);
    if (failure === undefined) first?.resolve({ done: true, value: undefined });
    else if (first === undefined) this.failure = failure;
    else first.reject(failure);
    for (const reader of rest) reader.resolve({ done: true, value: undefined });
    this.onEnd(this);
  }

  next(): Promise<IteratorResult<LogEntry<Event>, undefined>> {
    const { failure } = this;
    if (failure !== undefined) {
      this.failure = undefined;
      return Promise.reject(failure);
    }
    if (this.ended) return Promise.resolve({ done: true, value: undefined });
    const value = this.queued.shift();
    if (value !== undefined) return Promise.resolve({ done: false, value });
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<LogEntry<Event>, undefined>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
