import type { ExecutionResult } from 'graphql';
import { describe, expect, it } from '@jest/globals';
import { feedOf, PUSH, type Feed, type Receiver } from '../kernel/pushed.js';
import { resultStream } from './event-stream.js';

const resultOf = (event: unknown): ExecutionResult => ({ data: { event } });
const failureOf = (error: unknown): ExecutionResult => ({ data: { failed: (error as Error).message } });
const steps = { resultOf, failureOf };

function source() {
  const told: string[] = [];
  let receiver: Receiver<unknown> | undefined;
  const events = Object.assign(
    { [Symbol.asyncIterator]: () => ({ next: () => Promise.reject(new Error('is pushed')) }) },
    {
      [PUSH](given: Receiver<unknown>): Feed {
        receiver = given;
        return { resume: () => told.push('resume'), stop: () => told.push('stop') };
      },
    },
  );
  return {
    told,
    events,
    give: (event: unknown) => receiver?.take(event),
    end: () => receiver?.end(),
    fail: (message: string) => receiver?.fail(new Error(message)),
  };
}

function reader() {
  const seen: unknown[] = [];
  return {
    seen,
    take: (result: ExecutionResult) => {
      seen.push(Object.values(result.data ?? {})[0]);
      return true;
    },
    end: () => void seen.push('end'),
    fail: () => void seen.push('fails'),
  };
}

const turn = () => new Promise(setImmediate);

describe('the results of a subscription', () => {
  it('are pulled one at a time', async () => {
    const { events, give, end, told } = source();
    const results = resultStream(events, steps);
    const first = results.next();
    expect(give('a')).toBe(false);
    expect(await first).toEqual({ done: false, value: resultOf('a') });
    const second = results.next();
    expect(told).toEqual(['resume', 'resume']);
    end();
    expect(await second).toMatchObject({ done: true });
    expect(await results.next()).toMatchObject({ done: true });
  });

  it('are pushed in the order of their events, however long each takes', async () => {
    const { events, give, end } = source();
    const making: ((result: ExecutionResult) => void)[] = [];
    const results = resultStream(events, {
      ...steps,
      resultOf: (event) => (event === 'slow' ? new Promise((resolve) => making.push(resolve)) : resultOf(event)),
    });
    const one = reader();
    results[PUSH](one).resume();
    expect(give('a')).toBe(true);
    expect(give('slow')).toBe(false);
    end();
    expect(one.seen).toEqual(['a']);
    making[0]?.(resultOf('made'));
    await turn();
    expect(one.seen).toEqual(['a', 'made', 'end']);
  });

  it('end with a result of what the source threw, pushed or pulled, asked for or not', async () => {
    const pushed = source();
    const one = reader();
    resultStream(pushed.events, steps)[PUSH](one).resume();
    pushed.fail('broken');
    expect(one.seen).toEqual(['broken', 'end']);
    const pulled = source();
    const results = resultStream(pulled.events, steps);
    const first = results.next();
    pulled.give('a');
    await first;
    pulled.fail('broken');
    expect((await results.next()).value).toEqual({ data: { failed: 'broken' } });
    expect((await results.next()).done).toBe(true);
  });

  it('end with a result of what making one threw', async () => {
    for (const fault of [
      () => {
        throw new Error('not made');
      },
      () => Promise.reject(new Error('not made')),
    ]) {
      const { events, give, told } = source();
      const one = reader();
      feedOf(resultStream(events, { ...steps, resultOf: fault }), one).resume();
      give('a');
      await turn();
      expect(one.seen).toEqual(['not made', 'end']);
      expect(told).toEqual(['resume', 'stop']);
    }
  });

  it('end at once when their reader leaves, also while the source is silent', async () => {
    for (const isOpened of [false, true]) {
      const { events, told } = source();
      const results = resultStream(events, steps);
      const next = isOpened ? results.next() : undefined;
      await results.return(undefined);
      expect((await next)?.done ?? true).toBe(true);
      expect(told.at(-1)).toBe('stop');
    }
    const { events, give } = source();
    const results = resultStream(events, steps);
    const one = reader();
    feedOf(results, one).resume();
    await results.return(undefined);
    give('late');
    expect(one.seen).toEqual(['end']);
  });
});
