import type { RateLimitStore, RateLimitVerdict } from '../../ports/rate-limit-store.js';
import type { RateLimitRule } from '../../ports/rate-limiter.js';

/** Times of the counted calls of one identity, oldest first. */
type Calls = number[];

/**
 * Counts calls in this process's memory, exactly and atomically: a call is one synchronous step. Keeps `limit` times at most
 * for each identity seen in the last window, and drops the rest a few at every call.
 */
export class MemoryRateLimitStore implements RateLimitStore {
  /** By rule, then identity; identities in the order of their last counted call, so that the expired ones come first. */
  private readonly rules = new Map<string, Map<string, Calls>>();

  /** @param now milliseconds that never step back */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** How many identities are remembered, for tests and metrics. */
  get size(): number {
    let size = 0;
    for (const identities of this.rules.values()) size += identities.size;
    return size;
  }

  take(rule: RateLimitRule, identity: string): Promise<RateLimitVerdict> {
    const now = this.now();
    const start = now - rule.windowMs;
    const identities = this.identitiesOf(rule.name);
    dropExpired(identities, start);
    const calls = (identities.get(identity) ?? []).filter((time) => time > start);
    const before = calls.length;
    if (before < rule.limit) {
      calls.push(now);
      identities.delete(identity);
      identities.set(identity, calls);
      return Promise.resolve({ before, retryAfterMs: 0, resetMs: Math.ceil((calls[0] ?? now) - start) });
    }
    // The call that must leave the window before another may pass; undefined when the limit is zero.
    const blocking = calls[before - rule.limit] ?? now;
    const retryAfterMs = Math.ceil(blocking - start);
    return Promise.resolve({ before, retryAfterMs, resetMs: retryAfterMs });
  }

  close(): Promise<void> {
    this.rules.clear();
    return Promise.resolve();
  }

  private identitiesOf(ruleName: string): Map<string, Calls> {
    let identities = this.rules.get(ruleName);
    if (identities === undefined) {
      identities = new Map();
      this.rules.set(ruleName, identities);
    }
    return identities;
  }
}

function dropExpired(identities: Map<string, Calls>, start: number): void {
  for (const [identity, calls] of identities) {
    if ((calls.at(-1) ?? 0) > start) return;
    identities.delete(identity);
  }
}
