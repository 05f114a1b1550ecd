import type { ExecutionResult } from 'graphql';
import { feedOf, PUSH, takerOf, type Feed, type Receiver } from '../kernel/pushed.js';

/** The results of a subscription. It never rejects: if the source throws, the last result holds the error. */
export interface ResultStream extends AsyncGenerator<ExecutionResult, void, void> {
  /** Has the results pushed, in place of `next`. */
  [PUSH](receiver: Receiver<ExecutionResult>): Feed;
}

interface Steps {
  /** The result of an event that another reader was told of just now; undefined where there is none. */
  readonly shared?: { known(event: unknown): ExecutionResult | undefined };
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
  return new Results(source, steps);
}

// Classes, since there is one of each for every open stream: a closure for each method would take more than what it closes over.
class Results implements ResultStream {
  private feed: ResultFeed | undefined;
  private reader: Reader | undefined;

  constructor(
    private readonly source: AsyncIterable<unknown>,
    private readonly steps: Steps,
  ) {}

  next(): Promise<IteratorResult<ExecutionResult, void>> {
    const reader = (this.reader ??= new Reader());
    return reader.next((this.feed ??= this[PUSH](reader)));
  }

  [PUSH](receiver: Receiver<ExecutionResult>): ResultFeed {
    return (this.feed = new ResultFeed(this.source, this.steps, receiver));
  }

  return(): Promise<IteratorResult<ExecutionResult, void>> {
    this.reader?.forget();
    (this.feed ?? this[PUSH](NOBODY)).leave();
    return Promise.resolve(DONE);
  }

  async throw(error: unknown): Promise<IteratorResult<ExecutionResult, void>> {
    await this.return();
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** The results of a source's events, pushed. */
class ResultFeed implements Feed, Receiver<unknown> {
  isOver = false;
  private readonly events: Feed;
  private readonly shared: Steps['shared'];
  private taker: Receiver<ExecutionResult> | undefined;
  private isMaking = false;
  /** What the source told while a result was being made. */
  private afterwards: (() => void) | undefined;

  constructor(
    source: AsyncIterable<unknown>,
    private readonly steps: Steps,
    private readonly receiver: Receiver<ExecutionResult>,
  ) {
    this.shared = steps.shared;
    this.events = feedOf(source, this);
  }

  resume(): void {
    if (this.isOver || this.isMaking) return;
    this.taker ??= takerOf(this.receiver);
    this.events.resume();
  }

  stop(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.events.stop();
  }

  /** As {@link stop}, but the receiver is told. */
  leave(): void {
    if (this.isOver) return;
    this.stop();
    this.receiver.end();
  }

  take(event: unknown): boolean {
    if (this.isOver) return false;
    try {
      const result = this.shared?.known(event) ?? this.steps.resultOf(event);
      if (!(result instanceof Promise)) return (this.taker ?? this.receiver).take(result);
      this.isMaking = true;
      result.then(
        (made) => {
          this.give(made);
        },
        (error: unknown) => {
          this.failToMake(error);
        },
      );
    } catch (error) {
      this.failToMake(error);
    }
    return false;
  }

  end(): void {
    this.finish();
  }

  fail(error: unknown): void {
    this.finish(this.steps.failureOf(error));
  }

  private give(result: ExecutionResult): void {
    this.isMaking = false;
    if (this.isOver) return;
    const isWanted = this.receiver.take(result);
    if (this.afterwards !== undefined) this.afterwards();
    else if (isWanted) this.events.resume();
  }

  private failToMake(error: unknown): void {
    this.isMaking = false;
    if (this.isOver) return;
    this.events.stop();
    this.finish(this.steps.failureOf(error));
  }

  private finish(failure?: ExecutionResult): void {
    if (this.isOver) return;
    if (this.isMaking) {
      this.afterwards ??= () => {
        this.finish(failure);
      };
      return;
    }
    this.isOver = true;
    if (failure !== undefined) this.receiver.take(failure);
    this.receiver.end();
  }
}

/** Takes the results that are asked for one by one. */
class Reader implements Receiver<ExecutionResult> {
  private answer: ((step: IteratorResult<ExecutionResult, void>) => void) | undefined;
  /** A failure that came before it was asked for. */
  private early: ExecutionResult | undefined;

  next(feed: ResultFeed): Promise<IteratorResult<ExecutionResult, void>> {
    const value = this.early;
    this.early = undefined;
    if (value !== undefined) return Promise.resolve({ done: false, value });
    if (feed.isOver) return Promise.resolve(DONE);
    return new Promise((resolve) => {
      this.answer = resolve;
      feed.resume();
    });
  }

  forget(): void {
    this.early = undefined;
  }

  take(value: ExecutionResult): boolean {
    if (this.answer === undefined) this.early = value;
    else this.tell({ done: false, value });
    return false;
  }

  end(): void {
    this.tell(DONE);
  }

  fail(): void {
    // Failures come as results.
  }

  private tell(step: IteratorResult<ExecutionResult, void>): void {
    const { answer } = this;
    this.answer = undefined;
    answer?.(step);
  }
}

function ignore(): void {
  return;
}

const NOBODY: Receiver<unknown> = { take: () => false, end: ignore, fail: ignore };
