import type { Clock } from '../../kernel/clock.js';
import type { Log } from '../../kernel/log.js';
import type { Viewer } from '../../kernel/viewer.js';
import { invalidToken } from './session.js';
import type { SessionsRepository } from './sessions.repository.js';

export interface SessionWatchOptions {
  readonly repository: Pick<SessionsRepository, 'findEnded'>;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
  /** Between two looks at the database, while any stream is open. */
  readonly intervalMilliseconds?: number;
}

interface Stream {
  readonly viewer: Viewer;
  readonly controller: AbortController;
}

/**
 * Ends open streams when their session ends (a logout, a suspension, a deletion, an expiry), on whichever instance that
 * came about: one query for all of them, twice a second while there are any, and at once for what this instance did itself.
 * While the database cannot be asked, streams go on.
 */
export class SessionWatch {
  readonly #repository: Pick<SessionsRepository, 'findEnded'>;
  readonly #clock: Clock;
  readonly #log: Pick<Log, 'warn'>;
  readonly #intervalMilliseconds: number;
  readonly #streams = new Set<Stream>();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #looksAgain = false;
  #isFailing = false;

  constructor({ repository, clock, log, intervalMilliseconds = 500 }: SessionWatchOptions) {
    this.#repository = repository;
    this.#clock = clock;
    this.#log = log;
    this.#intervalMilliseconds = intervalMilliseconds;
  }

  /**
   * The same values as `source`, until it ends or the viewer's session does: then the consumer gets Unauthenticated
   * `Invalid token`, also while the source is silent, and the source's `return` is called. Watches from now on, until the
   * consumer has come to the end or called `return`.
   */
  endWhenRevoked<Value>(viewer: Viewer, source: AsyncIterable<Value>): AsyncIterableIterator<Value> {
    const stream = { viewer, controller: new AbortController() };
    this.#streams.add(stream);
    this.#schedule();
    return abortable(source, stream.controller.signal, () => this.#streams.delete(stream));
  }

  /** Looks now. For when a session may just have ended. */
  recheck(): void {
    // A look that has begun may have read what was before.
    if (this.#isLooking) this.#looksAgain = true;
    else if (this.#streams.size > 0) void this.#look();
  }

  close(): void {
    this.#streams.clear();
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#isLooking || this.#timer !== undefined || this.#streams.size === 0) return;
    this.#timer = setTimeout(() => void this.#look(), this.#intervalMilliseconds).unref();
  }

  async #look(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#isLooking = true;
    do await this.#endEnded();
    while (this.#looksAgain);
    this.#isLooking = false;
    this.#schedule();
  }

  async #endEnded(): Promise<void> {
    this.#looksAgain = false;
    const now = this.#clock.now();
    const streams = [...this.#streams];
    for (const { viewer, controller } of streams) {
      if (viewer.expiresAt !== undefined && viewer.expiresAt <= now) controller.abort(invalidToken());
    }
    const sessionIds = new Set<string>();
    const userIds = new Set<string>();
    for (const { viewer } of streams) {
      if (viewer.sessionId === null) userIds.add(viewer.userId);
      else sessionIds.add(viewer.sessionId);
    }
    try {
      const ended = await this.#repository.findEnded({ sessionIds: [...sessionIds], userIds: [...userIds] }, now);
      for (const { viewer, controller } of streams) {
        if (ended.has(viewer.sessionId ?? viewer.userId)) controller.abort(invalidToken());
      }
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#log.warn({ err: error }, 'cannot look for ended sessions; their streams go on');
      this.#isFailing = true;
    }
  }
}

/** Not an async generator: one that waits for its source hears neither a signal nor `return` until the source speaks. */
function abortable<Value>(
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
    // The consumer learns why the stream ends from the signal; how the source took it is of no interest then.
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
