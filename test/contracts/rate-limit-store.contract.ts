import { setTimeout as sleep } from 'node:timers/promises';
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { RateLimitStore } from '../../src/ports/rate-limit-store.js';
import type { RateLimitRule } from '../../src/ports/rate-limiter.js';

interface OpenedRateLimitStore {
  readonly store: RateLimitStore;
  close(): Promise<void>;
}

const MINUTE = 60_000;

/** The contract of every rate limit store, on its real clock. */
export function rateLimitStoreContract(name: string, open: () => Promise<OpenedRateLimitStore>): void {
  describe(`the rate limit store port, by ${name}`, () => {
    let opened: OpenedRateLimitStore;
    let store: RateLimitStore;
    let rule: RateLimitRule;
    beforeEach(async () => {
      opened = await open();
      store = opened.store;
      rule = { name: `rule-${randomUUID()}`, limit: 3, windowMs: MINUTE };
    });
    afterEach(() => opened.close());

    it('counts the calls before each one, up to the limit', async () => {
      const start = performance.now();
      for (const before of [0, 1, 2]) {
        const verdict = await store.take(rule, 'anna');
        expect(verdict).toEqual({ before, retryAfterMs: 0, resetMs: expect.any(Number) });
        // The oldest call leaves the window first, however many follow it.
        expect(verdict.resetMs).toBeLessThanOrEqual(MINUTE);
        expect(verdict.resetMs).toBeGreaterThanOrEqual(MINUTE - (performance.now() - start) - 1);
      }
    });

    it('refuses further calls without counting them, and says when the next could pass', async () => {
      for (let call = 0; call < 3; call++) await store.take(rule, 'anna');
      for (let call = 0; call < 5; call++) {
        const { before, retryAfterMs, resetMs } = await store.take(rule, 'anna');
        expect(resetMs).toBe(retryAfterMs);
        expect(before).toBe(3);
        expect(retryAfterMs).toBeGreaterThan(MINUTE - 10_000);
        expect(retryAfterMs).toBeLessThanOrEqual(MINUTE);
      }
    });

    it('lets exactly the limit pass of many calls at once', async () => {
      const verdicts = await Promise.all(Array.from({ length: 100 }, () => store.take({ ...rule, limit: 10 }, 'anna')));
      expect(verdicts.filter(({ retryAfterMs }) => retryAfterMs === 0)).toHaveLength(10);
      expect(verdicts.filter(({ before }) => before >= 10)).toHaveLength(90);
    });

    it('counts each identity and each rule by itself', async () => {
      for (let call = 0; call < 3; call++) await store.take(rule, 'anna');
      expect((await store.take(rule, 'bert')).before).toBe(0);
      expect((await store.take({ ...rule, name: `${rule.name}-2` }, 'anna')).before).toBe(0);
      expect((await store.take(rule, 'anna')).before).toBe(3);
    });

    it('takes any text for an identity', async () => {
      for (const identity of ['', 'a}b{c:*', '😀\u0000', 'x'.repeat(100_000), '__proto__']) {
        expect((await store.take(rule, identity)).before).toBe(0);
        expect((await store.take(rule, identity)).before).toBe(1);
      }
    });

    /** False when the calls took so long that they left the window before they could be checked. */
    const slides = async (short: RateLimitRule): Promise<boolean> => {
      const start = performance.now();
      const elapsed = () => performance.now() - start;
      await store.take(short, 'anna');
      await sleep(short.windowMs / 2);
      await store.take(short, 'anna');
      await store.take(short, 'anna');
      const refused = await store.take(short, 'anna');
      if (elapsed() >= short.windowMs) return false;
      expect(refused).toEqual({ before: 3, retryAfterMs: expect.any(Number), resetMs: refused.retryAfterMs });
      await sleep(refused.retryAfterMs + 2);
      const passed = await store.take(short, 'anna');
      const next = await store.take(short, 'anna');
      if (elapsed() >= 1.5 * short.windowMs) return false;
      expect(passed).toEqual({ before: 2, retryAfterMs: 0, resetMs: expect.any(Number) });
      expect(next.before).toBe(3);
      return true;
    };

    it('slides: one call passes when the oldest has left the window, as soon as the store said', async () => {
      let windowMs = 1_500;
      // The store uses its own clock. On a busy machine, the calls need a longer window.
      while (!(await slides({ ...rule, name: `${rule.name}-${windowMs}`, windowMs }))) windowMs *= 2;
    });

    it('obeys a limit that was lowered meanwhile', async () => {
      for (let call = 0; call < 3; call++) await store.take(rule, 'anna');
      const { before, retryAfterMs } = await store.take({ ...rule, limit: 1 }, 'anna');
      expect(before).toBe(3);
      expect(retryAfterMs).toBeGreaterThan(MINUTE - 10_000);
    });
  });
}
