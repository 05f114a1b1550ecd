/** Maximum milliseconds that text waits for more: a screen shows no finer steps than 40 per second. */
const GATHER_MS = 25;

const HIGH_SURROGATE_AT_END = /[\uD800-\uDBFF]$/;

/**
 * Combines the model's chunks of text into deltas: sends at once after a pause, otherwise at most every 25 ms. Keeps
 * surrogate pairs together, and drops NUL, which PostgreSQL cannot store.
 */
export class DeltaGatherer {
  #waiting = '';
  #timer: NodeJS.Timeout | undefined;
  #sentAt = -Infinity;

  /** @param send called with each delta, which is never empty */
  constructor(private readonly send: (delta: string) => void) {}

  add(text: string): void {
    this.#waiting += text.replaceAll('\0', '');
    if (this.#timer !== undefined) return;
    const wait = this.#sentAt + GATHER_MS - performance.now();
    if (wait <= 0) this.#flush();
    else
      this.#timer = setTimeout(() => {
        this.#flush();
      }, wait);
  }

  /** Sends the rest. Must be the last call. */
  end(): void {
    this.#waiting = this.#waiting.toWellFormed();
    this.#flush();
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const half = HIGH_SURROGATE_AT_END.test(this.#waiting) ? this.#waiting.slice(-1) : '';
    const delta = this.#waiting.slice(0, this.#waiting.length - half.length).toWellFormed();
    this.#waiting = half;
    if (delta === '') return;
    this.#sentAt = performance.now();
    this.send(delta);
  }
}
