import { HIGHEST_ID, LOWEST_ID } from '../../../kernel/ids.js';
import { containsPattern, longestWordIn } from '../../../kernel/like-pattern.js';
import { boundedPageOf, isFirstPage, pageOf, type Page, type PageRequest, type RowPart } from '../../../kernel/page.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { ConversationEvent, ConversationListEvent } from '../conversations/conversation-event.js';
import type { MessageCharge } from '../usage/usage.js';
import type { TreeRefusal } from './message-tree.repository.js';
import {
  MAX_FOUND,
  SEQUENCE,
  type Addition,
  type ConversationSummaryRow,
  type MessageChanges,
  type MessageRow,
  type NewMessage,
  type Place,
  type Remark,
  type SummaryPart,
} from './message.js';

/** What REST shows of a message. */
const SHOWN_COLUMNS = `m.id, m.conversation_id AS "conversationId", m.user_id AS "userId", m.content,
  m.message_type AS "messageType", m.status, m.extra, m.reply_to_id AS "replyToId", m.parts, m.waits_until AS "waitsUntil",
  nullif(m.parent_id, m.conversation_id) AS "parentId", m.generation, ${SEQUENCE}, m.created_at AS "createdAt"`;

const COLUMNS = `${SHOWN_COLUMNS}, m.updated_at AS "updatedAt"`;

/** The columns of {@link COLUMNS} that a list reads where no more is asked for, which takes a fifth less CPU for a page. */
const FEW_COLUMNS = `m.id, m.conversation_id AS "conversationId", m.user_id AS "userId", m.content,
  m.message_type AS "messageType", m.status, m.extra, m.created_at AS "createdAt"`;

const COLUMNS_OF = { all: COLUMNS, shown: SHOWN_COLUMNS, few: FEW_COLUMNS } as const satisfies Record<RowPart, string>;

/** Beyond every position. */
const MAX_POSITION = 2_147_483_647;

/**
 * SQL for the positions of a page of `conversation.id`, with a text for each shape of request, so that the plan of each suits any
 * values. The parameters begin at `first`. What an offset passes over is not read: without gaps in the branch, which deletions
 * leave, it is a distance of positions; with gaps, the index alone is counted through.
 */
function rangeOf({ after, before, offset, forward }: PageRequest, first: number) {
  const values: unknown[] = [];
  const parameter = (value: unknown) => `$${first - 1 + values.push(value)}`;
  let from = after === null ? null : nearestTo(parameter(after), 'up to');
  let until = before === null ? null : nearestTo(parameter(before), 'from');
  if (offset > 0) {
    const skipped = `${parameter(offset)}::int`;
    if (forward) from = beyond(from ?? '-1', skipped, 'forward');
    else until = beyond(until ?? String(MAX_POSITION), skipped, 'backward');
  }
  return {
    sql: (from === null ? '' : ` AND position > ${from}`) + (until === null ? '' : ` AND position < ${until}`),
    values,
    name: `${after === null ? '' : '_after'}${before === null ? '' : '_before'}${offset > 0 ? '_skip' : ''}`,
  };
}

/** The position of a message, or of the nearest one on the current branch. */
function nearestTo(id: string, side: 'from' | 'up to'): string {
  return side === 'up to'
    ? `coalesce((SELECT near.position FROM messages near
         WHERE near.conversation_id = conversation.id AND near.is_current AND near.id <= ${id}::uuid
         ORDER BY near.id DESC LIMIT 1), -1)`
    : `coalesce((SELECT near.position FROM messages near
         WHERE near.conversation_id = conversation.id AND near.is_current AND near.id >= ${id}::uuid
         ORDER BY near.id LIMIT 1), ${MAX_POSITION})`;
}

