/** How long text waits for more of it, in milliseconds: a screen shows no finer steps than 40 a second. */
const GATHER_MS = 25;

const HIGH_SURROGATE_AT_END = /[\uD800-\uDBFF]$/;

/**
 * Gathers a model's text into deltas: at once when the line is idle, else after at most 25 ms. A character that arrives in
 * two halves goes out whole, and NUL, which PostgreSQL cannot store, not at all.
 */
export class DeltaGatherer {
  #waiting = '';
  #timer: NodeJS.Timeout | undefined;
  #sentAt = -Infinity;

  /** @param send is called with each delta, never an empty one */
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

  /** Sends what is left. Nothing may be added after it. */
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
