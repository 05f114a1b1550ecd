import { describe, expect, it, jest } from '@jest/globals';
import { EventEmitter, once } from 'node:events';
import { newId } from '../../../kernel/ids.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { SessionWatch } from './session-watch.js';
import type { Watched } from './sessions.repository.js';

const viewerOf = (overrides: Partial<Viewer> = {}): Viewer => ({
  userId: newId(),
  isAdmin: false,
  plan: 'free',
  sessionId: newId(),
  isInternal: false,
  client: { ipAddress: null, userAgent: null },
  ...overrides,
});

/** A watch on a fake database, whose answers and failures the test controls. */
function watching() {
  const events = new EventEmitter();
  const ended = new Set<string>();
  const warnings: string[] = [];
  const state = {
    time: 0,
    isDown: false,
    isSilent: false,
    /** The process of the database that answers, and what it says without an end. */
    backend: '1',
    noted: [] as string[],
    nextExpiry: null as Date | null,
    looks: 0,
    asked: [] as Watched[],
    askedTokens: [] as (readonly string[])[],
    onAsk: (): void => undefined,
  };
  const watch = new SessionWatch({
    repository: {
      endsSince: async (mark) => {
        state.looks += 1;
        await Promise.resolve();
        setImmediate(() => events.emit('looked'));
        if (state.isSilent) await new Promise(() => undefined);
        if (state.isDown) throw new Error('the database is away');
        const ids = mark === null ? [] : [...[...ended].slice(Number(mark)), ...state.noted];
        return { mark: String(ended.size), backend: state.backend, ids };
      },
      findEnded: (watched) => {
        state.asked.push(watched);
        state.onAsk();
        const ids = [...watched.sessionIds, ...watched.userIds].filter((id) => ended.has(id));
        return Promise.resolve({ ids, nextExpiry: state.nextExpiry });
      },
    },
    personalTokens: {
      findEnded: (ids) => {
        state.askedTokens.push(ids);
        return Promise.resolve(ids.filter((id) => ended.has(id)));
      },
    },
    clock: { now: () => new Date(state.time) },
    log: { warn: (_, message) => warnings.push(message) },
    intervalMs: 1,
  });
  return { watch, ended, warnings, state, looked: () => once(events, 'looked') };
}

/** An async iterable whose values and end the test controls. */
function source() {
  const waiting: ((result: IteratorResult<number>) => void)[] = [];
  const calls: string[] = [];
  const iterator: AsyncIterator<number> = {
    next: () => new Promise((resolve) => waiting.push(resolve)),
    return: () => {
      calls.push('return');
      for (const resolve of waiting) resolve({ done: true, value: undefined });
      return Promise.resolve({ done: true, value: undefined });
    },
  };
  const settle = (result: IteratorResult<number>) => waiting.shift()?.(result);
  return {
    calls,
    say: (value: number) => settle({ done: false, value }),
    end: () => settle({ done: true, value: undefined }),
    iterable: { [Symbol.asyncIterator]: () => iterator },
  };
}

