import { feedOf } from '../../../kernel/pushed.js';
import type { Timers } from '../../../kernel/timers.js';
import type { Sql } from '../../../ports/database.js';
import type { EventBus } from '../../../ports/event-bus.js';
import type { EventFeed, Expired, FeedEvents, News, NotedAct, Numbered } from './event-feed.js';
import type { EventFeedsRepository } from './event-feeds.repository.js';
import { FeedFollower, type LiveEvent } from './feed-follower.js';
import { FeedWatch } from './feed-watch.js';

/** Events that are read at once for a follower who comes back. */
const BATCH = 200;

export interface EventFeedsNeeds {
  readonly repository: EventFeedsRepository;
  readonly bus: EventBus;
  readonly timers: Timers;
  /** Aborts when the server shuts down, which ends the feeds that would otherwise never end. */
  readonly closing: AbortSignal;
}

/**
 * Numbered events, told by the event bus to whoever follows at the moment, and kept in the database for whoever comes back. An act
 * notes its events in its transaction, so that none of what is committed is without its event; it tells them afterwards, which may
 * fail: a follower who notices a gap, or is behind the number in the database, reads what is missing there.
 */
export class EventFeeds {
  readonly #watch: FeedWatch;

  constructor(private readonly needs: EventFeedsNeeds) {
    this.#watch = new FeedWatch(needs);
  }

  /** Notes what a transaction does, as the last of what it locks. Call {@link tell} after the commit. */
  async note(sql: Sql, feeds: readonly FeedEvents[]): Promise<readonly News[]> {
    const eventful = feeds.filter(({ events }) => events.length > 0);
    if (eventful.length === 0) return [];
    const lasts = await this.needs.repository.add(sql, eventful);
    return eventful.map((happened, index) => numbered(happened, lasts[index] ?? 0));
  }

  tell(...news: readonly News[]): void {
    for (const { feed, events } of news) this.needs.bus.publish(feed.topic, events);
  }

  /** For an act whose events are noted and told apart. */
  act(): NotedAct {
    return new FeedsAct(this);
  }

  /** For things that are deleted, with all that was told of them. */
  drop(sql: Sql, feedIds: readonly string[]): Promise<void> {
    return this.needs.repository.drop(sql, feedIds);
  }

  /**
   * The events after number `after`, or those from now on where it is null; then those that come, until the consumer stops or the
   * server shuts down. Live when the promise resolves. What is no longer kept is told as {@link Expired}.
   */
  async follow<Event extends object>(
    feed: EventFeed,
    after: number | null,
    signal: AbortSignal,
  ): Promise<AsyncGenerator<Numbered<Event> | Expired, void, undefined>> {
    const { bus, repository } = this.needs;
    // First, so that nothing is missed between the two.
    const live = await bus.subscribe<LiveEvent<Event>>(feed.topic, signal);
    const last = (await repository.lasts([feed.id])).get(feed.id) ?? 0;
    return this.#follow(feed, { after: after ?? last, last }, live);
  }

  async *#follow<Event extends object>(
    feed: EventFeed,
    { after, last }: { readonly after: number; readonly last: number },
    live: AsyncIterableIterator<LiveEvent<Event>>,
  ): AsyncGenerator<Numbered<Event> | Expired, void, undefined> {
    const follower = new FeedFollower<Event>(feed.id);
    // A number that the feed has not come to yet is of another life of the database: nothing follows it.
    follower.seen = after > last ? -1 : after;
    follower.expect(last);
    this.#watch.enter(follower);
    feedOf(live, follower).resume();
    try {
      for (;;) {
        if (follower.last <= follower.seen) {
          const next = await follower.next();
          if (next.type === 'end') return;
          if (next.type === 'live') {
            const { sequence } = next.event;
            if (sequence === undefined || sequence === follower.seen + 1) {
              follower.seen = sequence ?? follower.seen;
              yield { ...next.event, sequence: follower.seen };
            } else follower.expect(sequence);
            continue;
          }
        }
        for await (const event of this.#stored<Event>(feed, follower.seen, follower.last)) {
          follower.seen = event.sequence;
          yield event;
        }
      }
    } finally {
      this.#watch.leave(follower);
      await live.return?.();
    }
  }

  /** The events after number `seen` up to `last` at least, which are committed. */
  async *#stored<Event extends object>(
    feed: EventFeed,
    seen: number,
    last: number,
  ): AsyncGenerator<Numbered<Event> | Expired, void, undefined> {
    for (let before = seen; before < last;) {
      const rows = await this.needs.repository.after(feed.id, before, BATCH);
      for (const { sequence, event } of rows) {
        if (sequence !== before + 1) break;
        before = sequence;
        yield { ...(event as Event), sequence };
      }
      if (rows.length > 0 && rows.at(-1)?.sequence === before) continue;
      // Some are gone. Whoever reads anew has seen what those did that are left.
      const latest = (await this.needs.repository.lasts([feed.id])).get(feed.id) ?? last;
      yield { type: 'expired', sequence: Math.max(latest, last) };
      return;
    }
  }
}

class FeedsAct implements NotedAct {
  readonly #news = new Map<string, News>();

  constructor(private readonly feeds: Pick<EventFeeds, 'note' | 'tell'>) {}

  async note(sql: Sql, ...feeds: readonly FeedEvents[]): Promise<void> {
    for (const news of await this.feeds.note(sql, feeds)) this.#news.set(news.feed.id, news);
  }

  noted(happened: FeedEvents, last: number): void {
    this.#news.set(happened.feed.id, numbered(happened, last));
  }

  tell(): void {
    this.feeds.tell(...this.#news.values());
  }
}

function numbered({ feed, events }: FeedEvents, last: number): News {
  const first = last - events.length + 1;
  return { feed, events: events.map((event, index) => ({ ...event, sequence: first + index })) };
}
