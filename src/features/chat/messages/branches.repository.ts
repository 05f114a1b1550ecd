import { newId } from '../../../kernel/ids.js';
import type { Database, Sql } from '../../../ports/database.js';
import { MAX_SIBLINGS, type Siblings } from './message.js';

interface SiblingRow {
  readonly asked: string;
  readonly id: string;
  readonly index: number;
  readonly totalCount: number;
}

/** What is read and written of branches as a whole. */
export class BranchesRepository {
  constructor(private readonly database: Database) {}

  /** By the ids that are asked for, without those that do not exist. */
  async siblings(ids: readonly string[]): Promise<ReadonlyMap<string, Siblings>> {
    const { rows } = await this.database.query<SiblingRow>(
      `SELECT own.id AS asked, sibling.id, place.index::int AS index, place.total::int AS "totalCount"
       FROM messages own
       CROSS JOIN LATERAL (
         SELECT count(*) FILTER (WHERE m.id < own.id) AS index, count(*) AS total
         FROM messages m WHERE m.parent_id = own.parent_id
       ) AS place
       CROSS JOIN LATERAL (
         SELECT m.id FROM messages m WHERE m.parent_id = own.parent_id ORDER BY m.id
         OFFSET greatest(0, least(place.index - ${MAX_SIBLINGS / 2}, place.total - ${MAX_SIBLINGS})) LIMIT ${MAX_SIBLINGS}
       ) AS sibling
       WHERE own.id = ANY($1::uuid[]) ORDER BY own.id, sibling.id`,
      [ids],
      'message_siblings',
    );
    const byMessage = Map.groupBy(rows, ({ asked }) => asked);
    return new Map(
      [...byMessage].map(([asked, found]) => {
        const { index = 0, totalCount = 0 } = found[0] ?? {};
        return [asked, { ids: found.map(({ id }) => id), index, totalCount }];
      }),
    );
  }

  /**
   * Copies the branch that ends with a message into an empty conversation, all its columns but those of its place. A reply that
   * is streaming is copied as far as it is stored, as one that was cut short.
   * @returns how many messages were copied
   */
  async copy(sql: Sql, messageId: string, conversationId: string): Promise<number> {
    const branch = await sql.query<{ id: string }>(
      `WITH RECURSIVE up AS (
         SELECT id, parent_id, position FROM messages WHERE id = $1
         UNION ALL
         SELECT m.id, m.parent_id, m.position FROM messages m JOIN up ON m.id = up.parent_id
       )
       SELECT id FROM up ORDER BY position`,
      [messageId],
      'message_branch',
    );
    const ids = branch.rows.map(({ id }) => id);
    const copies = ids.map(() => newId());
    const { rowCount } = await sql.query(
      `WITH copy AS (
         SELECT *, lag(id) OVER (ORDER BY place) AS parent_id
         FROM unnest($2::uuid[], $3::uuid[]) WITH ORDINALITY AS pair (original, id, place)
       )
       INSERT INTO messages SELECT changed.* FROM copy
       JOIN messages m ON m.id = copy.original
       LEFT JOIN copy AS answered ON answered.original = m.reply_to_id
       CROSS JOIN LATERAL jsonb_populate_record(m, jsonb_build_object(
         'id', copy.id, 'conversation_id', $1::uuid, 'reply_to_id', answered.id,
         'parent_id', coalesce(copy.parent_id, $1::uuid), 'position', copy.place - 1, 'is_current', true,
         'waits_until', NULL, 'stop_requested_at', NULL,
         'status', CASE WHEN m.status <> 'STREAMING' THEN m.status::text
           WHEN m.content->>'text' = '' AND NOT coalesce(m.parts, '[]') @> '[{"type": "tool-call"}]' THEN 'FAILED' ELSE 'PARTIAL' END
       )) AS changed`,
      [conversationId, ids, copies],
      'message_branch_copy',
    );
    // Whoever takes a branch elsewhere has read it.
    await sql.query(
      `UPDATE conversations SET read_id = $2, unread_count = 0 WHERE id = $1`,
      [conversationId, copies.at(-1) ?? null],
      'message_branch_read',
    );
    return rowCount;
  }
}
