import { newId } from '../../../kernel/ids.js';
import { containsPattern } from '../../../kernel/like-pattern.js';
import { pageOf, type Page, type PageRequest } from '../../../kernel/page.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { ConversationChanges, ConversationRow } from './conversation.js';

const COLUMNS = `c.id, c.user_id AS "userId", c.title, c.status, c.created_at AS "createdAt", c.updated_at AS "updatedAt"`;

export class ConversationsRepository {
  constructor(private readonly database: Database) {}

  async find(id: string): Promise<ConversationRow | null> {
    const { rows } = await this.database.query<ConversationRow>(
      `SELECT ${COLUMNS} FROM conversations c WHERE c.id = $1`,
      [id],
      'conversation_find',
    );
    return rows[0] ?? null;
  }

  async findMany(ids: readonly string[]): Promise<readonly ConversationRow[]> {
    const { rows } = await this.database.query<ConversationRow>(
      `SELECT ${COLUMNS} FROM conversations c WHERE c.id = ANY($1::uuid[])`,
      [ids],
      'conversation_find_many',
    );
    return rows;
  }

  /** Reads one page of conversations per user, newest first. The result is in the order of `userIds`. */
  async pages(
    userIds: readonly string[],
    search: string | null,
    request: PageRequest,
  ): Promise<readonly Page<ConversationRow>[]> {
    const { rows } = await this.database.query<ConversationRow>(
      `SELECT ${COLUMNS} FROM unnest($1::uuid[]) AS owner (id) CROSS JOIN LATERAL (
         SELECT * FROM conversations
         WHERE user_id = owner.id AND ($2::uuid IS NULL OR id < $2::uuid) AND ($3::text IS NULL OR title ILIKE $3::text)
         ORDER BY id DESC LIMIT $4 OFFSET $5
       ) AS c ORDER BY c.id DESC`,
      [userIds, request.after, search === null ? null : containsPattern(search), request.size + 1, request.offset],
      'conversation_pages',
    );
    const byUser = Map.groupBy(rows, (row) => row.userId);
    return userIds.map((userId) => pageOf(request, byUser.get(userId) ?? []));
  }

  async count(userIds: readonly string[], search: string | null): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.database.query<{ userId: string; count: number }>(
      `SELECT user_id AS "userId", count(*)::int AS count FROM conversations
       WHERE user_id = ANY($1::uuid[]) AND ($2::text IS NULL OR title ILIKE $2::text) GROUP BY user_id`,
      [userIds, search === null ? null : containsPattern(search)],
      'conversation_count',
    );
    return new Map(rows.map((row) => [row.userId, row.count]));
  }

  /**
   * Adds a conversation, unless the user already has as many as `limitOf` allows for the user's plan. Locks the user's
   * row, so that concurrent calls are counted one after the other and a concurrent change of plan is respected.
   * @returns null when the limit is reached, undefined when the user does not exist
   */
  insert(
    userId: string,
    values: ConversationChanges,
    limitOf: (plan: string) => number,
  ): Promise<ConversationRow | null | undefined> {
    return this.database.transaction(async (sql) => {
      const owner = await sql.query<{ plan: string }>(
        `SELECT plan FROM users WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE`,
        [userId],
        'conversation_owner_lock',
      );
      const plan = owner.rows[0]?.plan;
      if (plan === undefined) return undefined;
      const { rows } = await sql.query<ConversationRow>(
        `INSERT INTO conversations AS c (id, user_id, title, status) SELECT $1::uuid, $2::uuid, $3::text, $4::text
         WHERE (SELECT count(*) FROM conversations WHERE user_id = $2::uuid) < $5::int RETURNING ${COLUMNS}`,
        [newId(), userId, values.title ?? null, values.status ?? null, limitOf(plan)],
        'conversation_insert',
      );
      return rows[0] ?? null;
    });
  }

  async update(id: string, changes: ConversationChanges): Promise<ConversationRow | null> {
    const { rows } = await this.database.query<ConversationRow>(
      `UPDATE conversations AS c SET
         title = CASE WHEN $2::boolean THEN $3::text ELSE c.title END,
         status = CASE WHEN $4::boolean THEN $5::text ELSE c.status END,
         updated_at = now()
       WHERE c.id = $1 RETURNING ${COLUMNS}`,
      [id, changes.title !== undefined, changes.title ?? null, changes.status !== undefined, changes.status ?? null],
      'conversation_update',
    );
    return rows[0] ?? null;
  }

  /** Deletes those of `ids` that belong to the user, with their messages. @returns the deleted conversations */
  async delete(userId: string, ids: readonly string[]): Promise<readonly ConversationRow[]> {
    const { rows } = await this.database.query<ConversationRow>(
      `DELETE FROM conversations AS c WHERE c.user_id = $1 AND c.id = ANY($2::uuid[]) RETURNING ${COLUMNS}`,
      [userId, ids],
      'conversation_delete',
    );
    return rows;
  }

  /** Updates `updatedAt`, when a message is added. @returns false when the conversation does not exist */
  async touch(sql: Sql, id: string): Promise<boolean> {
    const { rowCount } = await sql.query(
      `UPDATE conversations SET updated_at = now() WHERE id = $1`,
      [id],
      'conversation_touch',
    );
    return rowCount > 0;
  }
}
