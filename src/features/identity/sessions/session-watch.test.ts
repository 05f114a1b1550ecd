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
    asked: [] as Watched[],
    askedTokens: [] as (readonly string[])[],
    onAsk: (): void => undefined,
  };
  const watch = new SessionWatch({
    repository: {
      findEnded: async (watched) => {
        state.asked.push(watched);
        state.onAsk();
        await Promise.resolve();
        setImmediate(() => events.emit('looked'));
        if (state.isSilent) await new Promise(() => undefined);
        if (state.isDown) throw new Error('the database is away');
        return ended;
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

  it('asks nothing when no stream is open any more', async () => {
    const { watch, state, looked } = watching();
    const { iterable, calls } = source();
    const stream = watch.endWhenRevoked(() => viewerOf(), iterable);
    await looked();
    await stream.return?.();
    expect(calls).toEqual(['return']);
    const { length } = state.asked;
    watch.recheck();
    expect(state.asked).toHaveLength(length);
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
      findEnded: () => {
        looks += 1;
        return Promise.resolve(new Set<string>());
      },
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
