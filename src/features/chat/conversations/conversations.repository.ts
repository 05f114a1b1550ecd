import { HIGHEST_ID, newId } from '../../../kernel/ids.js';
import { containsPattern, longestWordIn } from '../../../kernel/like-pattern.js';
import { isFirstPage, pageOf, type Page, type PageRequest, type RowPart } from '../../../kernel/page.js';
import type { Database, Sql } from '../../../ports/database.js';
import type {
  Beginning,
  ConversationChanges,
  ConversationFilter,
  ConversationOrder,
  ConversationRow,
} from './conversation.js';

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

/** Characters of a word that are three letters in a row, without which no index finds it. */
const LEAST_LOOKED_UP = 3;
/** With more matches than this, going through the conversations finds a page soon. */
export const MOST_FOUND_TITLES = 200;

/** Lists with more conditions at once are rare, and each has a text of its own: they are planned anew instead of kept. */
const MAX_NAMED_CONDITIONS = 1;

/** A text for what is asked for alone, so that its plan suits any values. */
interface Conditions {
  /** What is read: the conversations, or those that have been found, each by its id whatever the plan. */
  readonly table: string;
  readonly isAny: boolean;
  readonly sql: string;
  /** The same of a block, which is counted by marks; undefined where there is another condition. */
  readonly ofBlocks: string | undefined;
  readonly values: readonly unknown[];
  /** Tells the texts apart; undefined for one that is not worth a name. */
  readonly name: string | undefined;
}

interface Condition {
  readonly name: string;
  readonly test: string;
  /** The test of a block, where those are counted by what is asked for; it has the same parameter. */
  readonly ofBlocks?: string;
  /** The value for the parameter, which the test writes as `?`; left out where the test has none. */
  readonly value?: unknown;
}

// These tests have no parameter: no plan that is made once could use an index of those alone that have the mark.
const PINNED: Condition = { name: 'pinned', test: 'is_pinned', ofBlocks: 'is_pinned' };
const NOT_PINNED: Condition = { name: 'not_pinned', test: 'NOT is_pinned', ofBlocks: 'NOT is_pinned' };
const UNREAD: Condition = { name: 'unread', test: 'unread_count > 0' };
const READ: Condition = { name: 'read', test: 'unread_count = 0' };

/**
 * Conditions on a conversation; the parameters begin at `first`.
 * @param found those whose titles are asked for, where they have been found
 */
function conditionsOf(
  { query, isPinned, isArchived, label, isUnread }: ConversationFilter,
  first: number,
  found: readonly string[] | null,
): Conditions {
  const all: Condition[] = [];
  if (found !== null) {
    all.push({ name: 'found', value: found, test: 'id = ANY(?::uuid[])' });
  } else if (query != null) {
    // Any other form makes the planner expect so few matches that it would sort the whole list instead of reading it in order.
    all.push({ name: 'title', value: containsPattern(query), test: 'coalesce(title ILIKE ?::text, false)' });
  }
  if (isPinned != null) all.push(isPinned ? PINNED : NOT_PINNED);
  if (isArchived != null) {
    const test = 'is_archived = ?::boolean';
    all.push({ name: 'archived', value: isArchived, test, ofBlocks: test });
  }
  if (label != null) {
    all.push({ name: 'label', value: label, test: 'label = ?::text', ofBlocks: `label = nullif(?::text, '')` });
  }
  if (isUnread != null) all.push(isUnread ? UNREAD : READ);
  const values: unknown[] = [];
  let sql = '';
  let ofBlocks: string | undefined = '';
  for (const { test, ofBlocks: testOfBlocks, value } of all) {
    const parameter = `$${first + values.length}`;
    if (value !== undefined) values.push(value);
    sql += ` AND ${test.replace('?', parameter)}`;
    if (testOfBlocks === undefined) ofBlocks = undefined;
    else if (ofBlocks !== undefined) ofBlocks += ` AND ${testOfBlocks.replace('?', parameter)}`;
  }
  return {
    table:
      found === null
        ? 'conversations'
        : `(SELECT listed.* FROM unnest($${first}::uuid[]) AS found (id)
             CROSS JOIN LATERAL (SELECT * FROM conversations WHERE id = found.id OFFSET 0) AS listed) AS conversations`,
    isAny: all.length > 0,
    sql,
    ofBlocks,
    values,
    name: all.length > MAX_NAMED_CONDITIONS ? undefined : all.map(({ name }) => `_${name}`).join(''),
  };
}

/** Where the block behind the one that begins at an id begins. */
const nextBlock = (id: string) => `coalesce((SELECT first_id FROM conversation_blocks
      WHERE user_id = owner.id AND first_id > ${id} ORDER BY first_id LIMIT 1), '${HIGHEST_ID}')`;

