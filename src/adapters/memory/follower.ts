import type { LogEntry } from '../../ports/event-log.js';
import { AsyncQueue } from './async-queue.js';

/** One reader of an event stream. Gets each number once, in order, however often it is pushed. */
export class Follower<Event> extends AsyncQueue<LogEntry<Event>> {
  /** @param lastSequence entries up to this one are known to the reader and are left out */
  constructor(
    private lastSequence: number,
    signal: AbortSignal,
    maxQueued: number,
    onEnd: () => void,
  ) {
    super(signal, maxQueued, onEnd);
  }

  pushAll(entries: readonly LogEntry<Event>[]): void {
    for (const entry of entries) {
      if (entry.sequence <= this.lastSequence) continue;
      this.lastSequence = entry.sequence;
      this.push(entry);
    }
  }
}
