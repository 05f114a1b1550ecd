import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { setImmediate as turn } from 'node:timers/promises';
import { testDatabases } from '../../../../test/support/database.js';
import { newId } from '../../../kernel/ids.js';
import { EventFeedsRepository } from './event-feeds.repository.js';
import { FeedFollower } from './feed-follower.js';
import { FeedWatch } from './feed-watch.js';

/** A watch whose looks the test calls for, on a database of its making. */
function watching() {
  const closing = new AbortController();
  const state = {
    moment: 'one',
    last: 0,
    isDown: false,
    asked: [] as (readonly string[])[],
    onAsk: (): void => undefined,
  };
  let wake: () => void = () => undefined;
  const watch = new FeedWatch({
    repository: {
      moment: () => Promise.resolve(state.moment),
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
  const [one, two] = [new FeedFollower(newId()), new FeedFollower(newId())];
  const first = [one.feedId];
  const both = [one.feedId, two.feedId];

  it('asks about no feed as long as nothing is committed', async () => {
    const { watch, state, look } = watching();
    watch.enter(one);
    for (let looks = 0; looks < 3; looks++) await look();
    expect(state.asked).toEqual([first]);
    state.moment = 'two';
    state.last = 5;
    for (let looks = 0; looks < 3; looks++) await look();
    expect(state.asked).toEqual([first, first]);
    expect(one.last).toBe(5);
  });

  it('asks again once somebody has come, also while it asked', async () => {
    const { watch, state, look } = watching();
    watch.enter(one);
    state.onAsk = () => {
      state.onAsk = () => undefined;
      watch.enter(two);
    };
    for (let looks = 0; looks < 3; looks++) await look();
    expect(state.asked).toEqual([first, both]);
  });

  it('asks again after it could not', async () => {
    const { watch, state, look } = watching();
    watch.enter(one);
    state.isDown = true;
    await look();
    state.isDown = false;
    for (let looks = 0; looks < 3; looks++) await look();
    expect(state.asked).toEqual([first, first]);
  });
});

describe.each(testDatabases())('the moment of the database ($name)', ({ name, open }) => {
  let database: Awaited<ReturnType<typeof open>>;
  let repository: EventFeedsRepository;
  beforeAll(async () => {
    database = await open();
    repository = new EventFeedsRepository(database);
  });
  afterAll(() => database.drop());

  const add = (sql = database as Pick<typeof database, 'query'>) =>
    sql.query('INSERT INTO event_feeds (id, last_sequence) VALUES ($1, 1)', [newId()]);
  // On a server that others use, something is committed all the time.
  const alone = name === 'embedded' ? it : it.skip;
  // The embedded database has one connection: nobody looks while a transaction is open.
  const withTwo = name === 'embedded' ? it.skip : it;

  alone('is the same while nothing is committed', async () => {
    const moment = await repository.moment();
    await database.query('SELECT FROM event_feeds');
    expect(await repository.moment()).toBe(moment);
  });

  it('is another after a commit', async () => {
    const moment = await repository.moment();
    await add();
    expect(await repository.moment()).not.toBe(moment);
  });

  withTwo('is another after a commit of what had begun before', async () => {
    const [begun, committed] = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const transaction = database.transaction(async (sql) => {
      await add(sql);
      begun.resolve(undefined);
      await committed.promise;
    });
    await begun.promise;
    const moment = await repository.moment();
    committed.resolve(undefined);
    await transaction;
    expect(await repository.moment()).not.toBe(moment);
  });
});
