import { describe, expect, it } from '@jest/globals';
import { Unavailable } from '../../../kernel/errors.js';
import type { Transcript } from '../messages/reply-transcript.js';
import { Checkpoints, type CheckpointsNeeds } from './checkpoints.js';

const transcript = (text: string): Transcript => ({ text, deltaEnds: [text.length], parts: null });

/** @param stored those that the statement for several stores, of what it is given; or what it throws */
function setUp(stored: (ids: readonly string[]) => readonly string[] = (ids) => ids) {
  const statements: (readonly string[])[] = [];
  const ended = new Set<string>();
  const due: (() => void)[] = [];
  const needs: CheckpointsNeeds = {
    replies: {
      checkpoint(id) {
        statements.push([id]);
        return Promise.resolve(!ended.has(id));
      },
      async checkpointAll(checkpoints) {
        await Promise.resolve();
        const ids = checkpoints.map(({ id }) => id);
        statements.push(ids);
        return new Set(stored(ids));
      },
    },
    timers: {
      after(_milliseconds, run) {
        due.push(run);
        return () => undefined;
      },
    },
  };
  const checkpoints = new Checkpoints(needs);
  const store = (...ids: readonly string[]) => {
    const answers = Promise.allSettled(ids.map((id) => checkpoints.store(id, transcript(id))));
    for (const run of due.splice(0)) run();
    return answers.then((settled) =>
      settled.map((one) => (one.status === 'fulfilled' ? one.value : (one.reason as unknown))),
    );
  };
  return { statements, ended, store };
}

describe('checkpoints that are due together', () => {
  it('are one statement, and one alone is its own', async () => {
    const { statements, store } = setUp();
    expect(await store('a', 'b', 'c')).toEqual([true, true, true]);
    expect(await store('a')).toEqual([true]);
    expect(statements).toEqual([['a', 'b', 'c'], ['a']]);
  });

  it('are stored by themselves where the statement left them out, and told when they have ended', async () => {
    const { statements, ended, store } = setUp((ids) => ids.filter((id) => id === 'b'));
    ended.add('c');
    expect(await store('a', 'b', 'c')).toEqual([true, true, false]);
    expect(statements).toEqual([['a', 'b', 'c'], ['a'], ['c']]);
  });

  it('are stored by themselves when one of them makes the statement fail', async () => {
    const { statements, store } = setUp(() => {
      throw new Error('invalid input');
    });
    expect(await store('a', 'b')).toEqual([true, true]);
    expect(statements).toEqual([['a', 'b'], ['a'], ['b']]);
  });

  it('fail together while the database is away', async () => {
    const away = new Unavailable('away');
    const { statements, store } = setUp(() => {
      throw away;
    });
    expect(await store('a', 'b')).toEqual([away, away]);
    expect(statements).toHaveLength(1);
  });

  it('are several statements where there is much', async () => {
    const { statements, store } = setUp();
    const long = Array.from({ length: 3 }, (_, index) => String(index).repeat(300_000));
    expect(await store(...long)).toEqual([true, true, true]);
    await store(...Array.from({ length: 250 }, (_, index) => `id${index}`));
    expect(statements.map((ids) => ids.length)).toEqual([1, 1, 1, 100, 100, 50]);
  });
});
