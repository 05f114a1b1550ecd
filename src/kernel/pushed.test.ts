import { describe, expect, it } from '@jest/globals';
import { feedOf, inTurn, PUSH, watched, type Feed, type Receiver } from './pushed.js';

/** A source that pushes what it is given, and notes what its reader does. */
function pushing() {
  const noted: string[] = [];
  const waiting: string[] = [];
  let receiver: Receiver<string> | undefined;
  let isWanted = false;
  const flow = () => {
    while (isWanted && waiting.length > 0) isWanted = receiver?.take(waiting.shift() ?? '') ?? false;
  };
  const push = (given: Receiver<string>): Feed => {
    receiver = given;
    return {
      resume() {
        noted.push('resume');
        isWanted = true;
        flow();
      },
      stop: () => noted.push('stop'),
    };
  };
  const iterate = async function* () {
    await Promise.resolve();
    yield* waiting;
  };
  return {
    noted,
    source: Object.assign({ [Symbol.asyncIterator]: iterate }, { [PUSH]: push }),
    give(...values: readonly string[]) {
      waiting.push(...values);
      flow();
    },
    end: () => receiver?.end(),
    fail: (error: unknown) => receiver?.fail(error),
  };
}

/** A reader that wants no more after `most` values. */
function reader(most = Infinity) {
  const seen: unknown[] = [];
  return {
    seen,
    take: (value: unknown) => seen.push(value) < most,
    end: () => void seen.push('end'),
    fail: (error: unknown) => void seen.push(error),
  };
}

async function* letters(...values: readonly string[]) {
  await Promise.resolve();
  yield* values;
}

const turn = () => new Promise(setImmediate);

async function collect<Value>(source: AsyncIterable<Value>): Promise<Value[]> {
  const values: Value[] = [];
  for await (const value of source) values.push(value);
  return values;
}

describe('a source that pushes', () => {
  it('gives nothing before it is resumed, and no more than is wanted', () => {
    const { source, give, end } = pushing();
    const one = reader(2);
    const feed = feedOf(source, one);
    give('a', 'b', 'c');
    expect(one.seen).toEqual([]);
    feed.resume();
    expect(one.seen).toEqual(['a', 'b']);
    feed.resume();
    end();
    expect(one.seen).toEqual(['a', 'b', 'c', 'end']);
  });

  it('is made of any iterable', async () => {
    const one = reader(2);
    const feed = feedOf(letters('a', 'b', 'c'), one);
    await turn();
    expect(one.seen).toEqual([]);
    feed.resume();
    await turn();
    expect(one.seen).toEqual(['a', 'b']);
    feed.resume();
    await turn();
    feed.resume();
    await turn();
    expect(one.seen).toEqual(['a', 'b', 'c', 'end']);
  });

  it('that is an iterable is told when its reader leaves, and what it throws is told', async () => {
    let hasLeft = false;
    const source = (async function* () {
      try {
        await Promise.resolve();
        yield 'a';
        yield 'b';
      } finally {
        hasLeft = true;
      }
    })();
    const one = reader(1);
    const feed = feedOf(source, one);
    feed.resume();
    await turn();
    feed.stop();
    feed.resume();
    await turn();
    expect([hasLeft, one.seen]).toEqual([true, ['a']]);
    const fault = new Error('broken');
    const other = reader();
    feedOf(
      // eslint-disable-next-line require-yield -- It throws at once.
      (async function* (): AsyncGenerator<string> {
        await Promise.resolve();
        throw fault;
      })(),
      other,
    ).resume();
    await turn();
    expect(other.seen).toEqual([fault]);
  });
});

describe('sources in turn', () => {
  it('are pushed one after the other, the second as the first has ended', async () => {
    const { source, give, end, noted } = pushing();
    const both = inTurn(source, () => {
      noted.push('next');
      return letters('x', 'y');
    });
    const one = reader();
    const feed = feedOf(both, one);
    feed.resume();
    give('a', 'b');
    end();
    await turn();
    expect(one.seen).toEqual(['a', 'b', 'x', 'y', 'end']);
    expect(noted).toEqual(['resume', 'next']);
  });

  it('end with the first where there is no second, and can be pulled', async () => {
    const { source, end } = pushing();
    const one = reader();
    feedOf(
      inTurn(source, () => undefined),
      one,
    ).resume();
    end();
    expect(one.seen).toEqual(['end']);
    expect(await collect(inTurn(letters('a'), () => letters('b')))).toEqual(['a', 'b']);
  });

  it('wait for a reader who wants no more for now', async () => {
    const { source, give, end } = pushing();
    const one = reader(1);
    const feed = feedOf(
      inTurn(source, () => letters('x', 'y')),
      one,
    );
    feed.resume();
    give('a');
    feed.resume();
    end();
    await turn();
    expect(one.seen).toEqual(['a', 'x']);
    feed.stop();
  });
});

describe('a watched source', () => {
  const refuse = (value: string) => {
    if (value === 'bad') throw new Error('refused');
  };

  it('ends with what is thrown at a value', async () => {
    const ends: string[] = [];
    const { source, give, noted } = pushing();
    const one = reader();
    feedOf(watched(source, { each: refuse, over: () => ends.push('over') }), one).resume();
    give('good', 'bad', 'good');
    expect(one.seen).toEqual(['good', new Error('refused')]);
    expect([noted, ends]).toEqual([['resume', 'stop'], ['over']]);
    const pulled = collect(watched(letters('good', 'bad'), { each: refuse, over: () => ends.push('over') }));
    await expect(pulled).rejects.toThrow('refused');
    expect(ends).toEqual(['over', 'over']);
  });

  it('tells of its end, of its failure, and of a reader who leaves', () => {
    for (const how of ['end', 'fail', 'stop'] as const) {
      const ends: string[] = [];
      const { source, end, fail } = pushing();
      const feed = feedOf(watched(source, { each: refuse, over: () => ends.push('over') }), reader());
      feed.resume();
      if (how === 'end') end();
      else if (how === 'fail') fail(new Error('broken'));
      else feed.stop();
      expect(ends).toEqual(['over']);
    }
  });
});
