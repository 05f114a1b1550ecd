import { Unavailable } from '../../kernel/errors.js';
import { PUSH, type Feed, type Receiver } from '../../kernel/pushed.js';

interface Waiting<Result> {
  readonly resolve: (result: Result) => void;
  readonly reject: (failure: Error) => void;
}

/**
 * Takes items in as they come and gives them out at the reader's own pace. A reader never holds writers up; one that falls
 * `maxQueued` items behind is ended with an error, and may follow anew from the last one that it saw.
 */
export class AsyncQueue<Item> implements AsyncIterableIterator<Item>, Feed {
  private readonly queued: Item[] = [];
  private readonly waiting: Waiting<IteratorResult<Item, undefined>>[] = [];
  private ended = false;
  private failure: Error | undefined;
  private receiver: Receiver<Item> | undefined;
  private isWanted = false;

  /** @param onEnd called once, when the reader stops, `signal` aborts, or the writer ends the queue */
  constructor(
    private readonly signal: AbortSignal,
    private readonly maxQueued: number,
    private readonly onEnd: () => void,
  ) {
    signal.addEventListener('abort', this, { once: true });
  }

  /** The signal aborts. */
  handleEvent(): void {
    this.end();
  }

  [PUSH](receiver: Receiver<Item>): this {
    this.receiver = receiver;
    return this;
  }

  resume(): void {
    this.isWanted = true;
    this.give();
    if (this.ended) this.tellEnd();
  }

  stop(): void {
    this.receiver = undefined;
    this.end();
  }

  push(item: Item): void {
    if (this.ended) return;
    const reader = this.waiting.shift();
    if (reader === undefined) this.queued.push(item);
    else reader.resolve({ done: false, value: item });
    this.give();
    if (this.queued.length > this.maxQueued) {
      this.end(new Unavailable('The reader fell too far behind the event stream'));
    }
  }

  /** Ends the iteration at once: what is queued is dropped. `failure` is thrown by the reader's present or next step, once. */
  end(failure?: Error): void {
    if (this.ended) return;
    this.ended = true;
    this.signal.removeEventListener('abort', this);
    this.queued.length = 0;
    const [first, ...rest] = this.waiting.splice(0);
    if (failure === undefined) first?.resolve({ done: true, value: undefined });
    else if (first === undefined) this.failure = failure;
    else first.reject(failure);
    for (const reader of rest) reader.resolve({ done: true, value: undefined });
    if (this.isWanted) this.tellEnd();
    this.onEnd();
  }

  private give(): void {
    while (this.isWanted && this.receiver !== undefined && this.queued.length > 0) {
      // Whoever takes it may resume the queue before it says that it wants no more.
      this.isWanted = false;
      if (this.receiver.take(this.queued.shift() as Item)) this.isWanted = true;
    }
  }

  private tellEnd(): void {
    const { receiver, failure } = this;
    this.receiver = undefined;
    if (failure === undefined) receiver?.end();
    else receiver?.fail(failure);
  }

  next(): Promise<IteratorResult<Item, undefined>> {
    const { failure } = this;
    if (failure !== undefined) {
      this.failure = undefined;
      return Promise.reject(failure);
    }
    if (this.ended) return Promise.resolve({ done: true, value: undefined });
    if (this.queued.length > 0) return Promise.resolve({ done: false, value: this.queued.shift() as Item });
    return new Promise((resolve, reject) => this.waiting.push({ resolve, reject }));
  }

  return(): Promise<IteratorResult<Item, undefined>> {
    this.end();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
