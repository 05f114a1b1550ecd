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
  /** Between two looks at the database, while anything is open. 500 ms by default: what ended is to be over within 1 s. */
  readonly intervalMs?: number;
}

/** Something open: a stream, or a WebSocket. */
interface Followed {
  readonly whose: () => Viewer;
  readonly end: (why: AccessEnd) => void;
}

/**
 * Ends open streams and WebSockets when their session ends (a logout, a suspension, a deletion, an expiry), on whichever
 * instance that came about: one query for all of them, twice a second while there are any, and at once for what this
 * instance did itself. While the database cannot be asked, they go on until their token expires.
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
   * The same values as `source`, until it ends or the viewer's session or token does: then the consumer gets Unauthenticated
   * `Invalid token`, also while the source is silent, and the source's `return` is called. Watches from now on, until the
   * consumer has come to the end or called `return`.
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

  /** Looks now. For when a session may just have ended. */
  recheck(): void {
    // A look that has begun may have read what was before.
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

  /** Apart from the look, which a database that does not answer holds up. */
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
        // A viewer renewed meanwhile, perhaps in another session, is checked next time.
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
