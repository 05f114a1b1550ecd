import { setTimeout as delay } from 'node:timers/promises';

/** Tries in all, of work that another transaction was in the way of. */
const MAX_TRIES = 4;
const MOST_DELAY_MS = 50;

/**
 * Does the work again while it fails because another transaction was in its way, of which nothing is left then. Waits a random
 * moment in between, so that two that met do not meet again.
 */
export async function retrying<Result>(
  work: () => Promise<Result>,
  isConflict: (error: unknown) => boolean,
): Promise<Result> {
  for (let left = MAX_TRIES - 1; ; left--) {
    try {
      return await work();
    } catch (error) {
      if (left === 0 || !isConflict(error)) throw error;
    }
    await delay(Math.random() * MOST_DELAY_MS);
  }
}
