import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { testDatabases } from '../../../../test/support/database.js';
import { newId } from '../../../kernel/ids.js';
import type { Sql } from '../../../ports/database.js';
import { EventFeedsRepository } from './event-feeds.repository.js';
import { FeedFollower } from './feed-follower.js';
import { FeedWatch } from './feed-watch.js';

/** A watch whose looks the test calls for, on a database of its making. */
function watching() {
  const closing = new AbortController();
  const state = {
    last: 0,
    news: [] as (readonly [feedId: string, last: number])[],
    backend: 'one',
    isDown: false,
    /** The feeds whose last numbers were asked for. */
    asked: [] as (readonly string[])[],
    onAsk: (): void => undefined,
  };
  let wake: () => void = () => undefined;
  const watch = new FeedWatch({
    repository: {
      newsSince: (mark) => {
        const news = mark === null ? [] : state.news;
        return Promise.resolve({
          mark: '7',
          backend: state.backend,
          feedIds: news.map(([feedId]) => feedId),
          lasts: news.map(([, last]) => last),
        });
      },
      lasts: async (ids) => {
        state.asked.push(ids);
        state.onAsk();
        await Promise.resolve();
        if (state.isDown) throw new Error('the database is away');
        return new Map(ids.map((id) => [id, state.last]));
      },
    },
    timers: { now: () => 0, sleep: () => new Promise((resolve) => (wake = resolve)), after: () => () => undefined },
    closing: closing.signal,
  });
  const look = async () => {
    wake();
    await turn();
  };
  return { watch, state, look };
}

describe('FeedWatch', () => {
  const followers = () => [new FeedFollower(newId()), new FeedFollower(newId())] as const;
  const idsOf = (...those: readonly { readonly feedId: string }[]) => those.map(({ feedId }) => feedId);

  it('asks about followers once, and then tells those whose feed has something new', async () => {
    const { watch, state, look } = watching();
    const [one, two] = followers();
    const another = new FeedFollower(one.feedId);
    for (const follower of [one, two, another]) watch.enter(follower);
    state.last = 5;
    for (let looks = 0; looks < 3; looks++) await look();
    expect(state.asked).toEqual([idsOf(one, two)]);
    state.news = [
      [one.feedId, 6],
      [newId(), 9],
      [one.feedId, 7],
    ];
    await look();
    expect([one, two, another].map(({ last }) => last)).toEqual([7, 5, 7]);
    watch.leave(one);
    state.news = [[one.feedId, 8]];
    await look();
    expect([one, two, another].map(({ last }) => last)).toEqual([7, 5, 8]);
    expect(state.asked).toHaveLength(1);
  });

  it('asks about those who have come, also while it asked', async () => {
    const { watch, state, look } = watching();
    const [one, two] = followers();
    watch.enter(one);
    state.onAsk = () => {
      state.onAsk = () => undefined;
      watch.enter(two);
    };
    for (let looks = 0; looks < 3; looks++) await look();
    expect(state.asked).toEqual([idsOf(one), idsOf(two)]);
  });

  it('asks about those who have come again where it could not', async () => {
    const { watch, state, look } = watching();
    const [one, two] = followers();
    watch.enter(one);
    await look();
    watch.enter(two);
    state.isDown = true;
    await look();
    state.isDown = false;
    for (let looks = 0; looks < 3; looks++) await look();
    expect(state.asked).toEqual([idsOf(one), idsOf(two), idsOf(one, two)]);
  });

  it('asks about all where another process of the database answers', async () => {
    const { watch, state, look } = watching();
    const [one, two] = followers();
    watch.enter(one);
    watch.enter(two);
    for (const backend of ['one', 'two', 'two', 'one']) {
      state.backend = backend;
      await look();
    }
    expect(state.asked).toEqual([idsOf(one, two), idsOf(one, two)]);
  });

  it('asks about all where more is new than is told', async () => {
    const { watch, state, look } = watching();
    const [one, two] = followers();
    watch.enter(one);
    watch.enter(two);
    await look();
    state.last = 3;
    state.news = Array.from({ length: 1_001 }, () => [two.feedId, 2] as const);
    await look();
    expect(state.asked).toEqual([idsOf(one, two), idsOf(one, two)]);
    expect([one.last, two.last]).toEqual([3, 3]);
  });
});

describe.each(testDatabases())('news of feeds ($name)', ({ name, open }) => {
  let database: Awaited<ReturnType<typeof open>>;
  let repository: EventFeedsRepository;
  beforeAll(async () => {
    database = await open();
    repository = new EventFeedsRepository(database);
  });
  afterAll(() => database.drop());

  const add = (sql: Sql, id: string, many = 1) =>
    repository.add(sql, [
      { feed: { id, topic: id }, events: Array.from({ length: many }, () => ({ type: 'updated' })) },
    ]);
  /** What is told of these feeds alone: a transaction of another database of the server may have older events told again. */
  const told = async (mark: string, ...feeds: readonly string[]) => {
    const { feedIds, lasts } = await repository.newsSince(mark, 1_000);
    return feedIds.map((id, index) => [id, lasts[index]] as const).filter(([id]) => feeds.includes(id));
  };
  const marked = async () => (await repository.newsSince(null, 1_000)).mark;

  it('are each event that was added since', async () => {
    const [feed, other] = [newId(), newId()];
    await add(database, feed);
    const mark = await marked();
    await add(database, feed, 2);
    await database.transaction(async (sql) => {
      await add(sql, other);
      await add(sql, feed);
    });
    const all = await told(mark, feed, other);
    expect(all.filter(([id, last]) => id === other || Number(last) > 1)).toEqual([
      [feed, 2],
      [feed, 3],
      [other, 1],
      [feed, 4],
    ]);
  });

  it('are not more than were asked for', async () => {
    const mark = await marked();
    await add(database, newId(), 4);
    expect((await repository.newsSince(mark, 3)).lasts).toHaveLength(3);
  });

  it('are none that came from another server, with numbers that no transaction has had yet', async () => {
    const [feed, mark] = [newId(), await marked()];
    await database.query(
      `INSERT INTO feed_events (feed_id, sequence, event, created_at, transaction_id) VALUES ($1, 1, '{}', now(), 1e15)`,
      [feed],
    );
    expect(await told(mark, feed)).toEqual([]);
  });

  // The embedded database has one connection: nobody looks while a transaction is open.
  const withTwo = name === 'embedded' ? it.skip : it;
  withTwo('are those of a transaction that is committed late, among those of others', async () => {
    const [late, other] = [newId(), newId()];
    const [begun, committed] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const transaction = database.transaction(async (sql) => {
      await add(sql, late);
      begun.resolve(undefined);
      await committed.promise;
    });
    await begun.promise;
    let mark: string;
    try {
      await add(database, other);
      mark = await marked();
    } finally {
      committed.resolve(undefined);
      await transaction;
    }
    expect(await told(mark, late)).toEqual([[late, 1]]);
  });
});
