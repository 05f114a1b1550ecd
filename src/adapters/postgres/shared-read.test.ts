import { AsyncLocalStorage } from 'node:async_hooks';
import { describe, expect, it } from '@jest/globals';
import { Unavailable } from '../../kernel/errors.js';
import { SharedRead } from './shared-read.js';

const turn = () => new Promise((resolve) => setImmediate(resolve));

/** Answers `value of <key>` but for keys that begin with `no`, and notes the keys of each statement. */
function reader(fail: (keys: readonly string[]) => Error | undefined = () => undefined, most?: number) {
  const asked: (readonly string[])[] = [];
  const read = new SharedRead<string>(
    async (keys) => {
      asked.push(keys);
      await turn();
      const failure = fail(keys);
      if (failure !== undefined) throw failure;
      return new Map(keys.filter((key) => !key.startsWith('no')).map((key) => [key, `value of ${key}`]));
    },
    most === undefined ? {} : { mostKeys: most },
  );
  return { asked, read };
}

describe('SharedRead', () => {
  it('asks once for all calls of a turn, once for each key, and gives each call what is its own', async () => {
    const { asked, read } = reader();
    const answers = await Promise.all(['a', 'b', 'none', 'a', 'c'].map((key) => read.get(key)));
    expect(answers).toEqual(['value of a', 'value of b', null, 'value of a', 'value of c']);
    expect(asked).toEqual([['a', 'b', 'none', 'c']]);
  });

  it('asks anew for a call that comes when the statement is under way', async () => {
    const { asked, read } = reader();
    const first = read.get('a');
    await turn();
    expect(asked).toHaveLength(1);
    const second = read.get('a');
    expect(await Promise.all([first, second])).toEqual(['value of a', 'value of a']);
    expect(asked).toEqual([['a'], ['a']]);
  });

  it('asks for a hundred keys at a time', async () => {
    const { asked, read } = reader();
    const keys = Array.from({ length: 250 }, (_, index) => String(index));
    const answers = await Promise.all(keys.map((key) => read.get(key)));
    expect(answers).toEqual(keys.map((key) => `value of ${key}`));
    expect(asked.map(({ length }) => length)).toEqual([100, 100, 50]);
  });

  it('asks for fewer at a time where it is told to, down to one', async () => {
    for (const [most, parts] of [
      [2, [['a', 'b'], ['c', 'd'], ['e']]],
      [1, [['a'], ['b'], ['c'], ['d'], ['e']]],
    ] as const) {
      const { asked, read } = reader(undefined, most);
      const keys = parts.flat();
      expect(await Promise.all(keys.map((key) => read.get(key)))).toEqual(keys.map((key) => `value of ${key}`));
      await turn();
      expect(asked).toEqual(parts);
    }
  });

  it('tells a failure that is about one key to that call alone', async () => {
    const { read } = reader((keys) => (keys.includes('bad') ? new Error('bad key') : undefined));
    const answers = await Promise.allSettled(['a', 'bad', 'b'].map((key) => read.get(key)));
    expect(
      answers.map((answer) => (answer.status === 'fulfilled' ? answer.value : (answer.reason as Error).message)),
    ).toEqual(['value of a', 'bad key', 'value of b']);
  });

  it('tells every call that the database is away, and does not ask again', async () => {
    const { asked, read } = reader(() => new Unavailable('away'));
    const answers = await Promise.allSettled(['a', 'b'].map((key) => read.get(key)));
    expect(answers.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(asked).toHaveLength(1);
  });

  it('is part of nothing that a call is part of', async () => {
    const scope = new AsyncLocalStorage<string>();
    const seen: (string | undefined)[] = [];
    const read = new SharedRead<string>((keys) => {
      seen.push(scope.getStore());
      return Promise.resolve(new Map(keys.map((key) => [key, key])));
    });
    const ask = (key: string) => scope.run(`call of ${key}`, async () => [await read.get(key), scope.getStore()]);
    expect(await Promise.all([ask('a'), ask('b')])).toEqual([
      ['a', 'call of a'],
      ['b', 'call of b'],
    ]);
    expect(await Promise.all(Array.from({ length: 100 }, (_, index) => ask(`n${index}`)))).toHaveLength(100);
    expect(seen).toEqual(seen.map(() => undefined));
  });
});
