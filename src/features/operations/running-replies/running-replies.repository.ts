import { pageOf, type Page, type PageRequest } from '../../../kernel/page.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { RunningReplyRow } from './running-reply.js';

const COLUMNS = `m.id, m.conversation_id AS "conversationId", m.owner_id AS "userId", m.generation->>'model' AS model,
  CASE WHEN m.status <> 'STREAMING' THEN 'ENDED' WHEN m.stop_requested_at IS NOT NULL THEN 'STOPPING'
    WHEN m.waits_until IS NOT NULL THEN 'WAITING_FOR_TOOLS' ELSE 'RUNNING' END AS state,
  m.created_at AS "startedAt"`;

/**
 * Those that run hold a lease of the ledger, and those that wait have a time until when: indexes have both alone, so that the
 * millions of messages that have ended cost nothing.
 */
const RUNNING = `(
    SELECT message_id AS id FROM usage_entries WHERE lease_expires_at IS NOT NULL AND message_id IS NOT NULL
    UNION SELECT id FROM messages WHERE waits_until IS NOT NULL
  ) AS running JOIN messages m ON m.id = running.id AND m.status = 'STREAMING'`;

/** Replies that have not ended, of all users. */
export class RunningRepliesRepository {
  constructor(private readonly database: Database) {}

  /** Newest first. */
  async page(request: PageRequest): Promise<Page<RunningReplyRow>> {
    const { rows } = await this.database.query<RunningReplyRow>(
      `SELECT ${COLUMNS} FROM ${RUNNING} WHERE $1::uuid IS NULL OR m.id < $1 ORDER BY m.id DESC LIMIT $2 OFFSET $3`,
      [request.after, request.size + 1, request.offset],
    );
    return pageOf(request, rows);
  }

  async count(): Promise<number> {
    const { rows } = await this.database.query<{ count: number }>(`SELECT count(*)::int AS count FROM ${RUNNING}`);
    return rows[0]?.count ?? 0;
  }

  /** A reply of the model's, running or ended; null for anything else. */
  async find(id: string): Promise<RunningReplyRow | null> {
    const { rows } = await this.database.query<RunningReplyRow>(
      `SELECT ${COLUMNS} FROM messages m WHERE m.id = $1 AND m.user_id IS NULL`,
      [id],
    );
    return rows[0] ?? null;
  }

  /** Asks whichever instance runs a reply to stop it. @returns false when it has ended, or was asked before */
  async requestStop(sql: Sql, id: string): Promise<boolean> {
    const { rowCount } = await sql.query(
      `UPDATE messages SET stop_requested_at = now() WHERE id = $1 AND status = 'STREAMING' AND stop_requested_at IS NULL`,
      [id],
    );
    return rowCount > 0;
  }
}
