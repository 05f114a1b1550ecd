import type { Clock } from '../../../kernel/clock.js';
import type { Log } from '../../../kernel/log.js';
import type { AccessEnd, FollowViewer, Viewer } from '../../../kernel/viewer.js';
import { abortable } from './abortable.js';
import { invalidToken } from './session.js';
import type { SessionsRepository } from './sessions.repository.js';

export interface SessionWatchOptions {
  readonly repository: Pick<SessionsRepository, 'findEnded'>;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
  /**
   * Polling interval while anything is open. 500 ms by default, since everything must close within 1 s of its session's
   * end.
   */
  readonly intervalMs?: number;
}

/** An open stream or WebSocket. */
interface Followed {
  readonly whose: () => Viewer;
  readonly end: (why: AccessEnd) => void;
}

/**
 * Ends open streams and WebSockets when their session ends (by logout, suspension, deletion or expiry), on whichever
 * instance that happened. One query checks all of them, twice a second while there are any, and immediately after
 * changes made by this instance. While the database is unreachable, they stay open until their token expires.
 */
export class SessionWatch {
  readonly #repository: Pick<SessionsRepository, 'findEnded'>;
  readonly #clock: Clock;
  readonly #log: Pick<Log, 'warn'>;
  readonly #intervalMs: number;
  readonly #followed = new Set<Followed>();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #looksAgain = false;
  #isFailing = false;

  constructor({ repository, clock, log, intervalMs = 500 }: SessionWatchOptions) {
    this.#repository = repository;
    this.#clock = clock;
    this.#log = log;
    this.#intervalMs = intervalMs;
  }

  readonly follow: FollowViewer = (whose, onEnd) => {
    const stop = () => {
      this.#followed.delete(followed);
    };
    const followed: Followed = {
      whose,
      end: (why) => {
        stop();
        onEnd(why);
      },
    };
    this.#followed.add(followed);
    this.#resume();
    return stop;
  };

  /**
   * Yields the values of `source` until it ends, or the viewer's session or token does. In the latter case the consumer
   * gets Unauthenticated `Invalid token`, even while the source is silent, and the source's `return` is called. Watches
   * from now on, until the consumer has reached the end or called `return`.
   */
  readonly endWhenRevoked = <Value>(
    whose: () => Viewer,
    source: AsyncIterable<Value>,
  ): AsyncIterableIterator<Value> => {
    const controller = new AbortController();
    const stop = this.follow(whose, () => {
      controller.abort(invalidToken());
    });
    return abortable(source, controller.signal, stop);
  };

  /** Checks immediately. Call it when a session may just have ended. */
  recheck(): void {
    // A check that is already running may have read the state from before the change.
    if (this.#isLooking) this.#looksAgain = true;
    else if (this.#followed.size > 0) void this.#look();
  }

  close(): void {
    this.#followed.clear();
    this.#pause();
  }

  #resume(): void {
    this.#timer ??= setInterval(() => {
      this.#endExpired();
      if (this.#followed.size === 0) this.#pause();
      else if (!this.#isLooking) void this.#look();
    }, this.#intervalMs).unref();
  }

  #pause(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Separate from the check for ended sessions, which an unresponsive database delays. */
  #endExpired(): void {
    const now = this.#clock.now();
    for (const { whose, end } of [...this.#followed]) {
      const { expiresAt } = whose();
      if (expiresAt !== undefined && expiresAt <= now) end('expired');
    }
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    do await this.#endEnded();
    while (this.#looksAgain);
    this.#isLooking = false;
  }

  async #endEnded(): Promise<void> {
    this.#looksAgain = false;
    const asked = new Map([...this.#followed].map((followed) => [followed, followed.whose()]));
    const sessionIds = new Set<string>();
    const userIds = new Set<string>();
    for (const { sessionId, userId } of asked.values()) {
      if (sessionId === null) userIds.add(userId);
      else sessionIds.add(sessionId);
    }
    try {
      const watched = { sessionIds: [...sessionIds], userIds: [...userIds] };
      const ended = await this.#repository.findEnded(watched, this.#clock.now());
      for (const [followed, viewer] of asked) {
        // A viewer that was renewed meanwhile, perhaps in another session, is checked next time.
        const isAsAsked = this.#followed.has(followed) && followed.whose() === viewer;
        if (isAsAsked && ended.has(viewer.sessionId ?? viewer.userId)) followed.end('ended');
      }
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#log.warn({ err: error }, 'cannot look for ended sessions; their streams go on');
      this.#isFailing = true;
    }
  }
}
