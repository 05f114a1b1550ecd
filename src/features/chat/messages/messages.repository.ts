import { containsPattern } from '../../../kernel/like-pattern.js';
import { pageOf, type Page, type PageRequest } from '../../../kernel/page.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { MessageChanges, MessageRow, NewMessage } from './message.js';

const COLUMNS = `m.id, m.conversation_id AS "conversationId", m.user_id AS "userId", m.content,
  m.message_type AS "messageType", m.status, m.extra, m.reply_to_id AS "replyToId",
  m.created_at AS "createdAt", m.updated_at AS "updatedAt"`;

/** A message of the conversation, with only the fields that a prompt needs. */
export interface Remark {
  readonly id: string;
  readonly messageType: string;
  readonly text: string;
}

export class MessagesRepository {
  constructor(private readonly database: Database) {}

  /** Finds a message in one of the user's own conversations. */
  async findOwned(userId: string, id: string): Promise<MessageRow | null> {
    const { rows } = await this.database.query<MessageRow>(
      `SELECT ${COLUMNS} FROM messages m JOIN conversations c ON c.id = m.conversation_id WHERE m.id = $1 AND c.user_id = $2`,
      [id, userId],
      'message_find_owned',
    );
    return rows[0] ?? null;
  }

  async findMany(ids: readonly string[]): Promise<readonly MessageRow[]> {
    const { rows } = await this.database.query<MessageRow>(
      `SELECT ${COLUMNS} FROM messages m WHERE m.id = ANY($1::uuid[])`,
      [ids],
      'message_find_many',
    );
    return rows;
  }

  /** Reads one page of messages per conversation, oldest first. The result is in the order of `conversationIds`. */
  async pages(conversationIds: readonly string[], request: PageRequest): Promise<readonly Page<MessageRow>[]> {
    const order = request.forward ? 'ASC' : 'DESC';
    const { rows } = await this.database.query<MessageRow>(
      `SELECT ${COLUMNS} FROM unnest($1::uuid[]) AS conversation (id) CROSS JOIN LATERAL (
         SELECT * FROM messages WHERE conversation_id = conversation.id
           AND ($2::uuid IS NULL OR id > $2::uuid) AND ($3::uuid IS NULL OR id < $3::uuid)
         ORDER BY id ${order} LIMIT $4 OFFSET $5
       ) AS m ORDER BY m.id ${order}`,
      [conversationIds, request.after, request.before, request.size + 1, request.offset],
      `message_pages_${order}`,
    );
    const byConversation = Map.groupBy(rows, (row) => row.conversationId);
    return conversationIds.map((id) => pageOf(request, byConversation.get(id) ?? []));
  }

  async count(conversationIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.database.query<{ conversationId: string; count: number }>(
      `SELECT conversation_id AS "conversationId", count(*)::int AS count FROM messages
       WHERE conversation_id = ANY($1::uuid[]) GROUP BY conversation_id`,
      [conversationIds],
      'message_count',
    );
    return new Map(rows.map((row) => [row.conversationId, row.count]));
  }

  /**
   * Finds messages in the user's own conversations whose text contains `part` (case-insensitive), newest first.
   *
   * `OFFSET 0` keeps the planner from moving the filter out of the inner select. Otherwise it assumes that matches are
   * spread evenly over all users, and scans the table backwards by primary key until the page is full: the whole table
   * if there is no match.
   */
  async search(userId: string, part: string, request: PageRequest): Promise<Page<MessageRow>> {
    const { rows } = await this.database.query<MessageRow>(
      `SELECT ${COLUMNS} FROM (
         SELECT found.* FROM messages found JOIN conversations c ON c.id = found.conversation_id
         WHERE c.user_id = $1 AND found.content->>'text' ILIKE $2 AND ($3::uuid IS NULL OR found.id < $3::uuid)
         OFFSET 0
       ) AS m ORDER BY m.id DESC LIMIT $4 OFFSET $5`,
      [userId, containsPattern(part), request.after, request.size + 1, request.offset],
    );
    return pageOf(request, rows);
  }

  async countFound(userId: string, part: string): Promise<number> {
    const { rows } = await this.database.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM messages m JOIN conversations c ON c.id = m.conversation_id
       WHERE c.user_id = $1 AND m.content->>'text' ILIKE $2`,
      [userId, containsPattern(part)],
    );
    return rows[0]?.count ?? 0;
  }

  async insert(sql: Sql, message: NewMessage): Promise<MessageRow> {
    const { rows } = await sql.query<MessageRow>(
      `INSERT INTO messages AS m (id, conversation_id, user_id, content, message_type, status, extra, reply_to_id)
       VALUES ($1, $2, $3, $4::jsonb, $5, $6::"MessageStatus", $7::jsonb, $8) RETURNING ${COLUMNS}`,
      [
        message.id,
        message.conversationId,
        message.userId,
        JSON.stringify(message.content),
        message.messageType,
        message.status,
        message.extra === null ? null : JSON.stringify(message.extra),
        message.replyToId,
      ],
      'message_insert',
    );
    const [row] = rows;
    if (row === undefined) throw new Error('INSERT ... RETURNING gave no row');
    return row;
  }

  /**
   * Changes a message that is not streaming. The stored deltas of an edited reply become a single one.
   * @returns null when the message does not exist or is streaming
   */
  async update(id: string, changes: MessageChanges): Promise<MessageRow | null> {
    const { rows } = await this.database.query<MessageRow>(
      `UPDATE messages AS m SET
         content = coalesce($2::jsonb, m.content),
         delta_ends = CASE WHEN $2::jsonb IS NULL THEN m.delta_ends ELSE '{}' END,
         message_type = coalesce($3::text, m.message_type),
         extra = CASE WHEN $4::boolean THEN $5::jsonb ELSE m.extra END,
         updated_at = now()
       WHERE m.id = $1 AND m.status <> 'STREAMING' RETURNING ${COLUMNS}`,
      [
        id,
        changes.content === undefined ? null : JSON.stringify(changes.content),
        changes.messageType ?? null,
        changes.extra !== undefined,
        changes.extra == null ? null : JSON.stringify(changes.extra),
      ],
      'message_update',
    );
    return rows[0] ?? null;
  }

  async delete(id: string): Promise<MessageRow | null> {
    const { rows } = await this.database.query<MessageRow>(
      `DELETE FROM messages AS m WHERE m.id = $1 RETURNING ${COLUMNS}`,
      [id],
      'message_delete',
    );
    return rows[0] ?? null;
  }

  /** Messages of the user and the model with a text, before the message `before`, newest first. */
  async remarks(conversationId: string, before: string, limit: number): Promise<readonly Remark[]> {
    const { rows } = await this.database.query<Remark>(
      `SELECT id, message_type AS "messageType", content->>'text' AS text FROM messages
       WHERE conversation_id = $1 AND id < $2 AND message_type IN ('user', 'ai')
         AND jsonb_typeof(content->'text') = 'string' AND content->>'text' <> ''
       ORDER BY id DESC LIMIT $3`,
      [conversationId, before, limit],
      'message_remarks',
    );
    return rows;
  }
}
