import type { Clock } from '../../../kernel/clock.js';
import type { Log } from '../../../kernel/log.js';
import type { AccessEnd, FollowViewer, Viewer } from '../../../kernel/viewer.js';
import { abortable } from './abortable.js';
import { invalidToken } from './session.js';
import type { SessionsRepository } from './sessions.repository.js';
import type { TokenHolders } from './token-holders.js';

export interface SessionWatchOptions {
  readonly repository: Pick<SessionsRepository, 'findEnded'>;
  readonly personalTokens: Pick<TokenHolders, 'findEnded'>;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
  /**
   * Polling interval while anything is open. 500 ms by default, since everything must close within 1 s of its session's
   * end.
   */
  readonly intervalMs?: number;
}

/** What the database is asked about. */
interface Watched {
  readonly sessionIds: ReadonlySet<string>;
  readonly userIds: ReadonlySet<string>;
  readonly tokenIds: ReadonlySet<string>;
}

/** An open stream or WebSocket. */
interface Followed {
  readonly whose: () => Viewer;
  readonly end: (why: AccessEnd) => void;
  /** The viewer that the database was asked about last. */
  asked?: Viewer;
}

/**
 * Ends open streams and WebSockets when their session or personal access token ends (by logout, suspension, deletion or expiry), on whichever
 * instance that happened. One query checks all of them, twice a second while there are any, and immediately after
 * changes made by this instance. While the database is unreachable, they stay open until their token expires.
 */
export class SessionWatch {
  readonly #repository: Pick<SessionsRepository, 'findEnded'>;
  readonly #personalTokens: Pick<TokenHolders, 'findEnded'>;
  readonly #clock: Clock;
  readonly #log: Pick<Log, 'warn'>;
  readonly #intervalMs: number;
  readonly #followed = new Set<Followed>();
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #looksAgain = false;
  #isFailing = false;

  constructor({ repository, personalTokens, clock, log, intervalMs = 500 }: SessionWatchOptions) {
    this.#repository = repository;
    this.#personalTokens = personalTokens;
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
   * @param onEnd called at every kind of end, once or more
   */
  readonly endWhenRevoked = <Value>(
    whose: () => Viewer,
    source: AsyncIterable<Value>,
    onEnd?: () => void,
  ): AsyncIterableIterator<Value> => {
    const controller = new AbortController();
    const stop = this.follow(whose, () => {
      controller.abort(invalidToken());
    });
    return abortable(source, controller.signal, () => {
      stop();
      onEnd?.();
    });
  };

  /** Checks immediately. Call it when a session may just have ended. */
  recheck(): void {
    // A check that is already running may have read the state from before the change.
    if (this.#isLooking) this.#looksAgain = true;
    else if (this.#followed.size > 0) void this.#look(this.#endExpired(true));
  }

  close(): void {
    this.#followed.clear();
    this.#pause();
  }

  #resume(): void {
    this.#timer ??= setInterval(() => {
      const watched = this.#endExpired(!this.#isLooking);
      if (this.#followed.size === 0) this.#pause();
      else if (!this.#isLooking) void this.#look(watched);
    }, this.#intervalMs).unref();
  }

  #pause(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /**
   * Separate from the check for ended sessions, which an unresponsive database delays; but it goes over all that is open, which is
   * most of what both take, and gathers for the check as well.
   * @param asks whether the check follows
   */
  #endExpired(asks: boolean): Watched {
    const now = this.#clock.now();
    const sessionIds = new Set<string>();
    const userIds = new Set<string>();
    const tokenIds = new Set<string>();
    for (const followed of this.#followed) {
      const viewer = followed.whose();
      const { expiresAt, sessionId, token, userId } = viewer;
      if (expiresAt !== undefined && expiresAt <= now) {
        followed.end('expired');
        continue;
      }
      if (!asks) continue;
      followed.asked = viewer;
      if (token !== undefined) tokenIds.add(token.id);
      else if (sessionId !== null) sessionIds.add(sessionId);
      else userIds.add(userId);
    }
    return { sessionIds, userIds, tokenIds };
  }

  async #look(watched: Watched): Promise<void> {
    this.#isLooking = true;
    await this.#endEnded(watched);
    while (this.#looksAgain) {
      this.#looksAgain = false;
      await this.#endEnded(this.#endExpired(true));
    }
    this.#isLooking = false;
  }

  async #endEnded({ sessionIds, userIds, tokenIds }: Watched): Promise<void> {
    try {
      const watched = { sessionIds: [...sessionIds], userIds: [...userIds] };
      const now = this.#clock.now();
      const endedTokens = tokenIds.size > 0 ? await this.#personalTokens.findEnded([...tokenIds], now) : [];
      const ended = new Set([...(await this.#repository.findEnded(watched, now)), ...endedTokens]);
      for (const followed of ended.size > 0 ? this.#followed : []) {
        const viewer = followed.whose();
        // One that came meanwhile, or was renewed, perhaps in another session, is checked next time.
        const isAsAsked = followed.asked === viewer;
        if (isAsAsked && ended.has(viewer.token?.id ?? viewer.sessionId ?? viewer.userId)) followed.end('ended');
      }
      this.#isFailing = false;
    } catch (error) {
      if (!this.#isFailing) this.#log.warn({ err: error }, 'cannot look for ended sessions; their streams go on');
      this.#isFailing = true;
    }
  }
}
