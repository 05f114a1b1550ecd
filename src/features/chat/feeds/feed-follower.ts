import type { Receiver } from '../../../kernel/pushed.js';

/** Events that wait for a follower who reads slowly: of more, those in the database are read later. */
const MAX_WAITING = 1_000;

/** As the event bus brings it; one of the release before has no number. */
export type LiveEvent<Event> = Event & { readonly sequence?: number };

export type Next<Event> =
  { readonly type: 'live'; readonly event: LiveEvent<Event> } | { readonly type: 'behind' | 'end' };

/** One follower of a feed on this instance: what is there for it, from the event bus and from whoever looks into the database. */
export class FeedFollower<Event extends object> implements Receiver<LiveEvent<Event>> {
  /** The number of the last event that it was given. */
  seen = 0;
  /** The number of the last event that is known to be in the database. */
  last = 0;
  #waiting: LiveEvent<Event>[] = [];
  #hasEnded = false;
  #wake: () => void = () => undefined;
  #changed: Promise<void> = this.#next();

  constructor(readonly feedId: string) {}

  /** The bus has brought this. */
  take(event: LiveEvent<Event>): true {
    if (this.#waiting.length >= MAX_WAITING && event.sequence !== undefined) {
      this.last = Math.max(this.last, event.sequence);
      this.#waiting = this.#waiting.filter(({ sequence }) => sequence === undefined);
    } else this.#waiting.push(event);
    this.#notify();
    return true;
  }

  /** The database has events up to this number. */
  expect(last: number): void {
    this.last = Math.max(this.last, last);
    if (this.last > this.seen) this.#notify();
  }

  /** The bus brings no more. */
  end(): void {
    this.#hasEnded = true;
    this.#notify();
  }

  /** The bus logs its own outages: the follower is ended as if the bus had ended it. */
  fail(): void {
    this.end();
  }

  /** What to give next: `behind` where it is in the database. */
  async next(): Promise<Next<Event>> {
    for (;;) {
      const event = this.#waiting.shift();
      if (event !== undefined) return { type: 'live', event };
      if (this.#hasEnded) return { type: 'end' };
      if (this.last > this.seen) return { type: 'behind' };
      await this.#changed;
    }
  }

  #next(): Promise<void> {
    return new Promise((resolve) => (this.#wake = resolve));
  }

  #notify(): void {
    const wake = this.#wake;
    this.#changed = this.#next();
    wake();
  }
}
