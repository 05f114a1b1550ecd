import type { Log } from './log.js';
import { Rounds } from './rounds.js';
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
  readonly #rounds: Rounds;

  constructor({ work, failure, timers, log }: SweepNeeds) {
    this.#rounds = new Rounds({
      work: async () => {
        try {
          return await work();
        } catch (error) {
          log.warn({ err: error }, failure);
          return false;
        }
      },
      everyMs: EVERY_MS,
      timers,
    });
  }

  open(): void {
    this.#rounds.open();
  }

  close(): Promise<void> {
    return this.#rounds.close();
  }
}
