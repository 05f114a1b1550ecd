import type { RateLimitRule } from './rate-limiter.js';

export interface RateLimitVerdict {
  /** Calls counted in the window before this one; `limit` or more means that this one is refused and not counted. */
  readonly before: number;
  /** Milliseconds until a refused call could pass; 0 when this one passes. */
  readonly retryAfterMs: number;
  /** Milliseconds until the oldest counted call leaves the window, so that one more may pass; `retryAfterMs` of a refused call. */
  readonly resetMs: number;
}

/** Counts a call and answers in one atomic step: two calls at once never both take the last place. */
export interface RateLimitStore {
  take(rule: RateLimitRule, identity: string): Promise<RateLimitVerdict>;
  close(): Promise<void>;
}