describe('SessionWatch', () => {
  it('passes on what the source says, and its end', async () => {
    const { watch } = watching();
    const { say, end, iterable } = source();
    const stream = watch.endWhenRevoked(() => viewerOf(), iterable);
    const [first, second, last] = [stream.next(), stream.next(), stream.next()];
    say(1);
    say(2);
    end();
    await expect(Promise.all([first, second, last])).resolves.toEqual([
      { done: false, value: 1 },
      { done: false, value: 2 },
      { done: true, value: undefined },
    ]);
    await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
  });

  it('passes on an error of the source', async () => {
    const { watch } = watching();
    async function* failing() {
      yield await Promise.resolve(1);
      throw new Error('broken');
    }
    const stream = watch.endWhenRevoked(() => viewerOf(), failing());
    await stream.next();
    await expect(stream.next()).rejects.toThrow('broken');
    await expect(stream.next()).resolves.toMatchObject({ done: true });
  });

  it('ends a silent stream of a session that has ended, once, and leaves the others', async () => {
    const { watch, ended, looked } = watching();
    const [viewer, other] = [viewerOf(), viewerOf()];
    const [one, two] = [source(), source()];
    const stream = watch.endWhenRevoked(() => viewer, one.iterable);
    const otherNext = watch.endWhenRevoked(() => other, two.iterable).next();
    const next = stream.next();
    ended.add(viewer.sessionId ?? '');
    await expect(next).rejects.toThrow('Invalid token');
    expect(one.calls).toEqual(['return']);
    await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
    await looked();
    two.say(7);
    await expect(otherNext).resolves.toEqual({ done: false, value: 7 });
    expect(two.calls).toEqual([]);
  });

  it('tells a consumer who was not waiting at the next call', async () => {
    const { watch, ended, looked } = watching();
    const viewer = viewerOf();
    const { iterable, calls } = source();
    const stream = watch.endWhenRevoked(() => viewer, iterable);
    ended.add(viewer.sessionId ?? '');
    await looked();
    expect(calls).toEqual(['return']);
    await expect(stream.next()).rejects.toThrow('Invalid token');
    await expect(stream.next()).resolves.toMatchObject({ done: true });
  });

  it('ends a stream when the access token expires', async () => {
    const { watch, state } = watching();
    const next = watch.endWhenRevoked(() => viewerOf({ expiresAt: new Date(1000) }), source().iterable).next();
    state.time = 1000;
    await expect(next).rejects.toThrow('Invalid token');
  });

  it('ends a stream when the access token expires, also while the database does not answer', async () => {
    const { watch, state } = watching();
    state.isSilent = true;
    watch.endWhenRevoked(() => viewerOf(), source().iterable);
    watch.recheck();
    const next = watch.endWhenRevoked(() => viewerOf({ expiresAt: new Date(1000) }), source().iterable).next();
    state.time = 1000;
    await expect(next).rejects.toThrow('Invalid token');
    watch.close();
  });

  it('says once why something that it follows is over, and not after it was told to stop', async () => {
    const { watch, ended, state, looked } = watching();
    const [expiring, revoked, stopped] = [viewerOf({ expiresAt: new Date(1000) }), viewerOf(), viewerOf()];
    const said: string[] = [];
    for (const [name, viewer] of Object.entries({ expiring, revoked, stopped })) {
      const stop = watch.follow(
        () => viewer,
        (why) => said.push(`${name} ${why}`),
      );
      if (viewer === stopped) stop();
    }
    ended.add(revoked.sessionId ?? '').add(stopped.sessionId ?? '');
    await looked();
    state.time = 1000;
    watch.follow(viewerOf, () => undefined);
    await looked();
    await looked();
    expect(said).toEqual(['revoked ended', 'expiring expired']);
    watch.close();
  });

  it('leaves alone what was renewed in another session while the database was asked about the first', async () => {
    const { watch, ended, state, looked } = watching();
    const first = viewerOf();
    const renewed = viewerOf({ userId: first.userId });
    let latest = first;
    const over: string[] = [];
    watch.follow(
      () => latest,
      (why) => over.push(why),
    );
    ended.add(first.sessionId ?? '');
    state.onAsk = () => {
      latest = renewed;
      watch.renewed(first.userId);
    };
    await looked();
    await looked();
    expect(state.asked.slice(0, 2).map(({ sessionIds }) => sessionIds)).toEqual([
      [first.sessionId],
      [renewed.sessionId],
    ]);
    expect(over).toEqual([]);
    watch.close();
  });

  it('goes by the latest token of what it follows', async () => {
    const { watch, ended, state, looked } = watching();
    const first = viewerOf({ expiresAt: new Date(1000) });
    const renewed = viewerOf({ userId: first.userId, expiresAt: new Date(2000) });
    let latest = first;
    const over: string[] = [];
    const isOver = new Promise((resolve) => {
      watch.follow(
        () => latest,
        (why) => {
          resolve(over.push(why));
        },
      );
    });
    await looked();
    latest = renewed;
    watch.renewed(first.userId);
    ended.add(first.sessionId ?? '');
    state.time = 1999;
    await looked();
    await looked();
    expect(over).toEqual([]);
    expect(state.asked.at(-1)?.sessionIds).toEqual([renewed.sessionId]);
    ended.add(renewed.sessionId ?? '');
    await isOver;
    expect(over).toEqual(['ended']);
  });

  it('asks once for all streams, by session or, of an internal call, by user', async () => {
    const { watch, state, looked } = watching();
    const [viewer, internal] = [viewerOf(), viewerOf({ sessionId: null, isInternal: true })];
    for (const who of [viewer, viewer, internal]) void watch.endWhenRevoked(() => who, source().iterable).next();
    await looked();
    expect(state.asked[0]).toEqual({ sessionIds: [viewer.sessionId], userIds: [internal.userId] });
    watch.close();
  });

  it('asks whose they are at the opening and at a renewal alone, however often it looks', async () => {
    const { watch, state, looked } = watching();
    const viewer = viewerOf();
    let asked = 0;
    watch.follow(
      () => {
        asked += 1;
        return viewer;
      },
      () => undefined,
    );
    for (let look = 0; look < 3; look += 1) await looked();
    expect(asked).toBe(1);
    watch.renewed(newId());
    expect(asked).toBe(1);
    watch.renewed(viewer.userId);
    await looked();
    expect(asked).toBe(2);
    expect(state.asked.at(-1)).toEqual({ sessionIds: [viewer.sessionId], userIds: [] });
    watch.close();
  });

  it('ends what a renewal lets expire sooner', async () => {
    const { watch, state, looked } = watching();
    let latest = viewerOf({ expiresAt: new Date(2000) });
    const over: string[] = [];
    watch.follow(
      () => latest,
      (why) => over.push(why),
    );
    await looked();
    latest = viewerOf({ userId: latest.userId, expiresAt: new Date(1000) });
    watch.renewed(latest.userId);
    state.time = 1500;
    watch.follow(viewerOf, () => undefined);
    await looked();
    await looked();
    expect(over).toEqual(['expired']);
    watch.close();
  });

  describe('while many are open', () => {
    const [one, two] = [viewerOf(), viewerOf()];
    const holder = viewerOf({ sessionId: null, token: { id: newId(), scopes: [] } });
    const all = [one.sessionId, two.sessionId];

    const following = async () => {
      const parts = watching();
      const over: Viewer[] = [];
      const follow = (viewer: Viewer) =>
        parts.watch.follow(
          () => viewer,
          () => over.push(viewer),
        );
      for (const viewer of [one, two, holder]) follow(viewer);
      await parts.looked();
      const { state } = parts;
      expect([state.asked.map(({ sessionIds }) => sessionIds), state.askedTokens]).toEqual([
        [all],
        [[holder.token?.id]],
      ]);
      state.asked.length = 0;
      state.askedTokens.length = 0;
      return { ...parts, follow, over };
    };

    it('asks about none of them as long as nothing has ended', async () => {
      const { watch, state, looked } = await following();
      for (let look = 0; look < 5; look += 1) await looked();
      expect([state.asked, state.askedTokens]).toEqual([[], []]);
      watch.close();
    });

    it('asks about one that has opened', async () => {
      const { watch, state, looked, follow, over, ended } = await following();
      const other = viewerOf();
      // Noted before the look that came before it opened.
      ended.add(other.sessionId ?? '');
      await looked();
      follow(other);
      await looked();
      expect(state.asked).toEqual([{ sessionIds: [other.sessionId], userIds: [] }]);
      expect(over).toEqual([other]);
      watch.close();
    });

    it('asks about those whose session, token or user may have ended', async () => {
      const { watch, state, looked, over } = await following();
      state.noted = [one.sessionId ?? '', newId()];
      await looked();
      state.noted = [two.userId];
      await looked();
      state.noted = [holder.token?.id ?? ''];
      await looked();
      state.noted = [holder.userId];
      await looked();
      state.noted = [];
      await looked();
      expect(state.asked.map(({ sessionIds }) => sessionIds)).toEqual([[one.sessionId], [two.sessionId]]);
      expect(state.askedTokens).toEqual([[holder.token?.id], [holder.token?.id]]);
      expect(over).toEqual([]);
      watch.close();
    });

    const wholeLooks: Readonly<Record<string, (state: ReturnType<typeof watching>['state']) => void>> = {
      'a table was emptied': ({ noted }) => {
        noted.push('00000000-0000-0000-0000-000000000000');
      },
      'more has ended than is told': ({ noted }) => {
        noted.push(...Array.from({ length: 1_001 }, newId));
      },
      'a process of the database answers that did not before': (state) => {
        state.backend = '2';
      },
      'one of their sessions expires': (state) => {
        state.time = 5_000;
      },
    };
    it.each(Object.entries(wholeLooks))('asks about all where %s', async (_, happen) => {
      const { watch, state, looked, follow } = await following();
      state.nextExpiry = new Date(5_000);
      follow(viewerOf());
      await looked();
      state.nextExpiry = null;
      state.asked.length = 0;
      happen(state);
      await looked();
      state.noted.length = 0;
      await looked();
      expect(state.asked.map(({ sessionIds }) => sessionIds.slice(0, 2))).toEqual([all]);
      watch.close();
    });

    it('asks about all once the database is back', async () => {
      const { watch, state, looked } = await following();
      state.isDown = true;
      await looked();
      state.isDown = false;
      await looked();
      expect(state.asked.map(({ sessionIds }) => sessionIds)).toEqual([all]);
      watch.close();
    });

    it('asks about all at every sixtieth look, whatever is noted', async () => {
      const { watch, state, looked } = await following();
      const { looks } = state;
      while (state.asked.length === 0) await looked();
      expect(state.looks - looks).toBe(61);
      watch.close();
    });
  });

  it('asks nothing when no stream is open any more', async () => {
    const { watch, state, looked } = watching();
    const { iterable, calls } = source();
    const stream = watch.endWhenRevoked(() => viewerOf(), iterable);
    await looked();
    await stream.return?.();
    expect(calls).toEqual(['return']);
    const { looks } = state;
    watch.recheck();
    expect(state.looks).toBe(looks);
  });

  it('lets streams go on while the database is away, says so once, and ends them when it is back', async () => {
    const { watch, ended, warnings, state, looked } = watching();
    const viewer = viewerOf();
    ended.add(viewer.sessionId ?? '');
    state.isDown = true;
    const { say, iterable } = source();
    const stream = watch.endWhenRevoked(() => viewer, iterable);
    const first = stream.next();
    await looked();
    await looked();
    say(1);
    await expect(first).resolves.toEqual({ done: false, value: 1 });
    expect(warnings).toHaveLength(1);
    const next = stream.next();
    state.isDown = false;
    await expect(next).rejects.toThrow('Invalid token');
  });
});

it('looks twice a second unless told otherwise', async () => {
  jest.useFakeTimers();
  let looks = 0;
  const watch = new SessionWatch({
    repository: {
      endsSince: () => {
        looks += 1;
        return Promise.resolve({ mark: '1', backend: '1', ids: [] });
      },
      findEnded: () => Promise.resolve({ ids: [], nextExpiry: null }),
    },
    personalTokens: { findEnded: () => Promise.resolve([]) },
    clock: { now: () => new Date(0) },
    log: { warn: () => undefined },
  });
  const viewer = viewerOf();
  watch.follow(
    () => viewer,
    () => undefined,
  );
  await jest.advanceTimersByTimeAsync(999);
  expect(looks).toBe(1);
  await jest.advanceTimersByTimeAsync(1);
  expect(looks).toBe(2);
  watch.close();
  jest.useRealTimers();
});
