import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabases, type TestDatabase } from '../../../test/support/database.js';
import { PostgresRateLimitStore } from './postgres-rate-limit-store.js';

const rule = { name: 'login', limit: 2, windowMs: 60_000 };

describe.each(testDatabases())('the rate limits in the database ($name)', ({ open }) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await open();
  });
  afterAll(() => database.drop());

  it('repeat a refusal from memory, for its identity and rule alone', async () => {
    let asked = 0;
    const query: TestDatabase['query'] = (...call) => {
      asked += 1;
      return database.query(...call);
    };
    const store = new PostgresRateLimitStore({ query, beside: (work) => work() });
    for (let call = 0; call < 3; call++) await store.take(rule, 'anna');
    expect(asked).toBe(3);
    for (let call = 0; call < 10; call++) {
      const { before, retryAfterMs } = await store.take(rule, 'anna');
      expect(before).toBe(2);
      expect(retryAfterMs).toBeGreaterThan(50_000);
      expect(retryAfterMs).toBeLessThanOrEqual(60_000);
    }
    expect(asked).toBe(3);
    expect((await store.take(rule, 'bert')).before).toBe(0);
    expect((await store.take({ ...rule, name: 'other' }, 'anna')).before).toBe(0);
    expect(asked).toBe(5);
  });

  it.each([
    ['forward', '-2 hours'],
    ['back', '2 hours'],
  ])('admit calls again after the clock was set %s', async (direction, shift) => {
    const identity = `of a clock set ${direction}`;
    const take = () => new PostgresRateLimitStore(database).take(rule, identity);
    for (let call = 0; call < 3; call++) await take();
    expect((await take()).retryAfterMs).toBeGreaterThan(0);
    await database.query(
      `UPDATE rate_limits SET expires_at = expires_at + $1::interval,
         calls = ARRAY(SELECT call + $1::interval FROM unnest(calls) AS call)`,
      [shift],
    );
    expect(await take()).toMatchObject({ before: 0, retryAfterMs: 0 });
    const { resetMs } = await take();
    expect(resetMs).toBeLessThanOrEqual(60_000);
  });
});
