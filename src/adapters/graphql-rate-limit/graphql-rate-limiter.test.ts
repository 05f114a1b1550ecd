import { describe, expect, it } from '@jest/globals';
import { MemoryRateLimitStore } from '../memory/memory-rate-limit-store.js';
import { RateLimited, Unavailable } from '../../kernel/errors.js';
import type { RateLimitStore } from '../../ports/rate-limit-store.js';
import { graphqlRateLimiters } from './graphql-rate-limiter.js';

const rule = { name: 'login', limit: 10, windowMs: 60_000 };

async function outcomes(calls: readonly Promise<void>[]) {
  const settled = await Promise.allSettled(calls);
  return {
    passed: settled.filter(({ status }) => status === 'fulfilled').length,
    failures: settled.flatMap((result) => (result.status === 'rejected' ? [result.reason as unknown] : [])),
  };
}

describe('the rate limiter', () => {
  it('lets exactly 10 of 100 calls at once pass, and tells the others when to come back', async () => {
    let now = 0;
    const limit = graphqlRateLimiters(new MemoryRateLimitStore(() => now))(rule, 'Too many login attempts');
    const { passed, failures } = await outcomes(Array.from({ length: 100 }, () => limit('anna')));
    expect(passed).toBe(10);
    expect(failures).toHaveLength(90);
    for (const failure of failures) expect(failure).toEqual(new RateLimited('Too many login attempts', 60));
    now = 18_500;
    await expect(limit('anna')).rejects.toMatchObject({ retryAfterSeconds: 42, details: { retryAfter: 42 } });
    await expect(limit('bert')).resolves.toBeUndefined();
    now = 60_000;
    await expect(limit('anna')).resolves.toBeUndefined();
  });

  it('carries each call its own waiting time when several wait at once', async () => {
    const waits: Record<string, number> = { anna: 1_000, bert: 2_001, carl: 0.5 };
    const store: RateLimitStore = {
      take: (_, identity) =>
        new Promise((resolve) => {
          setImmediate(() =>
            resolve({ before: rule.limit, retryAfterMs: waits[identity] ?? 0, resetMs: waits[identity] ?? 0 }),
          );
        }),
      close: () => Promise.resolve(),
    };
    const limit = graphqlRateLimiters(store)(rule, 'Too many requests');
    const { failures } = await outcomes(['anna', 'bert', 'carl'].map((identity) => limit(identity)));
    expect(failures).toMatchObject([{ retryAfterSeconds: 1 }, { retryAfterSeconds: 3 }, { retryAfterSeconds: 1 }]);
  });

  it('refuses when the store cannot tell', async () => {
    const store: RateLimitStore = {
      take: () => Promise.reject(new Unavailable('Rate limits cannot be checked at present')),
      close: () => Promise.resolve(),
    };
    await expect(graphqlRateLimiters(store)(rule, 'Too many requests')('anna')).rejects.toThrow(Unavailable);
  });

  it('takes limits of one and windows of days', async () => {
    const limit = graphqlRateLimiters(new MemoryRateLimitStore())(
      { name: 'rare', limit: 1, windowMs: 864_000_000 },
      'No',
    );
    await limit('anna');
    await expect(limit('anna')).rejects.toMatchObject({ retryAfterSeconds: 864_000 });
  });
});
