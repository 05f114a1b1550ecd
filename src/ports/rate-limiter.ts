/** At most `limit` calls in any `windowMs` milliseconds, per identity: a sliding window. */
export interface RateLimit {
  readonly limit: number;
  readonly windowMs: number;
}

export interface RateLimitRule extends RateLimit {
  /** Part of the key, as `login`: limiters of the same name count together. */
  readonly name: string;
}

/**
 * Counts a call of an identity (a user's id, an e-mail address, a client's network).
 * @throws RateLimited when it is one too many; Unavailable when that cannot be told at present
 */
export type RateLimiter = (identity: string) => Promise<void>;

/** Makes the limiter of a rule. @param message what a refused client reads */
export type CreateRateLimiter = (rule: RateLimitRule, message: string) => RateLimiter;