/** The position of the last of so many messages beyond a position. */
function beyond(position: string, count: string, way: 'backward' | 'forward'): string {
  const [sign, side, order, none] = way === 'forward' ? ['+', '>', 'ASC', MAX_POSITION] : ['-', '<', 'DESC', -1];
  return `(
    SELECT CASE WHEN branch.last + 1 = (SELECT c.message_count FROM conversations c WHERE c.id = conversation.id)
      THEN least(start.position, branch.last + 1) ${sign} ${count}
      ELSE coalesce((
        SELECT passed.position FROM messages passed
        WHERE passed.conversation_id = conversation.id AND passed.is_current AND passed.position ${side} start.position
        ORDER BY passed.position ${order} OFFSET ${count} - 1 LIMIT 1), ${none}) END
    FROM (SELECT ${position} AS position) AS start, LATERAL (
      SELECT coalesce(max(m.position), -1) AS last FROM messages m WHERE m.conversation_id = conversation.id AND m.is_current
    ) AS branch)`;
}

function jsonOrNull(value: object | null): string | null {
  return value === null ? null : JSON.stringify(value);
}

/** SQL for what a prompt needs of `m`, and whether it needs it. */
const REMARK_CONTENT = `CASE WHEN jsonb_typeof(m.content->'text') = 'string'
  THEN jsonb_build_object('text', m.content->'text') ELSE m.content END`;
const IS_REMARK = `m.message_type IN ('user', 'ai') AND m.status <> 'STREAMING'
  AND CASE WHEN jsonb_typeof(m.content->'text') = 'string' THEN m.content->>'text' <> ''
    ELSE EXISTS (SELECT 1 FROM messages reply WHERE reply.reply_to_id = m.id) END`;

/** A message that the model is not asked about. */
export type LoneMessage = Pick<NewMessage, 'id' | 'conversationId' | 'content' | 'messageType' | 'extra'> & {
  readonly userId: string;
};

/** What {@link MessagesRepository.add} notes. */
export interface AdditionEvents {
  readonly added: readonly ConversationEvent[];
  /** Behind those, where the branch was made current for the message. */
  readonly switched: readonly ConversationEvent[];
  /** In the list of the author, who owns the conversation. */
  readonly listed: readonly ConversationListEvent[];
}

export interface RefusedMessage {
  readonly refusal: TreeRefusal | 'quota';
  /** The end of the current branch. */
  readonly leaf: string;
}

interface Added {
  readonly refusal: null;
  readonly isSwitched: boolean;
  /** The numbers of the last events of the conversation and of the list. */
  readonly last: number;
  readonly lastListed: number;
}

export interface AddedMessage extends Added {
  readonly message: MessageRow;
}

type AddedRow = Added & Pick<RefusedMessage, 'leaf'> & MessageRow;

export interface ListedMessageRow extends MessageRow {
  /** Who owns the conversation. */
  readonly ownerId: string;
}

/** A message with all that its addition needs, its content and extras as JSON. */
interface WholeAddition {
  readonly message: LoneMessage;
  readonly body: string;
  readonly extras: string | null;
  readonly addition: Omit<Addition, 'behind'>;
  readonly charge: MessageCharge;
  readonly events: AdditionEvents;
}

/** Characters of the content and extras of a message that shares a statement: others wait until it is written. */
const MOST_SHARED_LENGTH = 16_384;

/** As JSON, what `add_messages` takes of a message. */
function newsOf({ message, body, extras, addition, charge, events }: WholeAddition): string {
  const rest = JSON.stringify({
    id: message.id,
    talk: message.conversationId,
    author: message.userId,
    type_name: message.messageType,
    expected: addition.expectedLeafId ?? null,
    day_id: charge.dayId,
    entry_id: charge.entryId,
    added: events.added,
    listed: events.listed,
  });
  return `{"body":${body},"extras":${extras ?? 'null'},${rest.slice(1)}`;
}

function additionOf(row: AddedRow | RefusedMessage): AddedMessage | RefusedMessage {
  if (row.refusal !== null) return row;
  const { refusal, leaf: _leaf, isSwitched, last, lastListed, ...message } = row;
  return { refusal, message, isSwitched, last, lastListed };
}

