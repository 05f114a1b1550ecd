import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../test/support/eventually.js';
import { testDatabases } from '../../../test/support/database.js';
import { PgBossJobQueue } from './pg-boss-job-queue.js';

const QUEUE = 'tests';

describe.each(testDatabases())('the job queue ($name)', (kind) => {
  let database: Awaited<ReturnType<typeof kind.open>>;
  const warnings: object[] = [];
  const ignore = () => undefined;
  const log = { info: ignore, error: ignore, warn: (fields: object) => warnings.push(fields) };
  const open = (options: { readonly pollSeconds?: number } = {}) =>
    PgBossJobQueue.open({ database: Object.assign(database, { embedded: kind.name === 'embedded' }), log, ...options });

  beforeEach(async () => {
    database = await kind.open();
    warnings.length = 0;
  });
  afterEach(() => database.drop());

  const heard = (list: readonly unknown[], length: number) =>
    eventually(
      () => Promise.resolve(list),
      (present) => present.length >= length,
    );

  it('does jobs one after the other, in the order in which they were added, at once', async () => {
    // With so long a polling interval, only a queue that is notified of its jobs sees all of them in time.
    const queue = await open({ pollSeconds: 3_600 });
    const done: unknown[] = [];
    let atWork = 0;
    await queue.work(QUEUE, async (data) => {
      expect(++atWork).toBe(1);
      await new Promise((resolve) => setImmediate(resolve));
      done.push(data);
      atWork--;
    });
    for (let number = 0; number < 20; number++) await queue.add(QUEUE, { number });
    await heard(done, 20);
    expect(done).toEqual(Array.from({ length: 20 }, (_, number) => ({ number })));
    await queue.close();
  });

  it('keeps jobs that nobody did, over a restart', async () => {
    const first = await open();
    await first.add(QUEUE, { number: 1 });
    await first.add(QUEUE, { number: 2 });
    await first.close();
    const second = await open();
    const done: unknown[] = [];
    await second.work(QUEUE, (data) => {
      done.push(data);
      return Promise.resolve();
    });
    await heard(done, 2);
    await second.close();
  });

  it('tries a job again that failed, and goes on with the others meanwhile', async () => {
    const queue = await open();
    const tries: unknown[] = [];
    await queue.work(QUEUE, (data) => {
      tries.push(data);
      return tries.length === 1 ? Promise.reject(new Error('not yet')) : Promise.resolve();
    });
    await queue.add(QUEUE, { number: 1 });
    await queue.add(QUEUE, { number: 2 });
    await heard(tries, 3);
    expect(tries).toEqual([{ number: 1 }, { number: 2 }, { number: 1 }]);
    expect(warnings).toEqual([{ queue: QUEUE, reason: 'not yet' }]);
    await queue.close();
  });

  it('leaves its connection usable when a script of its own fails half-way', async () => {
    const script = 'BEGIN; SELECT 1 AS one; SELECT 1 / 0; COMMIT;';
    await expect(database.transaction((sql) => sql.query(script))).rejects.toThrow('division by zero');
    await expect(database.query('BEGIN; SELECT 1 AS one; SELECT 2 AS one; COMMIT;')).resolves.toMatchObject({
      rows: [{ one: 1 }, { one: 2 }],
    });
  });
});
