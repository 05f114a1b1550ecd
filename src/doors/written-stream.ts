import type { ExecutionResult } from 'graphql';
import type { ResultStream } from '../graphql/event-stream.js';
import { PUSH, resumeAfter, type Feed, type Receiver } from '../kernel/pushed.js';

type Step = IteratorResult<ExecutionResult, void>;

const DONE = { done: true, value: undefined } as const;

/** Whoever takes what is not written as it is pushed. */
export interface Taker {
  /** Called when something waits for {@link WrittenStream.next}, once or more. */
  takeLeft(): void;
}

/**
 * A stream of results as a library pulls it that speaks a protocol. The library would take a promise or more for each result and
 * reader: those that are data alone are written as they are pushed, in the protocol's form, and the library is left what is seldom:
 * results with errors, the end, and that its reader leaves.
 *
 * A class, as all that a stream keeps while it is open: a closure for each method would take more than what it closes over.
 */
export abstract class WrittenStream implements AsyncGenerator<ExecutionResult, void, void>, Receiver<ExecutionResult> {
  private feed: Feed | undefined;
  private isOver = false;
  private left: ExecutionResult[] | undefined;
  private asked: PromiseWithResolvers<Step> | undefined;
  private failure: Error | undefined;
  private taker: Taker | undefined;

  constructor(private readonly stream: ResultStream) {}

  /** Whether {@link next} is answered at once. */
  get hasLeft(): boolean {
    return this.isOver || this.left !== undefined;
  }

  private get pushed(): Feed {
    return (this.feed ??= this.stream[PUSH](this));
  }

  private get isAsked(): boolean {
    return this.asked !== undefined;
  }

  /** For who asks for the next result only when told that there is one: a question that waits takes more than the stream itself. */
  begin(taker: Taker): void {
    this.taker = taker;
    this.resume();
  }

  /** Goes on after what was left has been taken. */
  resume(): void {
    if (this.hasLeft) this.taker?.takeLeft();
    else this.pushed.resume();
  }

  next(): Promise<Step> {
    const { failure } = this;
    if (failure !== undefined) {
      this.failure = undefined;
      return Promise.reject(failure);
    }
    this.asked = Promise.withResolvers<Step>();
    const { promise } = this.asked;
    this.answer();
    // Not for who was answered: what comes next would be written before that is.
    if (this.isAsked) this.pushed.resume();
    return promise;
  }

  async return(): Promise<Step> {
    await this.stream.return();
    return DONE;
  }

  async throw(error: unknown): Promise<Step> {
    await this.stream.return();
    throw error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stream.return();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  take(result: ExecutionResult): boolean {
    if (result.errors !== undefined) {
      (this.left ??= []).push(result);
      this.answer();
      return false;
    }
    try {
      const written = this.write(result);
      if (written === undefined) return true;
      resumeAfter(written, this.pushed, this);
    } catch (error) {
      this.fail(error);
    }
    return false;
  }

  end(): void {
    this.isOver = true;
    this.answer();
  }

  fail(error: unknown): void {
    this.isOver = true;
    // Before the stream is ended, which would answer that there is no more.
    if (this.asked === undefined) this.failure = error instanceof Error ? error : new Error(String(error));
    else this.asked.reject(error);
    this.asked = undefined;
    void this.stream.return();
  }

  /** @returns what resolves when the reader can take more; or undefined when it can now */
  protected abstract write(result: ExecutionResult): Promise<void> | undefined;

  private answer(): void {
    if (this.asked === undefined) {
      this.taker?.takeLeft();
      return;
    }
    const value = this.left?.shift();
    if (this.left?.length === 0) this.left = undefined;
    if (value === undefined && !this.isOver) return;
    this.asked.resolve(value === undefined ? DONE : { done: false, value });
    this.asked = undefined;
  }
}

/** The results that several readers share, as JSON. */
const texts = new WeakMap<ExecutionResult, string>();

/** A result without errors as JSON, which is made once for all its readers. */
export function textOf(result: ExecutionResult): string {
  let text = texts.get(result);
  if (text === undefined) texts.set(result, (text = JSON.stringify(result)));
  return text;
}
