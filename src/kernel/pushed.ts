/** Takes the values of a source as they come. */
export interface Receiver<Value> {
  /** @returns false when it wants no more before the source is resumed */
  take(value: Value): boolean;
  /** There are no more. */
  end(): void;
  /** The source threw. */
  fail(error: unknown): void;
}

/** A source that pushes. It gives nothing before the first `resume`. */
export interface Feed {
  resume(): void;
  /** Ends the source, which tells its receiver nothing more. */
  stop(): void;
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
 * @param next told the last value of the first; undefined when that was all
 */
export function inTurn<Value>(
  first: AsyncIterable<Value>,
  next: (last: Value | undefined) => AsyncIterable<Value> | undefined,
): AsyncIterable<Value> {
  const push = (receiver: Receiver<Value>): Feed => {
    let last: Value | undefined;
    let current = feedOf(first, {
      fail(error) {
        receiver.fail(error);
      },
      take(value) {
        last = value;
        return receiver.take(value);
      },
      end() {
        const others = next(last);
        if (others === undefined) {
          receiver.end();
          return;
        }
        current = feedOf(others, receiver);
        if (wanted) current.resume();
      },
    });
    let wanted = false;
    return {
      resume() {
        wanted = true;
        current.resume();
      },
      stop() {
        current.stop();
      },
    };
  };
  const pushing: Pushing<Value> = {
    async *[Symbol.asyncIterator](): AsyncGenerator<Value, void, undefined> {
      let last: Value | undefined;
      for await (const value of first) {
        last = value;
        yield value;
      }
      yield* next(last) ?? [];
    },
    [PUSH]: push,
  };
  return pushing;
}

interface Watching<Value> {
  /** Called with each value. What it throws ends the source, and is thrown to the reader. */
  readonly each: (value: Value) => void;
  /** Called at every kind of end, once or more. */
  readonly over?: () => void;
}

/** The same values, watched on their way. */
export function watched<Value>(
  source: AsyncIterable<Value>,
  { each, over = () => undefined }: Watching<Value>,
): AsyncIterable<Value> {
  const push = (receiver: Receiver<Value>): Feed => {
    const feed = feedOf(source, {
      take(value) {
        try {
          each(value);
        } catch (error) {
          feed.stop();
          over();
          receiver.fail(error);
          return false;
        }
        return receiver.take(value);
      },
      end() {
        over();
        receiver.end();
      },
      fail(error) {
        over();
        receiver.fail(error);
      },
    });
    return {
      resume: () => {
        feed.resume();
      },
      stop() {
        feed.stop();
        over();
      },
    };
  };
  const pushing: Pushing<Value> = {
    async *[Symbol.asyncIterator](): AsyncGenerator<Value, void, undefined> {
      try {
        for await (const value of source) {
          each(value);
          yield value;
        }
      } finally {
        over();
      }
    },
    [PUSH]: push,
  };
  return pushing;
}
