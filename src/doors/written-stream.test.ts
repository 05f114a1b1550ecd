import { describe, expect, it } from '@jest/globals';
import { GraphQLError, type ExecutionResult } from 'graphql';
import { resultStream, type ResultStream } from '../graphql/event-stream.js';
import { PUSH, type Feed, type Receiver } from '../kernel/pushed.js';
import { WrittenStream } from './written-stream.js';

const results = (source: AsyncIterable<unknown>) =>
  resultStream(source, {
    resultOf: (event) => (event === 'bad' ? { data: null, errors: [new GraphQLError('bad')] } : { data: { event } }),
    failureOf: () => ({ errors: [new GraphQLError('failed')] }),
  });

class Written extends WrittenStream {
  constructor(
    source: AsyncIterable<unknown>,
    protected override readonly write: (result: ExecutionResult) => Promise<void> | undefined,
  ) {
    super(results(source));
  }
}

describe('a written stream', () => {
  it('writes data, and leaves errors and the end to its reader, in order', async () => {
    const told: unknown[] = [];
    const source = async function* () {
      yield* ['a', 'bad', 'b'];
      await Promise.resolve();
      throw new Error('the source');
    };
    const stream = new Written(source(), ({ data }) => {
      told.push(data?.['event']);
      return undefined;
    });
    for await (const { errors } of stream) told.push(errors?.[0]?.message);
    expect(told).toEqual(['a', 'bad', 'b', 'failed']);
    expect(await stream.next()).toEqual({ done: true, value: undefined });
  });

  it('takes no event while its client has not taken the one before', async () => {
    let taken = 0;
    const source = async function* () {
      for (; taken < 3; taken++) yield await Promise.resolve(taken);
    };
    const room = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    const written = [Promise.withResolvers<undefined>(), Promise.withResolvers<undefined>()];
    let count = 0;
    const stream = new Written(source(), () => {
      written[count]?.resolve(undefined);
      return room[count++]?.promise;
    });
    const end = stream.next();
    await written[0]?.promise;
    await new Promise(setImmediate);
    expect([count, taken]).toEqual([1, 0]);
    room[0]?.resolve(undefined);
    await written[1]?.promise;
    await new Promise(setImmediate);
    expect([count, taken]).toEqual([2, 1]);
    room[1]?.resolve(undefined);
    expect(await end).toEqual({ done: true, value: undefined });
    expect(count).toBe(3);
  });

  it('ends its source when its reader leaves, and when it cannot be written', async () => {
    let ended = 0;
    const source = async function* () {
      try {
        for (;;) yield await Promise.resolve('a');
      } finally {
        ended++;
      }
    };
    const writes: ExecutionResult[] = [];
    const left = new Written(source(), (result) => {
      writes.push(result);
      return new Promise(() => undefined);
    });
    const waiting = left.next();
    await new Promise(setImmediate);
    await left.return();
    expect(await waiting).toEqual({ done: true, value: undefined });
    const broken = new Written(source(), () => {
      throw new Error('cannot be written');
    });
    await expect(broken.next()).rejects.toThrow('cannot be written');
    await new Promise(setImmediate);
    expect([writes.length, ended]).toEqual([1, 2]);
  });

  /** Takes what is left as {@link PulledStream} does, and keeps no question waiting. */
  const takeAll = (stream: WrittenStream, told: unknown[]) => {
    const over = Promise.withResolvers<undefined>();
    let isTaking = false;
    const take = async () => {
      while (stream.hasLeft) {
        const { done, value } = await stream.next();
        if (done === true) {
          over.resolve(undefined);
          return;
        }
        told.push(value.errors?.[0]?.message);
      }
      isTaking = false;
      stream.resume();
    };
    stream.begin({
      takeLeft() {
        if (isTaking) return;
        isTaking = true;
        take().catch(over.reject);
      },
    });
    return over.promise;
  };

  it('tells a reader who waits to be told of errors and of the end, in order', async () => {
    const told: unknown[] = [];
    const source = async function* () {
      yield* ['a', 'bad', 'b', 'bad'];
      await Promise.resolve();
      throw new Error('the source');
    };
    const stream = new Written(source(), ({ data }) => {
      told.push(data?.['event']);
      return undefined;
    });
    await takeAll(stream, told);
    expect(told).toEqual(['a', 'bad', 'b', 'bad', 'failed']);
  });

  it('lets nothing pass what such a reader has yet to write', async () => {
    const told: unknown[] = [];
    const all = ['bad', 'a', 'bad', 'b'].map((event) => ({
      data: { event },
      ...(event === 'bad' && { errors: [new GraphQLError(event)] }),
    }));
    const ready = {
      [PUSH]: (receiver: Receiver<ExecutionResult>): Feed => ({
        resume() {
          for (let result = all.shift(); result !== undefined; result = all.shift()) if (!receiver.take(result)) return;
          receiver.end();
        },
        stop: () => undefined,
      }),
    };
    class Ready extends WrittenStream {
      protected override write({ data }: ExecutionResult) {
        told.push(data?.['event']);
        return undefined;
      }
    }
    await takeAll(new Ready(ready as unknown as ResultStream), told);
    expect(told).toEqual(['bad', 'a', 'bad', 'b']);
  });

  it('tells such a reader when it is ended, and when it cannot be written', async () => {
    const silent = async function* () {
      yield await new Promise(() => undefined);
    };
    const stream = new Written(silent(), () => undefined);
    const over = takeAll(stream, []);
    await stream.return();
    await over;
    const source = async function* () {
      yield await Promise.resolve('a');
    };
    const broken = new Written(source(), () => {
      throw new Error('cannot be written');
    });
    await expect(takeAll(broken, [])).rejects.toThrow('cannot be written');
  });
});
