import type { Timers } from '../../../kernel/timers.js';

/** Maximum milliseconds that text waits for more: a screen shows no finer steps than 40 per second. */
const GATHER_MS = 25;

const HIGH_SURROGATE_AT_END = /[\uD800-\uDBFF]$/;

/**
 * Combines the model's chunks of text into deltas: sends at once after a pause, otherwise at most every 25 ms. Keeps
 * surrogate pairs together, and drops NUL, which PostgreSQL cannot store.
 */
export class DeltaGatherer {
  #waiting = '';
  #cancel: (() => void) | undefined;
  #sentAt = -Infinity;

  /** @param send called with each delta, which is never empty */
  constructor(
    private readonly send: (delta: string) => void,
    private readonly timers: Timers,
  ) {}

  add(text: string): void {
    this.#waiting += text.replaceAll('\0', '');
    if (this.#cancel !== undefined) return;
    const wait = this.#sentAt + GATHER_MS - this.timers.now();
    if (wait <= 0) this.#flush();
    else
      this.#cancel = this.timers.after(wait, () => {
        this.#flush();
      });
  }

  /** Sends the rest. Must be the last call. */
  end(): void {
    this.#waiting = this.#waiting.toWellFormed();
    this.#flush();
  }

  #flush(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    const half = HIGH_SURROGATE_AT_END.test(this.#waiting) ? this.#waiting.slice(-1) : '';
    const delta = this.#waiting.slice(0, this.#waiting.length - half.length).toWellFormed();
    this.#waiting = half;
    if (delta === '') return;
    this.#sentAt = this.timers.now();
    this.send(delta);
  }
}
