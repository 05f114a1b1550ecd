import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { eventually } from '../../../test/support/eventually.js';
import { testDatabases } from '../../../test/support/database.js';
import { PgBossJobQueue } from './pg-boss-job-queue.js';

const QUEUE = 'tests';

describe.each(testDatabases())('the job queue ($name)', (kind) => {
  let database: Awaited<ReturnType<typeof kind.open>>;
  const warnings: object[] = [];
  const ignore = () => undefined;
  const errors: object[] = [];
  const log = {
    info: ignore,
    error: (fields: object) => errors.push(fields),
    warn: (fields: object) => warnings.push(fields),
  };
  const prepare = (options: { readonly pollSeconds?: number } = {}) =>
    PgBossJobQueue.open({ database: Object.assign(database, { embedded: kind.name === 'embedded' }), log, ...options });
  const open = async (options?: { readonly pollSeconds?: number }) => {
    const queue = await prepare(options);
    await queue.begin();
    return queue;
  };

  beforeEach(async () => {
    database = await kind.open();
    warnings.length = 0;
    errors.length = 0;
  });
  afterEach(() => database.drop());

  const heard = (list: readonly unknown[], length: number) =>
    eventually(
      () => Promise.resolve(list),
      (present) => present.length >= length,
    );

  it('does jobs one after the other, where asked to, in the order in which they were added, at once', async () => {
    // With so long a polling interval, only a queue that is notified of its jobs sees all of them in time.
    const queue = await open({ pollSeconds: 3_600 });
    const done: unknown[] = [];
    let atWork = 0;
    await queue.work(
      QUEUE,
      async (data) => {
        expect(++atWork).toBe(1);
        await new Promise((resolve) => setImmediate(resolve));
        done.push(data);
        atWork--;
      },
      1,
    );
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

  it('takes jobs from when it is told to begin', async () => {
    const queue = await prepare();
    const done: unknown[] = [];
    const [early, late] = ['early', 'late'];
    const work = (name: string) =>
      queue.work(name, (data) => {
        done.push({ [name]: data });
        return Promise.resolve();
      });
    await work(early);
    await queue.add(early, { number: 1 });
    await queue.open(late);
    await queue.add(late, { number: 2 });
    // Those who look for a job do so at once, by statements that come before this one on the embedded database's connection.
    const { rows } = await database.query('SELECT DISTINCT state::text FROM jobs.job');
    expect(rows).toEqual([{ state: 'created' }]);
    await queue.begin();
    await heard(done, 1);
    await work(late);
    await heard(done, 2);
    expect(done).toEqual([{ early: { number: 1 } }, { late: { number: 2 } }]);
    await queue.close();
  });

  it('leaves queues alone that are as they should be, and sets what an earlier release made otherwise', async () => {
    const first = await open();
    await first.open(QUEUE);
    await first.close();
    const queues = async () => {
      const { rows } = await database.query<{ name: string; retry_limit: number; updated_on: Date }>(
        'SELECT name, retry_limit, updated_on FROM jobs.queue ORDER BY name',
      );
      return rows;
    };
    const made = await queues();
    const second = await open();
    await second.open(QUEUE);
    await second.close();
    expect(await queues()).toEqual(made);
    await database.query('UPDATE jobs.queue SET retry_limit = 3 WHERE name = $1', [QUEUE]);
    const third = await open();
    await third.open(QUEUE);
    await third.close();
    expect(await queues()).toMatchObject(made.map(({ name, retry_limit: limit }) => ({ name, retry_limit: limit })));
  });

  it('does again what an instance left undone that is gone', async () => {
    const queue = await open({ pollSeconds: 0.5 });
    await queue.add(QUEUE, { number: 1 });
    await database.query(
      `UPDATE jobs.job SET state = 'active', started_on = now(), heartbeat_on = now() - interval '1 minute' WHERE name = $1`,
      [QUEUE],
    );
    const done: unknown[] = [];
    await queue.work(QUEUE, (data) => {
      done.push(data);
      return Promise.resolve();
    });
    await heard(done, 1);
    expect(done).toEqual([{ number: 1 }]);
    await queue.close();
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
    expect(tries).toHaveLength(3);
    expect(tries).toEqual(expect.arrayContaining([{ number: 1 }, { number: 2 }]));
    expect(warnings).toEqual([{ queue: QUEUE, id: expect.any(String), tries: 1, reason: 'not yet' }]);
    await queue.close();
  });

  it('is not held up by a job that takes long', async () => {
    const queue = await open({ pollSeconds: 3_600 });
    const done: unknown[] = [];
    const slow = Promise.withResolvers<undefined>();
    await queue.work(QUEUE, async (data) => {
      if ((data as { number: number }).number === 0) await slow.promise;
      done.push(data);
    });
    for (let number = 0; number < 8; number++) await queue.add(QUEUE, { number });
    await heard(done, 7);
    expect(done).not.toContainEqual({ number: 0 });
    slow.resolve(undefined);
    await heard(done, 8);
    await queue.close();
  });

  it('says when it gives jobs up, and lists them, the latest first', async () => {
    const queue = await open();
    for (const number of [1, 2]) await queue.add(QUEUE, { number });
    await database.query(`UPDATE jobs.job SET retry_limit = 0 WHERE name = $1`, [QUEUE]);
    const refuse = (data: unknown) => Promise.reject(new Error(`no ${JSON.stringify(data)}`));
    await queue.work(QUEUE, refuse, 1);
    await eventually(
      () => queue.countDead(),
      (count) => count === 2,
    );
    const page = { after: null, offset: 0, size: 10 };
    const [latest, first] = await queue.dead(page);
    expect([latest, first]).toEqual(
      [2, 1].map((number) => ({
        id: expect.any(String),
        queue: QUEUE,
        data: { number },
        reason: `no {"number":${number}}`,
        tries: 1,
        addedAt: expect.any(Date),
        failedAt: expect.any(Date),
      })),
    );
    expect(await queue.dead({ ...page, after: latest?.id ?? null })).toEqual([first]);
    expect(await queue.dead({ ...page, offset: 1 })).toEqual([first]);
    expect(errors).toEqual(
      [1, 2].map((number) => ({ queue: QUEUE, id: expect.any(String), tries: 1, reason: `no {"number":${number}}` })),
    );
    expect(warnings).toEqual([]);
    await queue.close();
  });

  it('has each job that was given up taken once, by its id or with those of its queue', async () => {
    const queue = await open();
    for (let number = 0; number < 4; number++) await queue.add(QUEUE, { number });
    await database.query(`UPDATE jobs.job SET retry_limit = 0 WHERE name = $1`, [QUEUE]);
    await queue.work(QUEUE, () => Promise.reject(new Error('no')), 1);
    await eventually(
      () => queue.countDead(),
      (count) => count === 4,
    );
    const [latest] = await queue.dead({ after: null, offset: 0, size: 1 });
    const id = latest?.id ?? '';
    expect(await queue.findDead(id)).toEqual(latest);
    const take = (which: Parameters<typeof queue.takeDead>[0]) =>
      database.transaction((sql) => queue.takeDead(which, sql));
    const byId = await Promise.all(Array.from({ length: 5 }, () => take({ ids: [id] })));
    expect(byId.flat()).toEqual([latest]);
    expect(await queue.findDead(id)).toBeNull();
    expect(await take({ queue: 'another', size: 10 })).toEqual([]);
    expect(await queue.countDead('another')).toBe(0);
    const ofQueue = await Promise.all(Array.from({ length: 3 }, () => take({ queue: QUEUE, size: 2 })));
    expect(
      ofQueue
        .flat()
        .map(({ data }) => (data as { number: number }).number)
        .sort(),
    ).toEqual([0, 1, 2]);
    expect(await queue.countDead(QUEUE)).toBe(0);
    await queue.close();
  });

  it('says once that it gives up what is no more than welcome, and does not list it', async () => {
    const queue = await open({ pollSeconds: 0.5 });
    const rare = 'rare';
    await queue.open(rare, 'welcome');
    await queue.add(rare, { number: 1 });
    await database.query(`UPDATE jobs.job SET retry_limit = 1 WHERE name = $1`, [rare]);
    await queue.work(rare, () => Promise.reject(new Error('no')));
    await heard(warnings, 1);
    expect(warnings).toEqual([{ queue: rare, id: expect.any(String), tries: 2, reason: 'no' }]);
    expect(errors).toEqual([]);
    expect(await queue.countDead()).toBe(0);
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
