import type { Clock } from '../../../kernel/clock.js';
import type { Log } from '../../../kernel/log.js';
import { atOnce } from '../../../kernel/in-turn.js';
import { untilStep } from '../../../kernel/timers.js';
import type { AccessEnd, FollowViewer, Viewer } from '../../../kernel/viewer.js';
import { Abortable } from './abortable.js';
import { AccessEnds } from './access-ends.js';
import { invalidToken } from './session.js';
import type { SessionsRepository, Watched } from './sessions.repository.js';
import type { TokenHolders } from './token-holders.js';

/** One look of so many asks about all that is open, for ends that no trigger has noted. */
const LOOKS_TO_WHOLE = 60;

export interface SessionWatchOptions {
  readonly repository: Pick<SessionsRepository, 'endsSince' | 'findEnded'>;
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

/** The id that the database is asked about. */
const idOf = ({ token, sessionId, userId }: Viewer) => token?.id ?? sessionId ?? userId;

/** An open stream or WebSocket. */
interface Followed {
  readonly whose: () => Viewer;
  readonly onEnd: (why: AccessEnd) => void;
  /** What `whose` said last. */
  viewer: Viewer;
  /** The viewer that the database was asked about last; undefined before. */
  asked: Viewer | undefined;
}

/**
 * Ends open streams and WebSockets when their session or personal access token ends (by logout, suspension, deletion or expiry), on whichever
 * instance that happened. It asks twice a second while there are any, and immediately after changes made by this instance. While the
 * database is unreachable, they stay open until their token expires.
 *
 * As long as nothing opens, ends or takes a new token, a look is one statement, and goes over none of them: thousands are open and
 * silent.
 */
export class SessionWatch {
  readonly #repository: Pick<SessionsRepository, 'findEnded'>;
  readonly #ends: AccessEnds;
  readonly #personalTokens: Pick<TokenHolders, 'findEnded'>;
  readonly #clock: Clock;
  readonly #log: Pick<Log, 'warn'>;
  readonly #intervalMs: number;
  readonly #followed = new Set<Followed>();
  /** What has opened or taken a new token since the last look: whether it had ended by then, no later end says. */
  readonly #unasked = new Set<Followed>();
  /** No token expires before that, in milliseconds. */
  #nextExpiry = Number.POSITIVE_INFINITY;
  /** No session that the database was asked about expires before that, in milliseconds: nobody notes such an end. */
  #nextSessionExpiry = Number.POSITIVE_INFINITY;
  /** Looks until the next one that asks about all. */
  #looksToWhole = 0;
  #timer: NodeJS.Timeout | undefined;
  #isLooking = false;
  #looksAgain = false;
  #isFailing = false;

  constructor({ repository, personalTokens, clock, log, intervalMs = 500 }: SessionWatchOptions) {
    this.#repository = repository;
    this.#ends = new AccessEnds(repository);
    this.#personalTokens = personalTokens;
    this.#clock = clock;
    this.#log = log;
    this.#intervalMs = intervalMs;
  }

  readonly follow: FollowViewer = (whose, onEnd) => {
    const followed: Followed = { whose, onEnd, viewer: whose(), asked: undefined };
    this.#followed.add(followed);
    this.#noteChange(followed);
    this.#resume();
    return () => {
      this.#forget(followed);
    };
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
    const stream = new Abortable(source, () => {
      stop();
      onEnd?.();
    });
    const stop = this.follow(whose, () => {
      stream.abort(invalidToken());
    });
    return stream;
  };

  /** Checks immediately. Call it when a session may just have ended. */
  recheck(): void {
    // A check that is already running may have read the state from before the change.
    if (this.#isLooking) this.#looksAgain = true;
    else if (this.#followed.size > 0) void this.#look();
  }

  close(): void {
    this.#followed.clear();
    this.#unasked.clear();
    this.#pause();
  }

  #forget(followed: Followed): void {
    this.#followed.delete(followed);
    this.#unasked.delete(followed);
  }

  #end(followed: Followed, why: AccessEnd): void {
    this.#forget(followed);
    followed.onEnd(why);
  }

  #noteChange(followed: Followed): void {
    this.#unasked.add(followed);
    this.#nextExpiry = Math.min(this.#nextExpiry, expiryOf(followed.viewer));
  }

  #resume(): void {
    this.#timer ??= setTimeout(
      () => {
        this.#timer = undefined;
        this.#endExpired();
        if (this.#followed.size === 0) return;
        this.#resume();
        if (!this.#isLooking) void atOnce(() => this.#look());
      },
      untilStep(this.#intervalMs, performance.now()),
    ).unref();
  }

  #pause(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** Separate from the check for ended sessions, which an unresponsive database delays. */
  #endExpired(): void {
    const now = this.#clock.now().getTime();
    if (now < this.#nextExpiry) return;
    this.#nextExpiry = Number.POSITIVE_INFINITY;
    for (const followed of this.#followed) {
      if (expiryOf(followed.viewer) <= now) this.#end(followed, 'expired');
      else this.#nextExpiry = Math.min(this.#nextExpiry, expiryOf(followed.viewer));
    }
  }

  /** Those of whose end the database knows, if they have ended. */
  async #due(now: number): Promise<readonly Followed[]> {
    const ended = await this.#ends.sinceLast();
    if (ended === undefined || this.#looksToWhole <= 0 || now >= this.#nextSessionExpiry) {
      this.#looksToWhole = LOOKS_TO_WHOLE;
      this.#nextSessionExpiry = Number.POSITIVE_INFINITY;
      return [...this.#followed];
    }
    this.#looksToWhole -= 1;
    if (ended.size === 0) return [...this.#unasked];
    return [...this.#followed].filter(
      ({ viewer, asked }) => asked !== viewer || ended.has(idOf(viewer)) || ended.has(viewer.userId),
    );
  }

  #gather(due: readonly Followed[]): WatchedIds {
    const [sessionIds, userIds, tokenIds] = [new Set<string>(), new Set<string>(), new Set<string>()];
    for (const followed of due) {
      const { viewer } = followed;
      followed.asked = viewer;
      this.#unasked.delete(followed);
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
    const now = this.#clock.now();
    try {
      // First what has ended since, then who that was: what ends meanwhile is told the next time.
      const due = await this.#due(now.getTime());
      if (due.length > 0) {
        const ended = await this.#findEnded(this.#gather(due), now);
        for (const followed of ended.size > 0 ? due : []) {
          const { viewer, asked } = followed;
          // One that was renewed meanwhile, perhaps in another session, is checked next time.
          const isAsAsked = asked === viewer && this.#followed.has(followed);
          if (isAsAsked && ended.has(idOf(viewer))) this.#end(followed, 'ended');
        }
      }
      this.#isFailing = false;
    } catch (error) {
      this.#ends.forget();
      if (!this.#isFailing) this.#log.warn({ err: error }, 'cannot look for ended sessions; their streams go on');
      this.#isFailing = true;
    }
  }

  async #findEnded({ tokenIds, ...watched }: WatchedIds, now: Date): Promise<ReadonlySet<string>> {
    const endedTokens = tokenIds.length > 0 ? await this.#personalTokens.findEnded(tokenIds, now) : [];
    if (watched.sessionIds.length === 0 && watched.userIds.length === 0) return new Set(endedTokens);
    const { ids, nextExpiry } = await this.#repository.findEnded(watched, now);
    this.#nextSessionExpiry = Math.min(this.#nextSessionExpiry, nextExpiry?.getTime() ?? Number.POSITIVE_INFINITY);
    return new Set([...ids, ...endedTokens]);
  }
}