export class MessagesRepository {
  readonly #addWithOthers: (addition: WholeAddition) => Promise<AddedMessage | RefusedMessage>;

  constructor(private readonly database: Database) {
    this.#addWithOthers = database.sharedChange({
      sharingOf: ({ message, charge }) => ({
        group: String(charge.dailyMessages),
        locks: [message.conversationId.toLowerCase(), message.userId],
      }),
      alone: (addition) => this.#addAlone(database, addition),
      together: (additions) => this.#addTogether(additions),
    });
  }

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

  /**
   * Reads one page of each conversation's current branch, from its first message on. The result is in the order of
   * `conversationIds`. A cursor of a message that is not on the branch, or no longer there, stands for the nearest one that is.
   * @param part which of {@link COLUMNS_OF} the rows have, for a reader that asks for no more
   */
  async pages(
    conversationIds: readonly string[],
    request: PageRequest,
    part: RowPart = 'all',
  ): Promise<readonly Page<ListedMessageRow>[]> {
    const order = request.forward ? 'ASC' : 'DESC';
    const range = rangeOf(request, 3);
    const lists = await this.database.lists<ListedMessageRow>(conversationIds, {
      text: `SELECT ${COLUMNS_OF[part]}, m.owner_id AS "ownerId" FROM unnest($1::uuid[]) AS conversation (id) CROSS JOIN LATERAL (
         SELECT * FROM messages WHERE conversation_id = conversation.id AND is_current${range.sql}
         ORDER BY position ${order} LIMIT $2
       ) AS m ORDER BY m.position ${order}`,
      name: `message_pages_${part}_${order}${range.name}`,
      size: request.size + 1,
      values: range.values,
      ownerOf: (row) => row.conversationId,
      isShared: isFirstPage(request),
    });
    return lists.map(({ rows, bytes }) => pageOf(request, rows, bytes));
  }

  /** Reads one page of a conversation's messages, those of all branches, oldest first. */
  async pageOfAll(conversationId: string, request: PageRequest): Promise<Page<MessageRow>> {
    const { rows } = await this.database.query<MessageRow>(
      `SELECT ${COLUMNS} FROM messages m WHERE m.conversation_id = $1 AND m.id > coalesce($2::uuid, '${LOWEST_ID}')
       ORDER BY m.id LIMIT $3`,
      [conversationId, request.after, request.size + 1],
      'message_page_of_all',
    );
    return pageOf(request, rows);
  }

  /** The last message of each conversation's current branch, by conversation. */
  async leaves(conversationIds: readonly string[]): Promise<ReadonlyMap<string, MessageRow>> {
    const { rows } = await this.database.query<MessageRow>(
      `SELECT ${COLUMNS} FROM unnest($1::uuid[]) AS conversation (id) CROSS JOIN LATERAL (
         SELECT * FROM messages WHERE conversation_id = conversation.id AND is_current ORDER BY position DESC LIMIT 1
       ) AS m`,
      [conversationIds],
      'message_leaves',
    );
    return new Map(rows.map((row) => [row.conversationId, row]));
  }

  /** How many messages each conversation's current branch has. */
  async count(conversationIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const { rows } = await this.database.query<{ conversationId: string; count: number }>(
      `SELECT id AS "conversationId", message_count AS count FROM conversations WHERE id = ANY($1::uuid[])`,
      [conversationIds],
      'message_count',
    );
    return new Map(rows.map((row) => [row.conversationId, row.count]));
  }

  /** The user's conversations, newest first, with how many messages each has on all its branches. */
  async summaries(userId: string, { first, after }: SummaryPart): Promise<readonly ConversationSummaryRow[]> {
    const isAfter = after === null ? '' : ' AND c.id < $3::uuid';
    const { rows } = await this.database.query<ConversationSummaryRow>(
      `SELECT c.id, c.title, c.total_count AS "messageCount"
       FROM conversations c WHERE c.user_id = $1${isAfter} ORDER BY c.id DESC LIMIT $2::int`,
      [userId, first, ...(after === null ? [] : [after])],
      `message_summaries${isAfter && '_after'}`,
    );
    return rows;
  }

  /**
   * Finds messages in the user's own conversations whose text contains `part` (case-insensitive), newest first. A function of
   * the database bounds what is looked at, whatever the planner thinks and however many messages there are: a page may end
   * early (docs/decisions/0069-a-search-is-bounded-by-its-user.md).
   */
  async search(userId: string, part: string, request: PageRequest): Promise<Page<MessageRow>> {
    const { after, size, offset } = request;
    const { rows } = await this.database.query<{ stop: string | null } & (MessageRow | { id: null })>(
      `WITH step AS MATERIALIZED (SELECT * FROM search_messages($1::uuid, $2, $3, $4::uuid, $5::int))
       SELECT stop.id AS stop, ${COLUMNS} FROM (SELECT (SELECT message_id FROM step WHERE NOT is_match) AS id) AS stop
       LEFT JOIN (
         (SELECT message_id FROM step WHERE is_match ORDER BY message_id DESC OFFSET $6) AS found
         JOIN messages m ON m.id = found.message_id
       ) ON true ORDER BY m.id DESC`,
      [userId, containsPattern(part), longestWordIn(part), after ?? HIGHEST_ID, offset + size + 1, offset],
      'message_search',
    );
    const found = rows.filter((row) => row.id !== null);
    return boundedPageOf(request, found, rows[0]?.stop ?? null, 'query');
  }

  /** Up to {@link MAX_FOUND}. */
  async countFound(userId: string, part: string): Promise<number> {
    const { rows } = await this.database.query<{ count: number }>(
      `SELECT count_messages($1::uuid, $2, $3, ${MAX_FOUND}) AS count`,
      [userId, containsPattern(part), longestWordIn(part)],
      'message_count_found',
    );
    return rows[0]?.count ?? 0;
  }

  /**
   * Adds a message whole: finds its place, charges its author's day, adds and notes it, all in one function of the database, which
   * changes nothing where it refuses. Outside of a transaction, messages of one moment share a statement
   * (docs/decisions/0092-messages-of-one-moment-share-a-statement.md).
   */
  add(
    sql: Sql,
    message: LoneMessage,
    addition: Omit<Addition, 'behind'>,
    charge: MessageCharge,
    events: AdditionEvents,
  ): Promise<AddedMessage | RefusedMessage> {
    const body = JSON.stringify(message.content);
    const whole: WholeAddition = { message, body, extras: jsonOrNull(message.extra), addition, charge, events };
    const length = body.length + (whole.extras?.length ?? 0);
    const isSharable = addition.versionOf == null && length <= MOST_SHARED_LENGTH;
    return sql === this.database && isSharable ? this.#addWithOthers(whole) : this.#addAlone(sql, whole);
  }

  /** Its text begins so that an act takes it for the change that it is. */
  async #addAlone(
    sql: Sql,
    { message, body, extras, addition, charge, events }: WholeAddition,
  ): Promise<AddedMessage | RefusedMessage> {
    const { rows } = await sql.query<AddedRow | RefusedMessage>(
      `WITH added AS MATERIALIZED (
         SELECT * FROM add_message($1::uuid, $2::uuid, $3::uuid, $4::jsonb, $5::text, $6::jsonb, $7::uuid, $8::text, $9::uuid,
           $10::uuid, $11::int, $12::int, $13::jsonb, $14::jsonb, $15::jsonb)
       )
       SELECT added.refusal, added.leaf, added.is_switched AS "isSwitched", added.last, added.last_listed AS "lastListed", ${COLUMNS}
       FROM added CROSS JOIN LATERAL (SELECT (added.message).*) AS m`,
      [
        message.conversationId,
        message.id,
        message.userId,
        body,
        message.messageType,
        extras,
        addition.versionOf ?? null,
        addition.expectedLeafId ?? null,
        charge.dayId,
        charge.entryId,
        charge.dailyMessages,
        charge.dailyTokens,
        JSON.stringify(events.added),
        JSON.stringify(events.switched),
        JSON.stringify(events.listed),
      ],
      'message_add',
    );
    const [row] = rows;
    if (row === undefined) throw new Error('a function with OUT parameters answers a row');
    return additionOf(row);
  }

  async #addTogether(
    additions: readonly WholeAddition[],
  ): Promise<readonly (AddedMessage | RefusedMessage | undefined)[]> {
    const { rows } = await this.database.query<(AddedRow | RefusedMessage) & { readonly addedId: string }>(
      `WITH added AS MATERIALIZED (SELECT * FROM add_messages($1::jsonb, $2::int))
       SELECT added.id AS "addedId", added.refusal, added.leaf, false AS "isSwitched", added.last, added.last_listed AS "lastListed",
         ${COLUMNS}
       FROM added CROSS JOIN LATERAL (SELECT (added.message).*) AS m`,
      [`[${additions.map(newsOf).join()}]`, additions[0]?.charge.dailyMessages],
      'message_add_together',
    );
    const byId = new Map(rows.map(({ addedId, ...row }) => [addedId, additionOf(row)]));
    return additions.map(({ message }) => byId.get(message.id));
  }

  /** Adds messages to the current branch, one behind the other, behind the message at its end. */
  async insert(sql: Sql, messages: readonly NewMessage[], end: Place): Promise<readonly MessageRow[]> {
    const values: unknown[] = [];
    const parameter = (value: unknown, type: string) => `$${values.push(value)}::${type}`;
    const rowsToAdd = messages.map((message, index) => {
      const conversation = parameter(message.conversationId, 'uuid');
      return `(${parameter(message.id, 'uuid')}, ${conversation},
        (SELECT c.user_id FROM conversations c WHERE c.id = ${conversation}), ${parameter(message.userId, 'uuid')},
        ${parameter(JSON.stringify(message.content), 'jsonb')}, ${parameter(message.messageType, 'text')},
        ${parameter(message.status, '"MessageStatus"')}, ${parameter(jsonOrNull(message.extra), 'jsonb')},
        ${parameter(message.replyToId, 'uuid')}, ${parameter(messages[index - 1]?.id ?? end.id, 'uuid')},
        ${parameter(end.position + 1 + index, 'int')}, ${parameter(jsonOrNull(message.generation), 'jsonb')}, true)`;
    });
    const { rows } = await sql.query<MessageRow>(
      `INSERT INTO messages AS m
         (id, conversation_id, owner_id, user_id, content, message_type, status, extra, reply_to_id, parent_id, position, generation,
          is_current)
       VALUES ${rowsToAdd.join(', ')} RETURNING ${COLUMNS}`,
      values,
      `message_insert_${messages.length}`,
    );
    return rows;
  }

  /**
   * Changes a message that is not streaming. The stored events of an edited reply become a single delta; the
   * number of its end stays known, so that who has seen it is not told again.
   * @param check throws if the message may not be changed as it is; its row is locked meanwhile
   * @param note notes the change, in the same transaction
   * @returns null when the message does not exist or is streaming
   */
  update(
    id: string,
    changes: MessageChanges,
    check: ((row: MessageRow) => void) | undefined,
    note: (sql: Sql, row: MessageRow) => Promise<void>,
  ): Promise<MessageRow | null> {
    return this.database.transaction(async (sql) => {
      const row = (await this.#passes(sql, id, check)) ? await this.#update(sql, id, changes) : null;
      if (row !== null) await note(sql, row);
      return row;
    });
  }

  /** Locks the message and checks it, where it is to be checked. @returns false when it does not exist */
  async #passes(sql: Sql, id: string, check: ((row: MessageRow) => void) | undefined): Promise<boolean> {
    if (check === undefined) return true;
    const { rows } = await sql.query<MessageRow>(
      `SELECT ${COLUMNS} FROM messages m WHERE m.id = $1 FOR UPDATE`,
      [id],
      'message_lock',
    );
    if (rows[0] === undefined) return false;
    check(rows[0]);
    return true;
  }

  async #update(sql: Sql, id: string, changes: MessageChanges): Promise<MessageRow | null> {
    const { rows } = await sql.query<MessageRow>(
      `UPDATE messages AS m SET
         content = coalesce($2::jsonb, m.content),
         ends_given = CASE WHEN $2::jsonb IS NULL OR m.delta_ends = '{}' AND m.other_events = 0 THEN m.ends_given
           ELSE array_append(m.ends_given, cardinality(m.delta_ends) + m.other_events + 1) END,
         delta_ends = CASE WHEN $2::jsonb IS NULL THEN m.delta_ends ELSE '{}' END,
         parts = CASE WHEN $2::jsonb IS NULL THEN m.parts END,
         other_events = CASE WHEN $2::jsonb IS NULL THEN m.other_events ELSE 0 END,
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

  /**
   * @param lock locks the conversation, whose tree changes
   * @param check and `note` as of {@link update}
   */
  delete(
    id: string,
    lock: (sql: Sql) => Promise<void>,
    check: ((row: MessageRow) => void) | undefined,
    note: (sql: Sql, row: MessageRow) => Promise<void>,
  ): Promise<MessageRow | null> {
    return this.database.transaction(async (sql) => {
      await lock(sql);
      const row = (await this.#passes(sql, id, check)) ? await this.#delete(sql, id) : null;
      if (row !== null) await note(sql, row);
      return row;
    });
  }

  async #delete(sql: Sql, id: string): Promise<MessageRow | null> {
    const { rows } = await sql.query<MessageRow>(
      `DELETE FROM messages AS m WHERE m.id = $1 RETURNING ${COLUMNS}`,
      [id],
      'message_delete',
    );
    return rows[0] ?? null;
  }

  /**
   * As {@link remarks}, on the branch that leads to a message, whether that is the current one or not: before the message `id`,
   * newest first.
   */
  async remarksBefore(sql: Sql, id: string, limit: number): Promise<readonly Remark[]> {
    const { rows } = await sql.query<Remark>(
      `WITH RECURSIVE branch AS (
         SELECT m.parent_id AS id, 1 AS depth FROM messages m WHERE m.id = $1
         UNION ALL
         SELECT m.parent_id, branch.depth + 1 FROM branch
         CROSS JOIN LATERAL (SELECT parent_id FROM messages WHERE id = branch.id OFFSET 0) AS m WHERE branch.depth < $2
       )
       SELECT m.id, m.message_type AS "messageType", ${REMARK_CONTENT} AS content, m.ask_options->'images' AS images
       FROM branch CROSS JOIN LATERAL (SELECT * FROM messages WHERE id = branch.id OFFSET 0) AS m
       WHERE ${IS_REMARK} ORDER BY branch.depth`,
      [id, limit],
      'message_remarks_before',
    );
    return rows;
  }

  /**
   * Messages of the user and the model on the current branch before a position, newest first: those with a text, and those
   * without one that the model was asked. A reply that is still being written is none of them: the model would go on in its
   * middle.
   */
  async remarks(sql: Sql, conversationId: string, before: number, limit: number): Promise<readonly Remark[]> {
    const { rows } = await sql.query<Remark>(
      `SELECT m.id, m.message_type AS "messageType", ${REMARK_CONTENT} AS content, m.ask_options->'images' AS images
       FROM messages m
       WHERE conversation_id = $1 AND is_current AND position < $2 AND ${IS_REMARK}
       ORDER BY position DESC LIMIT $3`,
      [conversationId, before, limit],
      'message_remarks',
    );
    return rows;
  }
}
