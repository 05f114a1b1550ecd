import { inTurn } from '../../../kernel/in-turn.js';
import { SinceLastLook } from '../../../kernel/since-last-look.js';
import { untilStep, type Timers } from '../../../kernel/timers.js';
import type { EventFeedsRepository, FeedNews } from './event-feeds.repository.js';
import type { FeedFollower } from './feed-follower.js';

/** How often an instance asks whether something was not told: by an instance that died right after its commit. In milliseconds. */
const WATCH_MS = 3_000;
/** Events that are told one by one. */
const MOST_TOLD = 1_000;

type Watched = Pick<FeedFollower<object>, 'end' | 'expect' | 'feedId'>;

interface FeedWatchNeeds {
  readonly repository: Pick<EventFeedsRepository, 'lasts' | 'newsSince'>;
  readonly timers: Timers;
  readonly closing: AbortSignal;
}

/**
 * Looks with one query for all of an instance's followers whether there is something that the event bus did not bring: what was added to
 * any feed since the last look. So a look costs the same however many follow, and goes over those alone whose feed has something new.
 * It ends them when the server shuts down: one listener for all, where a signal of each (`AbortSignal.any`) would take more memory than
 * the follower does.
 */
export class FeedWatch {
  /** By feed. */
  readonly #followers = new Map<string, Watched[]>();
  /** Who has come since the last look, and may have read its feed's last number before what that look has seen. */
  readonly #unasked = new Set<Watched>();
  readonly #news: SinceLastLook<FeedNews>;
  #isWatching = false;

  constructor(private readonly needs: FeedWatchNeeds) {
    this.#news = new SinceLastLook((mark) => needs.repository.newsSince(mark, MOST_TOLD + 1));
    needs.closing.addEventListener('abort', () => {
      for (const follower of this.#all()) follower.end();
    });
  }

  enter(follower: Watched): void {
    if (this.needs.closing.aborted) follower.end();
    const others = this.#followers.get(follower.feedId);
    if (others === undefined) this.#followers.set(follower.feedId, [follower]);
    else others.push(follower);
    this.#unasked.add(follower);
    if (!this.#isWatching) void this.#watch();
  }

  leave(follower: Watched): void {
    this.#unasked.delete(follower);
    const left = this.#followers.get(follower.feedId)?.filter((other) => other !== follower) ?? [];
    if (left.length > 0) this.#followers.set(follower.feedId, left);
    else this.#followers.delete(follower.feedId);
  }

  #all(): readonly Watched[] {
    return [...this.#followers.values()].flat();
  }

  async #watch(): Promise<void> {
    const { timers, closing } = this.needs;
    this.#isWatching = true;
    while (this.#followers.size > 0 && !closing.aborted) {
      await timers.sleep(untilStep(WATCH_MS, timers.now()), closing);
      await inTurn(() => this.#look());
    }
    this.#isWatching = false;
  }

  async #look(): Promise<void> {
    if (this.#followers.size === 0) return;
    try {
      const news = await this.#news.look();
      if (news !== undefined && news.feedIds.length <= MOST_TOLD) {
        this.#tell(news);
        await this.#ask([...this.#unasked]);
      } else await this.#ask(this.#all());
    } catch {
      // The database logs its own outages, and the next look comes soon.
      this.#news.forget();
    }
  }

  #tell({ feedIds, lasts }: FeedNews): void {
    for (const [index, feedId] of feedIds.entries()) {
      for (const follower of this.#followers.get(feedId) ?? []) follower.expect(lasts[index] ?? 0);
    }
  }

  /** Tells followers of the last number of their feeds. To be called behind a look: what is added meanwhile is told by the next one. */
  async #ask(followers: readonly Watched[]): Promise<void> {
    if (followers.length === 0) return;
    const lasts = await this.needs.repository.lasts([...new Set(followers.map(({ feedId }) => feedId))]);
    for (const follower of followers) {
      follower.expect(lasts.get(follower.feedId) ?? 0);
      this.#unasked.delete(follower);
    }
  }
}
