import { feedOf, leave, PUSH, type Feed, type Receiver } from '../../../kernel/pushed.js';

/**
 * Yields the values of `source` until the signal aborts. Then it throws the signal's reason, even while the source is
 * silent, and calls the source's `return`. It is not an async generator, since one that awaits its source reacts
 * neither to a signal nor to `return` until the source yields.
 * @param release called at every kind of end, possibly more than once
 */
export function abortable<Value>(
  source: AsyncIterable<Value>,
  signal: AbortSignal,
  release: () => void,
): AsyncIterableIterator<Value> {
  let iterator: AsyncIterator<Value> | undefined;
  const opened = () => (iterator ??= source[Symbol.asyncIterator]());
  let isOver = false;

  const end = () => {
    isOver = true;
    release();
  };
  /** Ends what a consumer waits for. One listener for the whole stream: its events are many. */
  let stopWaiting: (() => void) | undefined;
  const abort = () => {
    stopWaiting?.();
    release();
    leave(opened());
  };
  signal.addEventListener('abort', abort, { once: true });

  const next = (): Promise<IteratorResult<Value>> =>
    new Promise((resolve, reject) => {
      const stop = () => {
        stopWaiting = undefined;
        end();
        reject(signal.reason as Error);
      };
      if (isOver) {
        resolve({ done: true, value: undefined });
        return;
      }
      if (signal.aborted) {
        stop();
        return;
      }
      stopWaiting = stop;
      opened()
        .next()
        .then(
          (result) => {
            stopWaiting = undefined;
            if (result.done) end();
            resolve(result);
          },
          (error: unknown) => {
            stopWaiting = undefined;
            end();
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
    });

  const push = (receiver: Receiver<Value>): Feed => {
    const close = () => {
      signal.removeEventListener('abort', revoke);
      end();
    };
    const feed = feedOf(source, {
      take: (value) => receiver.take(value),
      end() {
        close();
        receiver.end();
      },
      fail(error) {
        close();
        receiver.fail(error);
      },
    });
    const revoke = () => {
      feed.stop();
      close();
      receiver.fail(signal.reason);
    };
    signal.removeEventListener('abort', abort);
    signal.addEventListener('abort', revoke, { once: true });
    return {
      resume() {
        if (isOver) return;
        if (signal.aborted) revoke();
        else feed.resume();
      },
      stop() {
        if (isOver) return;
        close();
        feed.stop();
      },
    };
  };

  return Object.assign(
    {
      next,
      async return(): Promise<IteratorResult<Value>> {
        end();
        signal.removeEventListener('abort', abort);
        await opened().return?.();
        return { done: true, value: undefined };
      },
      [Symbol.asyncIterator]() {
        return this;
      },
    },
    { [PUSH]: push },
  );
}
