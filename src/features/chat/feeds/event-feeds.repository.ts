import type { Database, Sql } from '../../../ports/database.js';
import { KEPT_HOURS, type FeedEvents } from './event-feed.js';

/** Rows that one statement removes. */
const SWEPT = 5_000;

export interface StoredEvent {
  readonly sequence: number;
  readonly event: object;
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
   * What the database has at this moment, as a word: as long as nothing is committed, by whomever, it stays the same. Another process of
   * the database may have another word for it: all are new after a crash, which takes back numbers of transactions.
   */
  async moment(): Promise<string> {
    const { rows } = await this.database.query<{ moment: string }>(
      `SELECT pg_backend_pid() || ' ' || pg_postmaster_start_time() || ' ' || pg_current_snapshot()::text AS moment`,
      [],
      'feed_moment',
    );
    return rows[0]?.moment ?? '';
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