/** The blocks of a list by id, in either direction: what is before a cursor (`$4`), and how a block is entered at its far end. */
const BLOCKS = {
  ASC: {
    passed: 'first_id < conversation_block(owner.id, $4::uuid)',
    passedInBlock: 'id <= $4::uuid AND id >= conversation_block(owner.id, $4::uuid)',
    farEnd: `id < ${nextBlock('block.first_id')} ORDER BY id DESC`,
  },
  DESC: {
    passed: 'first_id > $4::uuid',
    passedInBlock: `id >= $4::uuid AND id < ${nextBlock('$4::uuid')}`,
    farEnd: 'id >= block.first_id ORDER BY id ASC',
  },
} as const;

/**
 * SQL for the id of the first row behind an offset (`$3`) in a list of `owner.id` by id
 * (docs/decisions/0081-a-list-of-conversations-is-counted-in-blocks.md). Counts of blocks are added up as far as the one that the row
 * is in, and there it is so many from the far end as the sum is beyond the offset: that end is known without what is before it.
 */
function entryOf(direction: 'ASC' | 'DESC', isAfter: boolean, conditions: string, ofBlocks: string): string {
  const { passed, passedInBlock, farEnd } = BLOCKS[direction];
  const before = `coalesce((SELECT sum(count) FROM conversation_blocks WHERE user_id = owner.id AND ${passed}${ofBlocks}), 0)
    + (SELECT count(*) FROM conversations WHERE user_id = owner.id AND ${passedInBlock}${conditions})`;
  return `SELECT place.id FROM (
      SELECT blocks.first_id, blocks.through - skipped.count AS rest
      FROM (SELECT $3::bigint${isAfter ? ` + ${before}` : ''} AS count) AS skipped, LATERAL (
        SELECT first_id, sum(count) OVER (ORDER BY first_id ${direction}) AS through
        FROM conversation_blocks WHERE user_id = owner.id${ofBlocks}
      ) AS blocks
      WHERE blocks.through > skipped.count ORDER BY blocks.first_id ${direction} LIMIT 1
    ) AS block, LATERAL (
      SELECT id FROM conversations WHERE user_id = owner.id${conditions} AND ${farEnd} LIMIT 1 OFFSET block.rest - 1
    ) AS place`;
}

/** A filter with the ids of those whose titles it asks for: null where it is better to go through them all (`find_titles`), or none is. */
interface Sought extends ConversationFilter {
  readonly found: readonly string[] | null;
}

