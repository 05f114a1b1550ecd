import { LOOK, notedSince, type Look } from '../../../kernel/since-last-look.js';
import type { Database, Sql } from '../../../ports/database.js';
import { KEPT_HOURS, type FeedEvents } from './event-feed.js';

/** Rows that one statement removes. */
const SWEPT = 5_000;

export interface StoredEvent {
  readonly sequence: number;
  readonly event: object;
}

/** Events that transactions have added: of each its feed and its number. */
export interface FeedNews extends Look {
  readonly feedIds: readonly string[];
  readonly lasts: readonly number[];
}

export class EventFeedsRepository {
  constructor(private readonly database: Database) {}

  /** Adds events to feeds. Locks their rows, one after the other, to the end of the transaction. @returns the number of each one's last */
  async add(sql: Sql, feeds: readonly FeedEvents[]): Promise<readonly number[]> {
    const numbers = feeds.map((_, index) => `note_events($${2 * index + 1}::uuid, $${2 * index + 2}::jsonb)`);
    const { rows } = await sql.query<{ lasts: readonly number[] }>(
      `SELECT ARRAY[${numbers.join(', ')}] AS lasts`,
      feeds.flatMap(({ feed, events }) => [feed.id, JSON.stringify(events)]),
      `feed_add_${feeds.length}`,
    );
    return rows[0]?.lasts ?? [];
  }

  /** The numbers of the last events, by feed. A feed in which nothing has happened has none. */
  async lasts(feedIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.database.query<{ id: string; last: number }>(
      `SELECT id, last_sequence AS last FROM event_feeds WHERE id = ANY($1::uuid[])`,
      [feedIds],
      'feed_lasts',
    );
    return new Map(rows.map(({ id, last }) => [id, last]));
  }

  /**
   * What transactions have added that an earlier look did not see.
   * @param mark that of the earlier look; null for none, of which nothing was seen
   * @param most more events than that are not read
   */
  async newsSince(mark: string | null, most: number): Promise<FeedNews> {
    const { rows } = await this.database.query<FeedNews>(
      `SELECT ${LOOK}, coalesce(array_agg(news.feed_id), '{}')::text[] AS "feedIds", coalesce(array_agg(news.sequence), '{}') AS lasts
       FROM (
         SELECT feed_id, sequence FROM feed_events WHERE ${notedSince('$1')} ORDER BY transaction_id LIMIT $2
       ) AS news`,
      [mark, most],
      'feed_news_since',
    );
    const [news] = rows;
    if (news === undefined) throw new Error('The database gave no mark');
    return news;
  }

  /** The events after a number that are still kept, in order. */
  async after(feedId: string, sequence: number, limit: number): Promise<readonly StoredEvent[]> {
    const { rows } = await this.database.query<StoredEvent>(
      `SELECT sequence, event FROM feed_events WHERE feed_id = $1 AND sequence > $2 ORDER BY sequence LIMIT $3`,
      [feedId, sequence, limit],
      'feed_after',
    );
    return rows;
  }

  /** Forgets feeds whose things are gone. */
  async drop(sql: Sql, feedIds: readonly string[]): Promise<void> {
    await sql.query(
      `WITH gone AS (DELETE FROM event_feeds WHERE id = ANY($1::uuid[]))
       DELETE FROM feed_events WHERE feed_id = ANY($1::uuid[])`,
      [feedIds],
      'feed_drop',
    );
  }

  /** Removes events that have been kept for long enough. @returns whether there may be more of them */
  async sweep(): Promise<boolean> {
    const { rowCount } = await this.database.query(
      `DELETE FROM feed_events WHERE ctid = ANY(ARRAY(
         SELECT ctid FROM feed_events WHERE created_at < now() - make_interval(hours => ${KEPT_HOURS})
         ORDER BY created_at LIMIT ${SWEPT} FOR UPDATE SKIP LOCKED))`,
      [],
      'feed_sweep',
    );
    return rowCount === SWEPT;
  }
}
