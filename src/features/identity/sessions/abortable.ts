/**
 * The same values as `source`, until the signal aborts: then its reason is thrown, also while the source is silent, and the
 * source's `return` is called. Not an async generator: one that waits for its source hears neither a signal nor `return` until
 * the source speaks.
 * @param release called when it is over, however that comes; more than once, perhaps
 */
export function abortable<Value>(
  source: AsyncIterable<Value>,
  signal: AbortSignal,
  release: () => void,
): AsyncIterableIterator<Value> {
  const iterator = source[Symbol.asyncIterator]();
  let isOver = false;

  const end = () => {
    isOver = true;
    release();
  };
  const closeSource = () => {
    release();
    // The consumer learns why the stream ends from the signal; how the source took it is of no interest then.
    void Promise.resolve(iterator.return?.()).catch(() => undefined);
  };
  signal.addEventListener('abort', closeSource, { once: true });

  const next = (): Promise<IteratorResult<Value>> =>
    new Promise((resolve, reject) => {
      const stop = () => {
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
      signal.addEventListener('abort', stop, { once: true });
      const settled = () => {
        signal.removeEventListener('abort', stop);
      };
      iterator.next().then(
        (result) => {
          settled();
          if (result.done) end();
          resolve(result);
        },
        (error: unknown) => {
          settled();
          end();
          reject(error instanceof Error ? error : new Error(String(error)));
        },
      );
    });

  return {
    next,
    async return() {
      end();
      signal.removeEventListener('abort', closeSource);
      await iterator.return?.();
      return { done: true, value: undefined };
    },
    [Symbol.asyncIterator]() {
      return this;
    },
  };
}
