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
  const iterator = source[Symbol.asyncIterator]();
  let isOver = false;

  const end = () => {
    isOver = true;
    release();
  };
  const closeSource = () => {
    release();
    // The signal tells the consumer why the stream ends; errors of closing the source do not matter.
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
