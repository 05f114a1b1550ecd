import type { Timers } from '../../../kernel/timers.js';
import type { EventFeedsRepository } from './event-feeds.repository.js';
import type { FeedFollower } from './feed-follower.js';

/** How often an instance asks whether something was not told: by an instance that died right after its commit. In milliseconds. */
const WATCH_MS = 3_000;

type Watched = Pick<FeedFollower<object>, 'end' | 'expect' | 'feedId'>;

interface FeedWatchNeeds {
  readonly repository: Pick<EventFeedsRepository, 'lasts' | 'moment'>;
  readonly timers: Timers;
  readonly closing: AbortSignal;
}

/**
 * Looks with one query for all of an instance's followers whether there is something that the event bus did not bring, unless
 * nothing has been committed since the last look. It ends them when the server shuts down: one listener for all, where a signal of
 * each (`AbortSignal.any`) would take more memory than the follower does.
 */
export class FeedWatch {
  readonly #followers = new Set<Watched>();
  #isWatching = false;
  /** When the last look began that all followers were a part of; undefined where one has come since. */
  #moment: string | undefined;

  constructor(private readonly needs: FeedWatchNeeds) {
    needs.closing.addEventListener('abort', () => {
      for (const follower of this.#followers) follower.end();
    });
  }

  enter(follower: Watched): void {
    if (this.needs.closing.aborted) follower.end();
    this.#followers.add(follower);
    // It may have read its feed's last number before what the last look has seen.
    this.#moment = undefined;
    if (!this.#isWatching) void this.#watch();
  }

  leave(follower: Watched): void {
    this.#followers.delete(follower);
  }

  async #watch(): Promise<void> {
    const { timers, closing } = this.needs;
    this.#isWatching = true;
    while (this.#followers.size > 0 && !closing.aborted) {
      await timers.sleep(WATCH_MS, closing);
      await this.#look();
    }
    this.#isWatching = false;
  }

  async #look(): Promise<void> {
    if (this.#followers.size === 0) return;
    try {
      const moment = await this.needs.repository.moment();
      if (moment === this.#moment) return;
      this.#moment = moment;
      const followers = [...this.#followers];
      const lasts = await this.needs.repository.lasts([...new Set(followers.map(({ feedId }) => feedId))]);
      for (const follower of followers) follower.expect(lasts.get(follower.feedId) ?? 0);
    } catch {
      // The database logs its own outages, and the next look comes soon.
      this.#moment = undefined;
    }
  }
}
