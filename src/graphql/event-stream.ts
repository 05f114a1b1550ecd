import type { ExecutionResult } from 'graphql';

/** The results of a subscription. It never rejects: if the source throws, the last result holds the error. */
export type ResultStream = AsyncGenerator<ExecutionResult, void, void>;

interface Steps {
  /** Turns an event of the source into a result. */
  readonly resultOf: (event: unknown) => ExecutionResult | Promise<ExecutionResult>;
  /** The last result, when the source threw an error. */
  readonly failureOf: (error: unknown) => ExecutionResult;
}

const DONE = { done: true, value: undefined } as const;

/**
 * Maps a source's events to results, one at a time.
 *
 * Unlike an async generator, `return()` ends it immediately even while it waits for the source: the source's own `return()` is
 * called, and a pending `next()` resolves as done.
 */
export function resultStream(source: AsyncIterable<unknown>, steps: Steps): ResultStream {
  const events = source[Symbol.asyncIterator]();
  let endWaiting: (() => void) | undefined;
  let isOver = false;

  const tellSource = () => {
    // Not awaited: an async generator answers only after what it waits for has arrived, which may be never.
    // Errors of its cleanup are ignored, since the reader has gone.
    void Promise.resolve(events.return?.()).catch(() => undefined);
  };
  const read = async (): Promise<IteratorResult<ExecutionResult, void>> => {
    try {
      const step = await events.next();
      if (isOver) return DONE;
      if (step.done === true) {
        isOver = true;
        return DONE;
      }
      return { done: false, value: await steps.resultOf(step.value) };
    } catch (error) {
      if (isOver) return DONE;
      isOver = true;
      return { done: false, value: steps.failureOf(error) };
    }
  };

  const stream: ResultStream = {
    next() {
      if (isOver) return Promise.resolve(DONE);
      const ended = new Promise<typeof DONE>((resolve) => {
        endWaiting = () => {
          resolve(DONE);
        };
      });
      return Promise.race([read(), ended]);
    },
    return() {
      if (!isOver) {
        isOver = true;
        endWaiting?.();
        tellSource();
      }
      return Promise.resolve(DONE);
    },
    async throw(error) {
      await stream.return();
      throw error;
    },
    async [Symbol.asyncDispose]() {
      await stream.return();
    },
    [Symbol.asyncIterator]: () => stream,
  };
  return stream;
}
