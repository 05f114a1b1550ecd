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

/** Looks that come round are due at multiples of the longest of these that their interval is a multiple of, in milliseconds. */
const STEPS_MS = [2_000, 1_000, 500, 250];
const SHORTEST_MS = 250;
/** Timers are early at times, by up to two milliseconds: the step that was due is not waited for again. */
const EARLY_MS = 5;

/**
 * Milliseconds until the last step of the process that is no more than so many away. For looks that come round: those of a process
 * are due at the same moments then, and it is woken once for several. Each time takes a multiple of what the look itself does, since a
 * process that slept finds little of what it needs in the caches of the processor.
 */
export function untilStep(milliseconds: number, now: number): number {
  if (milliseconds < SHORTEST_MS) return milliseconds;
  const latest = now + milliseconds + EARLY_MS;
  const step = STEPS_MS.find((each) => milliseconds % each === 0) ?? SHORTEST_MS;
  return latest - (latest % step) - now;
}