/** As it was asked for, or as {@link ConversationsRepository.seek} gave it. */
type SoughtConversations = ConversationFilter & Partial<Sought>;

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
    filter: SoughtConversations,
    request: PageRequest,
    { field, direction }: ConversationOrder,
    part: RowPart = 'all',
  ): Promise<readonly Page<ConversationRow>[]> {
    const beyond = direction === 'ASC' ? '>' : '<';
    const byTime = field === 'UPDATED_AT';
    const key = byTime ? 'updated_at, id' : 'id';
    const order = byTime ? `updated_at ${direction}, id ${direction}` : `id ${direction}`;
    const values: unknown[] = [request.offset];
    let isAfter = '';
    if (request.after !== null) {
      isAfter = byTime ? ` AND (updated_at, id) ${beyond} ($5::timestamptz, $4::uuid)` : ` AND id ${beyond} $4::uuid`;
      values.push(request.after, ...(byTime ? [request.afterTime] : []));
    }
    const found = filter.found === undefined ? (await this.seek(userIds, filter)).found : filter.found;
    if (found?.length === 0) return userIds.map(() => pageOf(request, []));
    const conditions = conditionsOf(filter, values.length + 3, found);
    const isSkipped = request.offset > 0;
    const ofOwner = `user_id = owner.id${isAfter}${conditions.sql}`;
    let range = ofOwner;
    if (isSkipped) {
      // What is passed over is looked at in the index alone, where the conditions are on ids and times.
      const entry =
        byTime || conditions.ofBlocks === undefined
          ? `SELECT ${key} FROM ${conditions.table} WHERE ${ofOwner} ORDER BY ${order} LIMIT 1 OFFSET $3`
          : entryOf(direction, isAfter !== '', conditions.sql, conditions.ofBlocks);
      range = `user_id = owner.id AND (${key}) ${beyond}= (${entry})${conditions.sql}`;
    }
    const isFew = part === 'few';
    const text = `SELECT ${isFew ? FEW_COLUMNS : COLUMNS} FROM unnest($1::uuid[]) AS owner (id) CROSS JOIN LATERAL (
         SELECT * FROM ${conditions.table} WHERE ${range} ORDER BY ${order} LIMIT $2${isSkipped ? '' : ' OFFSET $3'}
       ) AS c ORDER BY ${order}`;
    const shape = `${isFew ? 'few' : 'all'}_${field}_${direction}${isAfter && '_after'}${isSkipped ? '_skip' : ''}`;
    const name = conditions.name === undefined ? undefined : `conversation_pages_${shape}${conditions.name}`;
    const lists = await this.database.lists<ConversationRow>(userIds, {
      text,
      name,
      size: request.size + 1,
      values: [...values, ...conditions.values],
      ownerOf: (row) => row.userId,
      isShared: isFirstPage(request) && !conditions.isAny,
    });
    return lists.map(({ rows, bytes }) => pageOf(request, rows, bytes));
  }

  /** Looks the titles up that a filter asks for, for a page and its count. */
  async seek(userIds: readonly string[], filter: ConversationFilter): Promise<Sought> {
    const { query } = filter;
    const word = longestWordIn(query ?? '');
    if (query == null || word.length < LEAST_LOOKED_UP || userIds.length !== 1) return { ...filter, found: null };
    const { rows } = await this.database.query<{ found: readonly string[] | null }>(
      'SELECT find_titles($1::uuid, $2, $3, $4::int) AS found',
      [userIds[0], containsPattern(query), word, MOST_FOUND_TITLES],
      'conversation_find_titles',
    );
    return { ...filter, found: rows[0]?.found ?? null };
  }

  /** All of a user's are one number, and those with a mark some of each block. */
  async count(userIds: readonly string[], filter: SoughtConversations): Promise<ReadonlyMap<string, number>> {
    const found = filter.found === undefined ? (await this.seek(userIds, filter)).found : filter.found;
    if (found?.length === 0) return new Map();
    const conditions = conditionsOf(filter, 2, found);
    // By the index even while few users have one: a plan for any number of them would read the whole table.
    let text = `SELECT total.user_id AS "userId", total.count FROM unnest($1::uuid[]) AS owner (id) CROSS JOIN LATERAL (
      SELECT * FROM conversation_totals WHERE user_id = owner.id OFFSET 0) AS total`;
    if (conditions.isAny) {
      const [count, table, tests] =
        conditions.ofBlocks === undefined
          ? ['count(*)', conditions.table, conditions.sql]
          : ['sum(count)', 'conversation_blocks', conditions.ofBlocks];
      text = `SELECT user_id AS "userId", ${count}::int AS count FROM ${table}
        WHERE user_id = ANY($1::uuid[])${tests} GROUP BY user_id`;
    }
    const { rows } = await this.database.query<{ userId: string; count: number }>(
      text,
      [userIds, ...conditions.values],
      conditions.name === undefined ? undefined : `conversation_count${conditions.name}`,
    );
    return new Map(rows.map((row) => [row.userId, row.count]));
  }

  /**
   * Adds a conversation, unless the user already has as many as `limitOf` allows for the user's plan. Locks the user's
   * row, so that concurrent calls are counted one after the other and a concurrent change of plan is respected.
   * @param beginning in the same transaction
   * @param note notes it, as the last of what the transaction locks
   * @returns null when the limit is reached, undefined when the user does not exist
   */
  insert(
    userId: string,
    values: ConversationChanges,
    limitOf: (plan: string) => number,
    beginning?: Beginning,
    note?: (sql: Sql, row: ConversationRow) => Promise<void>,
  ): Promise<ConversationRow | null | undefined> {
    return this.database.transaction(async (sql) => {
      const owner = await sql.query<{ plan: string }>(
        `SELECT plan FROM users WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE`,
        [userId],
        'conversation_owner_lock',
      );
      const plan = owner.rows[0]?.plan;
      if (plan === undefined) return undefined;
      await beginning?.lock(sql);
      const { rows } = await sql.query<ConversationRow>(
        `INSERT INTO conversations AS c (id, user_id, title, status, model, instructions, temperature, max_tokens, is_pinned,
           is_archived, label)
         SELECT $1::uuid, $2::uuid, $3::text, $4::text, $6::text, $7::text, $8::float8, $9::int, $10::boolean, $11::boolean,
           $12::text
         WHERE coalesce((SELECT count FROM conversation_totals WHERE user_id = $2::uuid), 0) < $5::int RETURNING ${COLUMNS}`,
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
      if (row === undefined) return null;
      await beginning?.fill(sql, row);
      await note?.(sql, row);
      return row;
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
