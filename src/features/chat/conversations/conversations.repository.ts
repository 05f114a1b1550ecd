import { newId } from '../../../kernel/ids.js';
import { containsPattern } from '../../../kernel/like-pattern.js';
import { isFirstPage, pageOf, type Page, type PageRequest, type RowPart } from '../../../kernel/page.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { ConversationChanges, ConversationFilter, ConversationOrder, ConversationRow } from './conversation.js';

const COLUMNS = `c.id, c.user_id AS "userId", c.title, c.status, c.model, c.instructions, c.temperature,
  c.max_tokens AS "maxTokens", c.is_pinned AS "isPinned", c.is_archived AS "isArchived", c.label,
  c.message_count AS "messageCount", c.unread_count AS "unreadCount", c.created_at AS "createdAt",
  c.updated_at AS "updatedAt"`;

/** The columns of {@link COLUMNS} that a list reads where no more is asked for. */
const FEW_COLUMNS = `c.id, c.user_id AS "userId", c.title, c.status, c.created_at AS "createdAt", c.updated_at AS "updatedAt"`;

const FIND_MANY = `SELECT ${COLUMNS} FROM conversations c WHERE c.id = ANY($1::uuid[])`;

/** In the order of the parameters of an update. */
const CHANGEABLE = [
  'title',
  'status',
  'model',
  'instructions',
  'temperature',
  'maxTokens',
  'isPinned',
  'isArchived',
  'label',
] as const;

/** Changes of these alone are no activity: the conversation stays where it is in a list by activity. */
const MARKS: readonly string[] = ['isPinned', 'isArchived', 'label'];

/** Lists with more conditions at once are rare, and each has a text of its own: they are planned anew instead of kept. */
const MAX_NAMED_CONDITIONS = 1;

/** A text for what is asked for alone, so that its plan suits any values. */
interface Conditions {
  readonly sql: string;
  readonly values: readonly unknown[];
  /** Tells the texts apart; undefined for one that is not worth a name. */
  readonly name: string | undefined;
}

/** Conditions on a conversation; the parameters begin at `first`. */
function conditionsOf({ query, isPinned, isArchived, label, isUnread }: ConversationFilter, first: number): Conditions {
  const asked = [
    { name: 'title', value: query == null ? null : containsPattern(query), test: 'title ILIKE ?::text' },
    { name: 'pinned', value: isPinned, test: 'is_pinned = ?::boolean' },
    { name: 'archived', value: isArchived, test: 'is_archived = ?::boolean' },
    { name: 'label', value: label, test: 'label = ?::text' },
    { name: 'unread', value: isUnread, test: '(unread_count > 0) = ?::boolean' },
  ].filter(({ value }) => value != null);
  return {
    sql: asked.map(({ test }, index) => ` AND ${test.replace('?', `$${first + index}`)}`).join(''),
    values: asked.map(({ value }) => value),
    name: asked.length > MAX_NAMED_CONDITIONS ? undefined : asked.map(({ name }) => `_${name}`).join(''),
  };
}

export class ConversationsRepository {
  readonly find: (id: string) => Promise<ConversationRow | null>;

  constructor(private readonly database: Database) {
    this.find = database.sharedRead<ConversationRow>(FIND_MANY, 'conversation_find_many');
  }

  /**
   * Reads one page of conversations per user. The result is in the order of `userIds`.
   * @param part `few`: the rows have {@link FEW_COLUMNS} alone, for a reader that asks for no more
   */
  async pages(
    userIds: readonly string[],
    filter: ConversationFilter,
    request: PageRequest,
    { field, direction }: ConversationOrder,
    part: RowPart = 'all',
  ): Promise<readonly Page<ConversationRow>[]> {
    const beyond = direction === 'ASC' ? '>' : '<';
    const byTime = field === 'UPDATED_AT';
    const order = byTime ? `updated_at ${direction}, id ${direction}` : `id ${direction}`;
    const values: unknown[] = [request.offset];
    let isAfter = '';
    if (request.after !== null) {
      isAfter = byTime ? ` AND (updated_at, id) ${beyond} ($5::timestamptz, $4::uuid)` : ` AND id ${beyond} $4::uuid`;
      values.push(request.after, ...(byTime ? [request.afterTime] : []));
    }
    const conditions = conditionsOf(filter, values.length + 3);
    const text = `SELECT ${part === 'few' ? FEW_COLUMNS : COLUMNS} FROM unnest($1::uuid[]) AS owner (id) CROSS JOIN LATERAL (
         SELECT * FROM conversations WHERE user_id = owner.id${isAfter}${conditions.sql}
         ORDER BY ${order} LIMIT $2 OFFSET $3
       ) AS c ORDER BY ${order}`;
    const name =
      conditions.name === undefined
        ? undefined
        : `conversation_pages_${part}_${field}_${direction}${isAfter && '_after'}${conditions.name}`;
    const lists = await this.database.lists<ConversationRow>(userIds, {
      text,
      name,
      size: request.size + 1,
      values: [...values, ...conditions.values],
      ownerOf: (row) => row.userId,
      isShared: isFirstPage(request) && conditions.values.length === 0,
    });
    return lists.map(({ rows, bytes }) => pageOf(request, rows, bytes));
  }

