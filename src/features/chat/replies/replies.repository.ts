import type { Database, Sql } from '../../../ports/database.js';
import type { MessageStatus } from '../messages/message.js';
import { replyContent, type ReplyFailure, type StoredReply } from './reply.js';

export interface ReplyEnd {
  readonly status: Exclude<MessageStatus, 'STREAMING'>;
  readonly text: string;
  readonly deltaEnds: readonly number[];
  readonly tokens: number;
  readonly failure: { readonly code: ReplyFailure; readonly reason: string } | null;
}

const COLUMNS = `m.id, m.conversation_id AS "conversationId", m.user_id AS "userId", m.content,
  m.message_type AS "messageType", m.status, m.extra, m.reply_to_id AS "replyToId", m.created_at AS "createdAt",
  m.updated_at AS "updatedAt", m.delta_ends AS "deltaEnds", m.failure_code AS "failureCode",
  m.failure_reason AS "failureReason", m.tokens`;

/** The columns of a reply's row that its stream needs. Those that every message has belong to the messages feature. */
export class RepliesRepository {
  constructor(private readonly database: Database) {}

  async find(id: string): Promise<StoredReply | null> {
    const { rows } = await this.database.query<StoredReply>(
      `SELECT ${COLUMNS} FROM messages m WHERE m.id = $1`,
      [id],
      'reply_find',
    );
    return rows[0] ?? null;
  }

  async findForUpdate(sql: Sql, id: string): Promise<StoredReply | null> {
    const { rows } = await sql.query<StoredReply>(`SELECT ${COLUMNS} FROM messages m WHERE m.id = $1 FOR UPDATE`, [id]);
    return rows[0] ?? null;
  }

  /** @returns false when the reply has ended or does not exist */
  async isStreaming(id: string): Promise<boolean> {
    const { rowCount } = await this.database.query(
      `SELECT 1 FROM messages WHERE id = $1 AND status = 'STREAMING'`,
      [id],
      'reply_is_streaming',
    );
    return rowCount > 0;
  }

  /** Stores the text so far. @returns false when the reply has ended or does not exist */
  async checkpoint(id: string, text: string, deltaEnds: readonly number[]): Promise<boolean> {
    const { rowCount } = await this.database.query(
      `UPDATE messages SET content = $2::jsonb, delta_ends = $3::int[], updated_at = now()
       WHERE id = $1 AND status = 'STREAMING'`,
      [id, JSON.stringify(replyContent(text)), deltaEnds],
      'reply_checkpoint',
    );
    return rowCount > 0;
  }

  /** @returns false when the reply had already ended or does not exist */
  async finish(sql: Sql, id: string, end: ReplyEnd): Promise<boolean> {
    const { rowCount } = await sql.query(
      `UPDATE messages SET content = $2::jsonb, delta_ends = $3::int[], status = $4::"MessageStatus", tokens = $5,
         failure_code = $6, failure_reason = $7, updated_at = now()
       WHERE id = $1 AND status = 'STREAMING'`,
      [
        id,
        JSON.stringify(replyContent(end.text)),
        end.deltaEnds,
        end.status,
        end.tokens,
        end.failure?.code ?? null,
        end.failure?.reason ?? null,
      ],
      'reply_finish',
    );
    return rowCount > 0;
  }
}
