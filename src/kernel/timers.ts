import { setTimeout as sleep } from 'node:timers/promises';

/** Time as it passes, passed as a parameter so that a simulation can let it pass in any order. */
export interface Timers {
  /** Milliseconds since some moment; they go on evenly, whatever is done to the clock. */
  now(): number;
  /** Resolves after so many milliseconds, or as soon as `signal` aborts. Never rejects. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
  /** Calls `run` after so many milliseconds. @returns a function that prevents it */
  after(milliseconds: number, run: () => void): () => void;
}

export const systemTimers: Timers = {
  now: () => performance.now(),
  sleep: (milliseconds, signal) =>
    sleep(milliseconds, undefined, signal === undefined ? {} : { signal }).catch(() => undefined),
  after: (milliseconds, run) => {
    const timer = setTimeout(run, milliseconds);
    return () => {
      clearTimeout(timer);
    };
  },
};
