import type { Clock } from '../../../kernel/clock.js';
import type { Log } from '../../../kernel/log.js';
import type { AccessEnd, FollowViewer, Viewer } from '../../../kernel/viewer.js';
import { abortable } from './abortable.js';
import { invalidToken } from './session.js';
import type { SessionsRepository, Watched } from './sessions.repository.js';
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
interface WatchedIds extends Watched {
  readonly tokenIds: readonly string[];
}

const expiryOf = ({ expiresAt }: Viewer) => expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;

/** An open stream or WebSocket. */
interface Followed {
  readonly whose: () => Viewer;
  readonly end: (why: AccessEnd) => void;
  /** What `whose` said last. */
  viewer: Viewer;
  /** The viewer that the database was asked about last. */
  asked?: Viewer;
}

/**
 * Ends open streams and WebSockets when their session or personal access token ends (by logout, suspension, deletion or expiry), on whichever
 * instance that happened. One query checks all of them, twice a second while there are any, and immediately after
 * changes made by this instance. While the database is unreachable, they stay open until their token expires.
 *
 * As long as nothing opens, closes or takes a new token, a check goes over none of them: thousands are open and silent.
 */
export class SessionWatch {
  readonly #repository: Pick<SessionsRepository, 'findEnded'>;
  readonly #personalTokens: Pick<TokenHolders, 'findEnded'>;
  readonly #clock: Clock;
  readonly #log: Pick<Log, 'warn'>;
  readonly #intervalMs: number;
  readonly #followed = new Set<Followed>();
  /** The ids that the database is asked about; undefined once something has opened, closed or taken a new token. */
  #watched: WatchedIds | undefined;
  /** No token expires before that, in milliseconds. */
  #nextExpiry = Number.POSITIVE_INFINITY;
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
      if (this.#followed.delete(followed)) this.#watched = undefined;
    };
    const followed: Followed = {
      whose,
      viewer: whose(),
      end: (why) => {
        stop();
        onEnd(why);
      },
    };
    this.#followed.add(followed);
    this.#noteChange(followed);
    this.#resume();
    return stop;
  };

  /** Call it when a WebSocket of the user has a new token. */
  readonly renewed = (userId: string): void => {
    for (const followed of this.#followed) {
      if (followed.viewer.userId !== userId) continue;
      followed.viewer = followed.whose();
      this.#noteChange(followed);
    }
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
    else if (this.#followed.size > 0) void this.#look();
  }

  close(): void {
    this.#followed.clear();
    this.#watched = undefined;
    this.#pause();
  }

  #noteChange({ viewer }: Followed): void {
    this.#watched = undefined;
    this.#nextExpiry = Math.min(this.#nextExpiry, expiryOf(viewer));
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
    const now = this.#clock.now().getTime();
    if (now < this.#nextExpiry) return;
    this.#nextExpiry = Number.POSITIVE_INFINITY;
    for (const followed of this.#followed) {
      if (expiryOf(followed.viewer) <= now) followed.end('expired');
      else this.#nextExpiry = Math.min(this.#nextExpiry, expiryOf(followed.viewer));
    }
  }

  #gather(): WatchedIds {
    const [sessionIds, userIds, tokenIds] = [new Set<string>(), new Set<string>(), new Set<string>()];
    for (const followed of this.#followed) {
      const { viewer } = followed;
      followed.asked = viewer;
      if (viewer.token !== undefined) tokenIds.add(viewer.token.id);
      else if (viewer.sessionId !== null) sessionIds.add(viewer.sessionId);
      else userIds.add(viewer.userId);
    }
    return { sessionIds: [...sessionIds], userIds: [...userIds], tokenIds: [...tokenIds] };
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    await this.#endEnded();
    while (this.#looksAgain) {
      this.#looksAgain = false;
      this.#endExpired();
      await this.#endEnded();
    }
    this.#isLooking = false;
  }

  async #endEnded(): Promise<void> {
    const { sessionIds, userIds, tokenIds } = (this.#watched ??= this.#gather());
    try {
      const now = this.#clock.now();
      const endedTokens = tokenIds.length > 0 ? await this.#personalTokens.findEnded(tokenIds, now) : [];
      const ended = new Set([...(await this.#repository.findEnded({ sessionIds, userIds }, now)), ...endedTokens]);
      for (const followed of ended.size > 0 ? this.#followed : []) {
        const { viewer } = followed;
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
