import { untilStep, type Timers } from './timers.js';

interface RoundsNeeds {
  /** Never rejects. @returns whether there is more to do at once */
  readonly work: (closing: AbortSignal) => Promise<boolean>;
  readonly everyMs: number;
  /** Whether the first round comes when the time of one has passed, and not at once. */
  readonly beginsLater?: boolean;
  readonly timers: Pick<Timers, 'now' | 'sleep'>;
}

/** Does some work again and again until it is closed, which waits for what is under way. */
export class Rounds {
  readonly #closing = new AbortController();
  #working: Promise<void> = Promise.resolve();

  constructor(private readonly needs: RoundsNeeds) {}

  open(): void {
    this.#working = this.#workAlways();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#working;
  }

  async #workAlways(): Promise<void> {
    const { work, everyMs, beginsLater = false, timers } = this.needs;
    const { signal } = this.#closing;
    const rest = () => timers.sleep(untilStep(everyMs, timers.now()), signal);
    if (beginsLater) await rest();
    while (!signal.aborted) {
      if (!(await work(signal))) await rest();
    }
  }
}
