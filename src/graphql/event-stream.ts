import type { ExecutionResult } from 'graphql';
import { feedOf, PUSH, type Feed, type Receiver } from '../kernel/pushed.js';

/** The results of a subscription. It never rejects: if the source throws, the last result holds the error. */
export interface ResultStream extends AsyncGenerator<ExecutionResult, void, void> {
  /** Has the results pushed, in place of `next`. */
  [PUSH](receiver: Receiver<ExecutionResult>): Feed;
}

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
 * Unlike an async generator, `return()` ends it immediately even while it waits for the source: the source is told to end, and a
 * pending `next()` resolves as done.
 */
export function resultStream(source: AsyncIterable<unknown>, steps: Steps): ResultStream {
  let isOver = false;
  let feed: Feed | undefined;
  const end = () => {
    isOver = true;
    (feed ?? feedOf(source, NOBODY)).stop();
  };

  const push = (receiver: Receiver<ExecutionResult>): Feed => {
    let isMaking = false;
    /** What the source told while a result was being made. */
    let afterwards: (() => void) | undefined;
    const finish = (failure?: ExecutionResult) => {
      if (isOver) return;
      if (isMaking) {
        afterwards ??= () => {
          finish(failure);
        };
        return;
      }
      isOver = true;
      if (failure !== undefined) receiver.take(failure);
      receiver.end();
    };
    const failToMake = (error: unknown) => {
      isMaking = false;
      if (isOver) return;
      opened.stop();
      finish(steps.failureOf(error));
    };
    const give = (result: ExecutionResult) => {
      isMaking = false;
      if (isOver) return;
      const isWanted = receiver.take(result);
      if (afterwards !== undefined) afterwards();
      else if (isWanted) opened.resume();
    };
    const opened = feedOf(source, {
      take(event) {
        if (isOver) return false;
        try {
          const result = steps.resultOf(event);
          if (!(result instanceof Promise)) return receiver.take(result);
          isMaking = true;
          result.then(give, failToMake);
        } catch (error) {
          failToMake(error);
        }
        return false;
      },
      end: () => {
        finish();
      },
      fail: (error) => {
        finish(steps.failureOf(error));
      },
    });
    feed = opened;
    return {
      resume: () => {
        if (!isOver && !isMaking) opened.resume();
      },
      stop: () => {
        if (!isOver) end();
      },
    };
  };

  let reading: Feed | undefined;
  let resolveNext: ((step: IteratorResult<ExecutionResult, void>) => void) | undefined;
  /** A failure that came before it was asked for. */
  let early: ExecutionResult | undefined;
  const answer = (step: IteratorResult<ExecutionResult, void>) => {
    const resolve = resolveNext;
    resolveNext = undefined;
    resolve?.(step);
  };
  const reader: Receiver<ExecutionResult> = {
    take(value) {
      if (resolveNext === undefined) early = value;
      else answer({ done: false, value });
      return false;
    },
    end() {
      answer(DONE);
    },
    fail: ignore,
  };
  let endPushing = ignore;

  const stream: ResultStream = {
    next() {
      const value = early;
      early = undefined;
      if (value !== undefined) return Promise.resolve({ done: false, value });
      if (isOver) return Promise.resolve(DONE);
      return new Promise((resolve) => {
        resolveNext = resolve;
        (reading ??= push(reader)).resume();
      });
    },
    [PUSH](receiver) {
      endPushing = () => {
        receiver.end();
      };
      return push(receiver);
    },
    return() {
      early = undefined;
      if (!isOver) {
        end();
        answer(DONE);
        endPushing();
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

function ignore(): void {
  return;
}

const NOBODY: Receiver<unknown> = { take: () => false, end: ignore, fail: ignore };
