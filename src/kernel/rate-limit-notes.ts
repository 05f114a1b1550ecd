import { AsyncLocalStorage } from 'node:async_hooks';

/** The state of a rate limit after a call was counted, or refused, as the limiter itself found it. */
export interface RateLimitNote {
  readonly limit: number;
  /** Calls that may still follow at once. */
  readonly remaining: number;
  /** Whole seconds until one more may follow. */
  readonly resetSeconds: number;
  readonly isRefused: boolean;
}

type Listener = (note: RateLimitNote) => void;

const listeners = new AsyncLocalStorage<Listener>();

/** Runs `work` and tells `listener` of every rate limit that counts a call meanwhile, for a door that reports them. */
export function hearingRateLimits<Result>(listener: Listener, work: () => Result): Result {
  return listeners.run(listener, work);
}

/** For limiters. Services only call a limiter, and pass nothing on about it. */
export function noteRateLimit(note: RateLimitNote): void {
  listeners.getStore()?.(note);
}
