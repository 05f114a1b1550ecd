import type { Timers } from '../../src/kernel/timers.js';
import type { Random } from '../support/random.js';

interface Due {
  readonly at: number;
  readonly order: number;
  run: (() => void) | undefined;
}

/** Time that passes only from event to event, in the same order for the same seed. In milliseconds. */
export class VirtualTime {
  now = 0;
  readonly #queue: Due[] = [];
  #order = 0;

  /** @returns a function that prevents it */
  after(milliseconds: number, run: () => void): () => void {
    const due: Due = { at: this.now + Math.max(0, milliseconds), order: this.#order++, run };
    this.#push(due);
    return () => {
      due.run = undefined;
    };
  }

  /** Lets time pass until `isOver`, or until nothing is left to happen. */
  async run(isOver: () => boolean): Promise<void> {
    for (let due = this.#pop(); due !== undefined; due = this.#pop()) {
      const { run } = due;
      if (run === undefined) continue;
      this.now = due.at;
      run();
      // All that follows from the event by promises alone happens at its time.
      await new Promise((resolve) => setImmediate(resolve));
      if (isOver()) return;
    }
  }

  /** A binary heap: a schedule has some thousand events. */
  #push(due: Due): void {
    const queue = this.#queue;
    let index = queue.push(due) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = queue[parent];
      if (above === undefined || isBefore(above, due)) break;
      queue[index] = above;
      index = parent;
    }
    queue[index] = due;
  }

  #pop(): Due | undefined {
    const queue = this.#queue;
    const [first] = queue;
    const last = queue.pop();
    if (first === undefined || last === undefined || queue.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      let next = queue[child];
      if (next === undefined) break;
      const sibling = queue[child + 1];
      if (sibling !== undefined && isBefore(sibling, next)) {
        next = sibling;
        child++;
      }
      if (isBefore(last, next)) break;
      queue[index] = next;
      index = child;
    }
    queue[index] = last;
    return first;
  }
}

function isBefore(one: Due, other: Due): boolean {
  return one.at < other.at || (one.at === other.at && one.order < other.order);
}

interface Waiting {
  readonly run: () => void;
  readonly isTimer: boolean;
}

/** A process: what reaches it happens in it, unless it is frozen (then later) or dead (then never). */
export class Host {
  isFrozen = false;
  isDead = false;
  /** When it last ran again after it was frozen. */
  thawedAt = -Infinity;
  #waiting: Waiting[] = [];

  constructor(
    readonly name: string,
    readonly time: VirtualTime,
    private readonly random: Random,
  ) {}

  readonly timers: Timers = {
    now: () => this.time.now,
    sleep: (milliseconds, signal) =>
      new Promise((resolve) => {
        if (signal?.aborted === true) {
          resolve();
          return;
        }
        const end = () => {
          signal?.removeEventListener('abort', end);
          cancel();
          resolve();
        };
        const cancel = this.#after(milliseconds, end, true);
        signal?.addEventListener('abort', end);
      }),
    after: (milliseconds, run) => this.#after(milliseconds, run, true),
  };

  /** Something reaches the process after so many milliseconds. */
  reach(milliseconds: number, run: () => void): void {
    this.#after(milliseconds, run, false);
  }

  freeze(): void {
    this.isFrozen = true;
  }

  /** All that became due meanwhile happens at once: in its order, or the timers before the rest, as Node may have it. */
  thaw(): void {
    this.isFrozen = false;
    this.thawedAt = this.time.now;
    const waiting = this.#waiting;
    this.#waiting = [];
    const timersFirst = this.random.chance(50);
    const inOrder = timersFirst ? waiting.toSorted((a, b) => Number(b.isTimer) - Number(a.isTimer)) : waiting;
    for (const { run, isTimer } of inOrder) {
      this.time.after(0, () => {
        this.#happen(run, isTimer);
      });
    }
  }

  kill(): void {
    this.isDead = true;
    this.#waiting = [];
  }

  #after(milliseconds: number, run: () => void, isTimer: boolean): () => void {
    let isCancelled = false;
    const cancel = this.time.after(milliseconds, () => {
      this.#happen(() => {
        if (!isCancelled) run();
      }, isTimer);
    });
    return () => {
      isCancelled = true;
      cancel();
    };
  }

  #happen(run: () => void, isTimer: boolean): void {
    if (this.isDead) return;
    if (this.isFrozen) this.#waiting.push({ run, isTimer });
    else run();
  }
}
