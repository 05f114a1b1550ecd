import type { ServerResponse } from 'node:http';
import { Beating, SIGN_OF_LIFE, writeSign, type Heartbeat } from './heartbeat.js';
import { drained, writeShared } from './write.js';
import type { Taker, WrittenStream } from './written-stream.js';

/** The part of a stream's controller that is used by what makes events. */
interface Controller {
  enqueue(piece: string): void;
  close(): void;
  error(error: unknown): void;
}

/** A web stream's source, as it is given to `ReadableStream`. */
interface Source {
  start?(controller: Controller): unknown;
  pull?(controller: Controller): unknown;
  cancel?(reason?: unknown): unknown;
}

/** Results as they come, of which the source is asked to frame those that are left to it. */
type TakenResults = Pick<WrittenStream, 'begin' | 'hasLeft' | 'resume'> & {
  /** They could not be framed or written. */
  breakOff(error: unknown): void;
};

/**
 * Stands in for `ReadableStream`: writes what a source makes to a Node response, pulled at its reader's pace, without the
 * promises and the copies of web streams. What is made at once is one write.
 */
export class PulledStream extends Beating implements Controller, Taker {
  private response: ServerResponse | undefined;
  /** Made, and not written yet. */
  private text = '';
  private isOver = false;
  private isPulling = false;
  private results: TakenResults | undefined;

  constructor(private readonly source: Source) {
    super();
  }

  /**
   * Resolves when the stream has begun; it ends when the source has ended or the reader has left.
   * @param heartbeat writes signs of life meanwhile. Yoga's source has a timer for that in each stream, which its `cancel` ends: it
   * is called at once. That does not end the results, since Yoga was given them without a way to end them ({@link NextOnly}).
   * @param results those that the source frames, which it is asked for as they come; undefined where it has them already
   */
  async writeTo(response: ServerResponse, heartbeat: Heartbeat, results: TakenResults | undefined): Promise<void> {
    this.response = response;
    this.results = results;
    response.once('close', () => {
      this.isOver = true;
      heartbeat.remove(this);
    });
    await this.source.start?.(this);
    await this.source.cancel?.();
    if (response.destroyed) {
      this.isOver = true;
      return;
    }
    heartbeat.add(this);
    if (results === undefined) await this.pullAll(response);
    else results.begin(this);
  }

  takeLeft(): void {
    const { response, results } = this;
    if (this.isPulling || response === undefined || results === undefined) return;
    this.isPulling = true;
    this.pullAll(response, results).then(
      () => {
        this.isPulling = false;
        if (!this.isOver) results.resume();
      },
      (error: unknown) => {
        results.breakOff(error);
      },
    );
  }

  enqueue(piece: string): void {
    if (this.text === '') {
      queueMicrotask(() => {
        this.flush();
      });
    }
    this.text += piece;
  }

  close(): void {
    this.isOver = true;
  }

  error(error: unknown): void {
    this.isOver = true;
    this.results?.breakOff(error);
    this.response?.destroy(error instanceof Error ? error : new Error(String(error)));
  }

  override beat(): void {
    if (this.response !== undefined) writeSign(this.response);
  }

  private async pullAll(response: ServerResponse, results?: TakenResults): Promise<void> {
    while (!this.isOver && results?.hasLeft !== false) {
      await this.source.pull?.(this);
      // Whatever was enqueued is written by now: that came first.
      const waits = drained(response);
      if (waits !== undefined) await waits;
    }
    if (this.isOver) response.end();
  }

  private flush(): void {
    const { response, text } = this;
    this.text = '';
    if (response === undefined || response.destroyed) return;
    if (text === SIGN_OF_LIFE.text) void writeShared(response, SIGN_OF_LIFE);
    else response.write(text);
  }
}

/** Results that are taken one by one, and cannot be ended by whoever takes them: they end by themselves when the reader leaves. */
export class NextOnly<T> implements AsyncIterable<T>, AsyncIterator<T, void> {
  constructor(private readonly results: AsyncIterator<T, void>) {}

  next(): Promise<IteratorResult<T, void>> {
    return this.results.next();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}

/** A response whose body may be a {@link PulledStream}. */
export class EventResponse extends Response {
  readonly events: PulledStream | undefined;

  constructor(body?: BodyInit | PulledStream | null, init?: ResponseInit) {
    const isPulled = body instanceof PulledStream;
    super(isPulled ? null : body, init);
    this.events = isPulled ? body : undefined;
  }
}

/** Stands in for `TextEncoder`: Node writes text as it is. */
export class AsItIs {
  encode(text: string): string {
    return text;
  }
}