  async count(userIds: readonly string[], filter: ConversationFilter): Promise<ReadonlyMap<string, number>> {
    const conditions = conditionsOf(filter, 2);
    const { rows } = await this.database.query<{ userId: string; count: number }>(
      `SELECT user_id AS "userId", count(*)::int AS count FROM conversations
       WHERE user_id = ANY($1::uuid[])${conditions.sql} GROUP BY user_id`,
      [userIds, ...conditions.values],
      conditions.name === undefined ? undefined : `conversation_count${conditions.name}`,
    );
    return new Map(rows.map((row) => [row.userId, row.count]));
  }

  /**
   * Adds a conversation, unless the user already has as many as `limitOf` allows for the user's plan. Locks the user's
   * row, so that concurrent calls are counted one after the other and a concurrent change of plan is respected.
   * @param fill adds what it begins with, in the same transaction
   * @returns null when the limit is reached, undefined when the user does not exist
   */
  insert(
    userId: string,
    values: ConversationChanges,
    limitOf: (plan: string) => number,
    fill?: (sql: Sql, row: ConversationRow) => Promise<void>,
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
        `INSERT INTO conversations AS c (id, user_id, title, status, model, instructions, temperature, max_tokens, is_pinned,
           is_archived, label)
         SELECT $1::uuid, $2::uuid, $3::text, $4::text, $6::text, $7::text, $8::float8, $9::int, $10::boolean, $11::boolean,
           $12::text
         WHERE (SELECT count(*) FROM conversations WHERE user_id = $2::uuid) < $5::int RETURNING ${COLUMNS}`,
        [
          newId(),
          userId,
          values.title ?? null,
          values.status ?? null,
          limitOf(plan),
          values.model ?? null,
          values.instructions ?? null,
          values.temperature ?? null,
          values.maxTokens ?? null,
          values.isPinned ?? false,
          values.isArchived ?? false,
          values.label ?? null,
        ],
        'conversation_insert',
      );
      const [row] = rows;
      if (row !== undefined) await fill?.(sql, row);
      return row ?? null;
    });
  }

  /**
   * @param check throws if the conversation may not be changed as it is; its row is locked meanwhile
   * @param note notes the change, in the same transaction
   */
  update(
    id: string,
    changes: ConversationChanges,
    check: ((row: ConversationRow) => void) | undefined,
    note: (sql: Sql, row: ConversationRow) => Promise<void>,
  ): Promise<ConversationRow | null> {
    return this.database.transaction(async (sql) => {
      if (check !== undefined && !(await this.#passes(sql, id, check))) return null;
      const row = await this.#update(sql, id, changes);
      if (row !== null) await note(sql, row);
      return row;
    });
  }

  async #update(sql: Sql, id: string, changes: ConversationChanges): Promise<ConversationRow | null> {
    const { rows } = await sql.query<ConversationRow>(
      `UPDATE conversations AS c SET
         title = CASE WHEN $2::boolean THEN $3::text ELSE c.title END,
         status = CASE WHEN $4::boolean THEN $5::text ELSE c.status END,
         model = CASE WHEN $6::boolean THEN $7::text ELSE c.model END,
         instructions = CASE WHEN $8::boolean THEN $9::text ELSE c.instructions END,
         temperature = CASE WHEN $10::boolean THEN $11::float8 ELSE c.temperature END,
         max_tokens = CASE WHEN $12::boolean THEN $13::int ELSE c.max_tokens END,
         is_pinned = CASE WHEN $14::boolean THEN $15::boolean ELSE c.is_pinned END,
         is_archived = CASE WHEN $16::boolean THEN $17::boolean ELSE c.is_archived END,
         label = CASE WHEN $18::boolean THEN $19::text ELSE c.label END,
         updated_at = CASE WHEN $20::boolean THEN c.updated_at ELSE now() END
       WHERE c.id = $1 RETURNING ${COLUMNS}`,
      [id, ...CHANGEABLE.flatMap((name) => [changes[name] !== undefined, changes[name] ?? null]), marksAlone(changes)],
      'conversation_update',
    );
    return rows[0] ?? null;
  }

  /**
   * Notes that the user has read up to a message, and counts what the model wrote on the current branch after it. The
   * conversation is locked first, so that what is added meanwhile is counted once. A mark never goes back.
   * @param note notes it, in the same transaction, where it had not been read before
   * @returns null when the conversation has no such message
   */
  markRead(id: string, messageId: string, note: (sql: Sql) => Promise<void>): Promise<ConversationRow | null> {
    return this.database.transaction(async (sql) => {
      await sql.query('SELECT 1 FROM conversations WHERE id = $1 FOR NO KEY UPDATE', [id], 'conversation_read_lock');
      const marked = await sql.query<ConversationRow>(
        `UPDATE conversations AS c SET read_id = $2::uuid, unread_count = (
           SELECT count(*) FROM messages m
           WHERE m.conversation_id = c.id AND m.id > $2::uuid AND m.is_current AND m.user_id IS NULL)
         WHERE c.id = $1 AND (c.read_id IS NULL OR c.read_id < $2::uuid)
           AND EXISTS (SELECT 1 FROM messages m WHERE m.id = $2::uuid AND m.conversation_id = c.id)
         RETURNING ${COLUMNS}`,
        [id, messageId],
        'conversation_mark_read',
      );
      if (marked.rows[0] !== undefined) {
        await note(sql);
        return marked.rows[0];
      }
      const { rows } = await sql.query<ConversationRow>(
        `SELECT ${COLUMNS} FROM conversations c JOIN messages m ON m.conversation_id = c.id WHERE c.id = $1 AND m.id = $2`,
        [id, messageId],
        'conversation_find_read',
      );
      return rows[0] ?? null;
    });
  }

  /** Locks the conversation and checks it. @returns false when it does not exist */
  async #passes(sql: Sql, id: string, check: (row: ConversationRow) => void): Promise<boolean> {
    const { rows } = await sql.query<ConversationRow>(
      `SELECT ${COLUMNS} FROM conversations c WHERE c.id = $1 FOR UPDATE`,
      [id],
      'conversation_lock',
    );
    const [row] = rows;
    if (row === undefined) return false;
    check(row);
    return true;
  }

  /**
   * Deletes one conversation that passes `check`, as {@link update} does.
   * @param note notes the deletion, in the same transaction
   * @returns null when it does not exist
   */
  deleteOne(
    userId: string,
    id: string,
    check: (row: ConversationRow) => void,
    note: (sql: Sql, rows: readonly ConversationRow[]) => Promise<void>,
  ): Promise<ConversationRow | null> {
    return this.database.transaction(async (sql) => {
      if (!(await this.#passes(sql, id, check))) return null;
      const [row] = await this.#delete(sql, userId, [id]);
      if (row === undefined) return null;
      await note(sql, [row]);
      return row;
    });
  }

  /**
   * Deletes those of `ids` that belong to the user, with their messages.
   * @param note as of {@link deleteOne}
   * @returns the deleted conversations
   */
  delete(
    userId: string,
    ids: readonly string[],
    note: (sql: Sql, rows: readonly ConversationRow[]) => Promise<void>,
  ): Promise<readonly ConversationRow[]> {
    return this.database.transaction(async (sql) => {
      const rows = await this.#delete(sql, userId, ids);
      if (rows.length > 0) await note(sql, rows);
      return rows;
    });
  }

  async #delete(sql: Sql, userId: string, ids: readonly string[]): Promise<readonly ConversationRow[]> {
    const { rows } = await sql.query<ConversationRow>(
      `DELETE FROM conversations AS c WHERE c.user_id = $1 AND c.id = ANY($2::uuid[]) RETURNING ${COLUMNS}`,
      [userId, ids],
      'conversation_delete',
    );
    return rows;
  }

  /** Notes that the model is asked for a title. @returns false when it was before, or there is a title */
  async claimTitle(sql: Sql, id: string): Promise<boolean> {
    const { rowCount } = await sql.query(
      `UPDATE conversations SET is_title_asked = true WHERE id = $1 AND title IS NULL AND NOT is_title_asked`,
      [id],
      'conversation_claim_title',
    );
    return rowCount > 0;
  }

  /**
   * Gives a conversation a title, unless it has one. That is no activity: `updated_at` stays.
   * @returns its owner; null when it has a title or does not exist
   */
  async giveTitle(sql: Sql, id: string, title: string): Promise<{ readonly userId: string } | null> {
    const { rows } = await sql.query<{ userId: string }>(
      `UPDATE conversations SET title = $2 WHERE id = $1 AND title IS NULL RETURNING user_id AS "userId"`,
      [id, title],
      'conversation_give_title',
    );
    return rows[0] ?? null;
  }
}

function marksAlone(changes: ConversationChanges): boolean {
  const changed = CHANGEABLE.filter((name) => changes[name] !== undefined);
  return changed.length > 0 && changed.every((name) => MARKS.includes(name));
}
