import type { Log } from './log.js';
import type { Timers } from './timers.js';

const EVERY_MS = 10 * 60_000;

interface SweepNeeds {
  /** Removes what was kept for long enough, or a part of it. @returns whether there is more */
  readonly work: () => Promise<boolean>;
  /** Logged when that fails. */
  readonly failure: string;
  readonly timers: Timers;
  readonly log: Pick<Log, 'warn'>;
}

/** Removes what is kept for a time only: at the start, and every ten minutes. Several instances may do so at once. */
export class Sweep {
  readonly #closing = new AbortController();
  #sweeping: Promise<void> = Promise.resolve();

  constructor(private readonly needs: SweepNeeds) {}

  open(): void {
    this.#sweeping = this.#sweepAlways();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#sweeping;
  }

  async #sweepAlways(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      const hasMore = await this.#sweep();
      if (!hasMore) await this.needs.timers.sleep(EVERY_MS, signal);
    }
  }

  async #sweep(): Promise<boolean> {
    const { work, failure, log } = this.needs;
    try {
      return await work();
    } catch (error) {
      log.warn({ err: error }, failure);
      return false;
    }
  }
}
