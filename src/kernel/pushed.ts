/** Takes the values of a source as they come. */
export interface Receiver<Value> {
  /** @returns false when it wants no more before the source is resumed */
  take(value: Value): boolean;
  /** There are no more. */
  end(): void;
  /** The source threw. */
  fail(error: unknown): void;
  /**
   * Who takes the values in its place, where it waits for the end alone: with many readers, each layer that a value passes costs as
   * much as what the processor has to fetch from memory for it. See {@link takerOf}.
   */
  readonly passesTo?: Receiver<Value> | undefined;
}

/** Who takes the values that a receiver is pushed. A source may ask once, when it is resumed first: then all layers are there. */
export function takerOf<Value>(receiver: Receiver<Value>): Receiver<Value> {
  let taker = receiver;
  while (taker.passesTo !== undefined) taker = taker.passesTo;
  return taker;
}

/** A source that pushes. It gives nothing before the first `resume`. */
export interface Feed {
  resume(): void;
  /** Ends the source, which tells its receiver nothing more. */
  stop(): void;
}

/** For a receiver that waits: resumes its source afterwards, or tells it what was in the way. */
export function resumeAfter(waiting: Promise<void>, feed: Feed, receiver: Pick<Receiver<unknown>, 'fail'>): void {
  waiting.then(
    () => {
      feed.resume();
    },
    (error: unknown) => {
      receiver.fail(error);
    },
  );
}

/**
 * The method of an iterable that can push its values, too: without a promise for each, which is what most of an event's way to a
 * reader costs. It is called instead of the iterator's, once.
 */
export const PUSH = Symbol('push');

interface Pushing<Value> extends AsyncIterable<Value> {
  [PUSH](receiver: Receiver<Value>): Feed;
}

function canPush<Value>(source: AsyncIterable<Value>): source is Pushing<Value> {
  return PUSH in source;
}

/** Has a source push its values to `receiver`. One that cannot is pulled. */
export function feedOf<Value>(source: AsyncIterable<Value>, receiver: Receiver<Value>): Feed {
  return canPush(source) ? source[PUSH](receiver) : pulled(source[Symbol.asyncIterator](), receiver);
}

function pulled<Value>(iterator: AsyncIterator<Value>, receiver: Receiver<Value>): Feed {
  let isOver = false;
  let isPulling = false;
  const take = (step: IteratorResult<Value>) => {
    isPulling = false;
    if (isOver) return;
    if (step.done === true) {
      isOver = true;
      receiver.end();
    } else if (receiver.take(step.value)) pull();
  };
  const fail = (error: unknown) => {
    if (isOver) return;
    isOver = true;
    receiver.fail(error);
  };
  const pull = () => {
    if (isOver || isPulling) return;
    isPulling = true;
    try {
      iterator.next().then(take, fail);
    } catch (error) {
      fail(error);
    }
  };
  return {
    resume: pull,
    stop() {
      if (isOver) return;
      isOver = true;
      leave(iterator);
    },
  };
}

/**
 * Tells an iterator that its reader has left. It is not awaited: an async generator answers only after what it waits for has arrived,
 * which may be never. Errors of its cleanup are nobody's.
 */
export function leave(iterator: AsyncIterator<unknown>): void {
  void Promise.resolve(iterator.return?.()).catch(() => undefined);
}

/**
 * The values of one source, then those of another.
 * @param next called once the first has ended; undefined when that was all
 */
export function inTurn<Value>(
  first: AsyncIterable<Value>,
  next: () => AsyncIterable<Value> | undefined,
): AsyncIterable<Value> {
  return new InTurn(first, next);
}

// Classes, since there is one for every open stream: a closure for each method would take more than what it closes over.
class InTurn<Value> implements Pushing<Value>, Feed, Receiver<Value> {
  private receiver: Receiver<Value> | undefined;
  private current: Feed | undefined;
  private isWanted = false;

  constructor(
    private readonly first: AsyncIterable<Value>,
    private readonly next: () => AsyncIterable<Value> | undefined,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Value, void, undefined> {
    yield* this.first;
    yield* this.next() ?? [];
  }

  [PUSH](receiver: Receiver<Value>): Feed {
    this.receiver = receiver;
    this.current = feedOf(this.first, this);
    return this;
  }

  get passesTo(): Receiver<Value> | undefined {
    return this.receiver;
  }

  resume(): void {
    this.isWanted = true;
    this.current?.resume();
  }

  stop(): void {
    this.current?.stop();
  }

  take(value: Value): boolean {
    return this.receiver?.take(value) ?? false;
  }

  end(): void {
    const others = this.next();
    if (others === undefined || this.receiver === undefined) {
      this.receiver?.end();
      return;
    }
    this.current = feedOf(others, this.receiver);
    if (this.isWanted) this.current.resume();
  }

  fail(error: unknown): void {
    this.receiver?.fail(error);
  }
}

interface Watching<Value> {
  /** Called with each value. What it throws ends the source, and is thrown to the reader. */
  readonly each: (value: Value) => void;
  /** Called at every kind of end, once or more. */
  readonly over?: () => void;
}

/** The same values, watched on their way. */
export function watched<Value>(source: AsyncIterable<Value>, watching: Watching<Value>): AsyncIterable<Value> {
  return new Watched(source, watching);
}

class Watched<Value> implements Pushing<Value>, Feed, Receiver<Value> {
  private receiver: Receiver<Value> | undefined;
  private taker: Receiver<Value> | undefined;
  private feed: Feed | undefined;

  constructor(
    private readonly source: AsyncIterable<Value>,
    private readonly watching: Watching<Value>,
  ) {}

  async *[Symbol.asyncIterator](): AsyncGenerator<Value, void, undefined> {
    try {
      for await (const value of this.source) {
        this.watching.each(value);
        yield value;
      }
    } finally {
      this.over();
    }
  }

  [PUSH](receiver: Receiver<Value>): Feed {
    this.receiver = receiver;
    this.feed = feedOf(this.source, this);
    return this;
  }

  resume(): void {
    if (this.receiver !== undefined) this.taker ??= takerOf(this.receiver);
    this.feed?.resume();
  }

  stop(): void {
    this.feed?.stop();
    this.over();
  }

  take(value: Value): boolean {
    try {
      this.watching.each(value);
    } catch (error) {
      this.stop();
      this.receiver?.fail(error);
      return false;
    }
    return this.taker?.take(value) ?? false;
  }

  end(): void {
    this.over();
    this.receiver?.end();
  }

  fail(error: unknown): void {
    this.over();
    this.receiver?.fail(error);
  }

  private over(): void {
    this.watching.over?.();
  }
}
