import type { ExecutionResult } from 'graphql';
import type { ResultStream } from '../graphql/event-stream.js';
import { PUSH, type Feed } from '../kernel/pushed.js';

type Step = IteratorResult<ExecutionResult, void>;

const DONE = { done: true, value: undefined } as const;

/**
 * A stream of results as a library pulls it that speaks a protocol. The library would take a promise or more for each result and
 * reader: those that are data alone are written as they are pushed, in the protocol's form, and the library is left what is seldom:
 * results with errors, the end, and that its reader leaves.
 * @param write returns what resolves when the reader can take more; or undefined when it can now
 */
export function writtenStream(
  stream: ResultStream,
  write: (result: ExecutionResult) => Promise<void> | undefined,
): AsyncGenerator<ExecutionResult, void, void> {
  let feed: Feed | undefined;
  let isOver = false;
  const left: ExecutionResult[] = [];
  let asked: PromiseWithResolvers<Step> | undefined;
  const answer = () => {
    if (asked === undefined) return;
    const value = left.shift();
    if (value === undefined && !isOver) return;
    asked.resolve(value === undefined ? DONE : { done: false, value });
    asked = undefined;
  };
  const fail = (error: unknown) => {
    isOver = true;
    // Before the stream is ended, which would answer that there is no more.
    asked?.reject(error);
    asked = undefined;
    void stream.return();
  };
  const open = () =>
    stream[PUSH]({
      take(result) {
        if (result.errors !== undefined) {
          left.push(result);
          answer();
          return false;
        }
        try {
          const written = write(result);
          if (written === undefined) return true;
          written.then(() => feed?.resume(), fail);
        } catch (error) {
          fail(error);
        }
        return false;
      },
      end() {
        isOver = true;
        answer();
      },
      fail,
    });
  const written: AsyncGenerator<ExecutionResult, void, void> = {
    next() {
      asked = Promise.withResolvers<Step>();
      const { promise } = asked;
      answer();
      if (!isOver && left.length === 0) (feed ??= open()).resume();
      return promise;
    },
    async return() {
      await stream.return();
      return DONE;
    },
    async throw(error) {
      await stream.return();
      throw error;
    },
    async [Symbol.asyncDispose]() {
      await stream.return();
    },
    [Symbol.asyncIterator]: () => written,
  };
  return written;
}

/** The results that several readers share, as JSON. */
const texts = new WeakMap<ExecutionResult, string>();

/** A result without errors as JSON, which is made once for all its readers. */
export function textOf(result: ExecutionResult): string {
  let text = texts.get(result);
  if (text === undefined) texts.set(result, (text = JSON.stringify(result)));
  return text;
}
