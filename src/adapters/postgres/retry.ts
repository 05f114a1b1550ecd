import { setTimeout as delay } from 'node:timers/promises';
import type { Availability } from './availability.js';

/** Tries in all, of work that another transaction was in the way of. */
const MAX_TRIES = 4;
const MOST_DELAY_MS = 50;

/**
 * Does the work again while it fails because another transaction was in its way, of which nothing is left then. Waits a random
 * moment in between, so that two that met do not meet again.
 * @param isConflict whether the work may be done again after an error
 * @param availability is told of the error that is thrown in the end
 */
export async function retrying<Result>(
  work: () => Promise<Result>,
  isConflict: (error: unknown) => boolean,
  availability: Pick<Availability, 'gaveUp'>,
): Promise<Result> {
  for (let left = MAX_TRIES - 1; ; left--) {
    try {
      return await work();
    } catch (error) {
      if (left === 0 || !isConflict(error)) {
        availability.gaveUp(error);
        throw error;
      }
    }
    await delay(Math.random() * MOST_DELAY_MS);
  }
}
