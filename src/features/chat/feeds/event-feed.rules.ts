import { z } from 'zod';

/** The greatest number after which a follower may go on. Its successor, an event's number, is still an `Int`. */
const MAX_AFTER = 2 ** 31 - 2;

export const after = z.int().min(0, 'must be 0 or more').max(MAX_AFTER, `must be at most ${MAX_AFTER}`).nullish();

export const feedRules = z.object({ after });
