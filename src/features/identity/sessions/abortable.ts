import { feedOf, leave, PUSH, type Feed, type Receiver } from '../../../kernel/pushed.js';

/**
 * Yields the values of a source until it is aborted. Then it throws the reason, even while the source is silent, and calls the source's
 * `return`. It is not an async generator, since one that awaits its source reacts neither to an abort nor to `return` until the source
 * yields.
 *
 * A class, since there is one for every open stream: a closure for each method, or a signal, would take more than what it closes over.
 */
export class Abortable<Value> implements AsyncIterableIterator<Value>, Receiver<Value>, Feed {
  private reason: Error | undefined;
  private iterator: AsyncIterator<Value> | undefined;
  private isOver = false;
  /** Ends what a consumer waits for. One listener for the whole stream: its events are many. */
  private stopWaiting: ((reason: Error) => void) | undefined;
  /** Those to whom the values are pushed, and where they come from then. */
  private pushing: { readonly to: Receiver<Value>; readonly from: Feed } | undefined;

  /** @param release called at every kind of end, possibly more than once */
  constructor(
    private readonly source: AsyncIterable<Value>,
    private readonly release: () => void,
  ) {}

  /** Does nothing after another kind of end. */
  abort(reason: Error): void {
    if (this.isOver || this.reason !== undefined) return;
    this.reason = reason;
    if (this.pushing !== undefined) {
      this.revoke(this.pushing, reason);
      return;
    }
    this.stopWaiting?.(reason);
    this.release();
    leave(this.opened());
  }

  next(): Promise<IteratorResult<Value>> {
    return new Promise((resolve, reject) => {
      const stop = (reason: Error) => {
        this.stopWaiting = undefined;
        this.over();
        reject(reason);
      };
      if (this.isOver) {
        resolve({ done: true, value: undefined });
        return;
      }
      if (this.reason !== undefined) {
        stop(this.reason);
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
    this.over();
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
    if (this.reason !== undefined) this.revoke(this.pushing, this.reason);
    else this.pushing.from.resume();
  }

  stop(): void {
    if (this.isOver) return;
    this.over();
    this.pushing?.from.stop();
  }

  get passesTo(): Receiver<Value> | undefined {
    return this.pushing?.to;
  }

  take(value: Value): boolean {
    return this.pushing?.to.take(value) ?? false;
  }

  end(): void {
    this.over();
    this.pushing?.to.end();
  }

  fail(error: unknown): void {
    this.over();
    this.pushing?.to.fail(error);
  }

  private opened(): AsyncIterator<Value> {
    return (this.iterator ??= this.source[Symbol.asyncIterator]());
  }

  private revoke({ to, from }: { readonly to: Receiver<Value>; readonly from: Feed }, reason: Error): void {
    from.stop();
    this.over();
    to.fail(reason);
  }

  private over(): void {
    this.isOver = true;
    this.release();
  }
}
