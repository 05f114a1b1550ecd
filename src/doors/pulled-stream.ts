import type { ServerResponse } from 'node:http';
import { drained, isFull, SharedText, writeShared } from './write.js';

/** The part of a stream's controller that is used by what makes events. */
interface Controller {
  /** Null when nothing is read any more, zero while the reader has enough. */
  readonly desiredSize: number | null;
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

/** What Yoga writes to each silent stream every 12 s. */
const SIGN_OF_LIFE = new SharedText(':\n\n');

/**
 * Stands in for `ReadableStream`: writes what a source makes to a Node response, pulled at its reader's pace, without the
 * promises and the copies of web streams. What is made at once is one write.
 */
export class PulledStream {
  constructor(private readonly source: Source) {}

  /** Resolves when the source has ended or the reader has left, which the source is told of. */
  async writeTo(response: ServerResponse): Promise<void> {
    let text = '';
    const state = { isOver: false };
    const flush = () => {
      const made = text;
      text = '';
      if (made === SIGN_OF_LIFE.text) void writeShared(response, SIGN_OF_LIFE);
      else if (!response.destroyed) response.write(made);
    };
    const controller: Controller = {
      get desiredSize() {
        if (state.isOver || response.destroyed) return null;
        return isFull(response) ? 0 : 1;
      },
      enqueue: (piece) => {
        if (text === '') queueMicrotask(flush);
        text += piece;
      },
      close: () => {
        state.isOver = true;
      },
      error: (error) => {
        state.isOver = true;
        response.destroy(error instanceof Error ? error : new Error(String(error)));
      },
    };
    const leave = () => {
      state.isOver = true;
      void this.source.cancel?.();
    };
    response.once('close', leave);
    if (response.destroyed) leave();
    await this.source.start?.(controller);
    while (!state.isOver) {
      await this.source.pull?.(controller);
      // Whatever was enqueued is written by now: that came first.
      const waits = drained(response);
      if (waits !== undefined) await waits;
    }
    response.off('close', leave);
    response.end();
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
