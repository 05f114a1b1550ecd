import { describe, expect, it } from '@jest/globals';
import { MemoryRateLimitStore } from './memory-rate-limit-store.js';

const rule = { name: 'login', limit: 2, windowMs: 1_000 };

describe('the rate limit store in memory', () => {
  it('says to the millisecond when a refused call could pass', async () => {
    let now = 5_000;
    const store = new MemoryRateLimitStore(() => now);
    await store.take(rule, 'anna');
    now = 5_400;
    await store.take(rule, 'anna');
    now = 5_600;
    expect(await store.take(rule, 'anna')).toEqual({ before: 2, retryAfterMs: 400, resetMs: 400 });
    now = 5_999;
    expect(await store.take(rule, 'anna')).toEqual({ before: 2, retryAfterMs: 1, resetMs: 1 });
    now = 6_000;
    expect(await store.take(rule, 'anna')).toMatchObject({ before: 1, retryAfterMs: 0 });
    expect(await store.take(rule, 'anna')).toEqual({ before: 2, retryAfterMs: 400, resetMs: 400 });
  });

  it('forgets identities whose calls have all left the window', async () => {
    let now = 0;
    const store = new MemoryRateLimitStore(() => now);
    for (let index = 0; index < 10_000; index++) await store.take(rule, `identity-${index}`);
    now = 600;
    await store.take(rule, 'identity-7');
    expect(store.size).toBe(10_000);
    now = 1_100;
    await store.take(rule, 'somebody else');
    expect(store.size).toBe(2);
  });

  it('refuses every call under a limit of zero', async () => {
    const store = new MemoryRateLimitStore();
    expect((await store.take({ ...rule, limit: 0 }, 'anna')).retryAfterMs).toBe(1_000);
    expect(store.size).toBe(0);
  });
});
