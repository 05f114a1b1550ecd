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
  return new Abortable(source, signal, release);
}

// A class, since there is one for every open stream: a closure for each method would take more than what it closes over.
class Abortable<Value> implements AsyncIterableIterator<Value>, Receiver<Value>, Feed {
  private iterator: AsyncIterator<Value> | undefined;
  private isOver = false;
  /** Ends what a consumer waits for. One listener for the whole stream: its events are many. */
  private stopWaiting: (() => void) | undefined;
  /** Those to whom the values are pushed, and where they come from then. */
  private pushing: { readonly to: Receiver<Value>; readonly from: Feed } | undefined;

  constructor(
    private readonly source: AsyncIterable<Value>,
    private readonly signal: AbortSignal,
    private readonly release: () => void,
  ) {
    signal.addEventListener('abort', this, { once: true });
  }

  /** The signal aborts. */
  handleEvent(): void {
    if (this.pushing !== undefined) {
      this.revoke(this.pushing);
      return;
    }
    this.stopWaiting?.();
    this.release();
    leave(this.opened());
  }

  next(): Promise<IteratorResult<Value>> {
    return new Promise((resolve, reject) => {
      const stop = () => {
        this.stopWaiting = undefined;
        this.over();
        reject(this.signal.reason as Error);
      };
      if (this.isOver) {
        resolve({ done: true, value: undefined });
        return;
      }
      if (this.signal.aborted) {
        stop();
        return;
      }
      this.stopWaiting = stop;
      this.opened()
        .next()
        .then(
          (result) => {
            this.stopWaiting = undefined;
            if (result.done) this.over();
            resolve(result);
          },
          (error: unknown) => {
            this.stopWaiting = undefined;
            this.over();
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        );
    });
  }

  async return(): Promise<IteratorResult<Value>> {
    this.close();
    await this.opened().return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  [PUSH](receiver: Receiver<Value>): Feed {
    this.pushing = { to: receiver, from: feedOf(this.source, this) };
    return this;
  }

  resume(): void {
    if (this.isOver || this.pushing === undefined) return;
    if (this.signal.aborted) this.revoke(this.pushing);
    else this.pushing.from.resume();
  }

  stop(): void {
    if (this.isOver) return;
    this.close();
    this.pushing?.from.stop();
  }

  get passesTo(): Receiver<Value> | undefined {
    return this.pushing?.to;
  }

  take(value: Value): boolean {
    return this.pushing?.to.take(value) ?? false;
  }

  end(): void {
    this.close();
    this.pushing?.to.end();
  }

  fail(error: unknown): void {
    this.close();
    this.pushing?.to.fail(error);
  }

  private opened(): AsyncIterator<Value> {
    return (this.iterator ??= this.source[Symbol.asyncIterator]());
  }

  private revoke({ to, from }: { readonly to: Receiver<Value>; readonly from: Feed }): void {
    from.stop();
    this.close();
    to.fail(this.signal.reason);
  }

  private close(): void {
    this.signal.removeEventListener('abort', this);
    this.over();
  }

  private over(): void {
    this.isOver = true;
    this.release();
  }
}
