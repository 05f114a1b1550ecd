import type { Database, Sql } from '../../../ports/database.js';
import type { ImageReference, MessageStatus } from '../messages/message.js';
import { eventCount, otherEventsIn, type Transcript } from '../messages/reply-transcript.js';
import type { Generation } from '../models/generation.js';
import type { AnswerOptions } from './tools.js';
import { REASONS, replyContent, type ReplyFailure, type StoredReply } from './reply.js';

/** Why a reply is not complete. */
export interface Failure {
  readonly code: ReplyFailure;
  readonly reason: string;
}

export interface ReplyEnd {
  readonly status: Exclude<MessageStatus, 'STREAMING'>;
  readonly transcript: Transcript;
  /** The number of its last event, where its writer knows it. */
  readonly endsGiven?: readonly number[];
  readonly tokens: number;
  readonly failure: Failure | null;
  readonly generation: Generation | null;
}

/** A reply that goes on when its tools are answered. */
export interface ReplyPause {
  readonly transcript: Transcript;
  /** What it has taken so far. */
  readonly tokens: number;
  readonly generation: Generation;
  /** How long it waits. */
  readonly seconds: number;
}

/** What has come of a running reply so far. */
export interface Checkpoint {
  readonly id: string;
  readonly transcript: Transcript;
}

/** What may have to be ended by another instance than the one that began it. */
export interface OpenWork {
  /** Calls of the model that run. */
  readonly hasLeases: boolean;
  /** Some of them may be of an instance that has died. */
  readonly hasExpired: boolean;
  /** Replies that wait for the results of their tools. */
  readonly hasWaiting: boolean;
}

/** Why a reply that waits for its tools ends without them. */
export type WaitingEnd = 'STOPPED' | 'QUESTION_DELETED' | 'ACCOUNT_CLOSED' | 'TOO_LATE';

const MAX_ENDS_GIVEN = 100;

const COLUMNS = `m.id, m.conversation_id AS "conversationId", m.user_id AS "userId", m.owner_id AS "ownerId",
  m.content, m.message_type AS "messageType", m.status, m.extra, m.reply_to_id AS "replyToId", m.created_at AS "createdAt",
  m.updated_at AS "updatedAt", m.delta_ends AS "deltaEnds", m.parts, m.ends_given AS "endsGiven", m.failure_code AS "failureCode",
  m.failure_reason AS "failureReason", m.tokens, m.keep_unanswered AS "keepUnanswered", m.generation, m.waits_until AS "waitsUntil"`;

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

  /** Asks whichever instance runs the reply to stop it. */
  async requestStop(id: string): Promise<void> {
    await this.database.query(
      `UPDATE messages SET stop_requested_at = now() WHERE id = $1 AND status = 'STREAMING'`,
      [id],
      'reply_request_stop',
    );
  }

  /** Which of the running replies must stop, and why. */
  async findStops(ids: readonly string[]): Promise<ReadonlyMap<string, Failure>> {
    const { rows } = await this.database.query<{ id: string; reason: 'DELETED' | 'STOPPED' | 'QUESTION_DELETED' }>(
      `SELECT asked.id, CASE WHEN m.id IS NULL THEN 'DELETED' WHEN m.stop_requested_at IS NOT NULL THEN 'STOPPED'
         ELSE 'QUESTION_DELETED' END AS reason
       FROM unnest($1::uuid[]) AS asked (id) LEFT JOIN messages m ON m.id = asked.id
       WHERE m.id IS NULL OR m.stop_requested_at IS NOT NULL OR m.reply_to_id IS NULL`,
      [ids],
      'reply_find_stops',
    );
    return new Map(
      rows.map(({ id, reason }) => [id, { code: reason === 'DELETED' ? reason : 'STOPPED', reason: REASONS[reason] }]),
    );
  }

  /** Question and reply are forgotten if there is no answer. */
  async forgetUnanswered(sql: Sql, id: string): Promise<void> {
    await sql.query(`UPDATE messages SET keep_unanswered = false WHERE id = $1`, [id], 'reply_forget_unanswered');
  }

  /**
   * Stores what has come so far, unless the row has more: a call that its caller gave up may be carried out after later ones.
   * @returns false when the reply has ended or does not exist
   */
  async checkpoint(id: string, transcript: Transcript): Promise<boolean> {
    const { rowCount } = await this.database.query(
      `UPDATE messages m SET ${progressOf('$2::jsonb', '$3::int[]', '$4::jsonb', '$5::int', '$6::int')}
       WHERE m.id = $1 AND m.status = 'STREAMING'`,
      [id, ...columnsOf(transcript), eventCount(transcript)],
      'reply_checkpoint',
    );
    return rowCount > 0;
  }

  /**
   * As {@link checkpoint}, for several replies at once. It waits for nobody: rows that are locked are left out.
   * @returns the ids of those that were stored
   */
  async checkpointAll(checkpoints: readonly Checkpoint[]): Promise<ReadonlySet<string>> {
    const rows = checkpoints.map(({ transcript }) => [...columnsOf(transcript), eventCount(transcript)] as const);
    const { rows: stored } = await this.database.query<{ id: string }>(
      `WITH given AS (
         SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::int[], $6::int[])
           AS given (id, content, delta_ends, parts, other_events, events)
       ), free AS MATERIALIZED (
         SELECT m.id FROM messages m WHERE m.id = ANY($1::uuid[]) AND m.status = 'STREAMING' FOR NO KEY UPDATE SKIP LOCKED
       )
       UPDATE messages m SET ${progressOf('given.content::jsonb', 'given.delta_ends::int[]', 'given.parts::jsonb', 'given.other_events', 'given.events')}
       FROM given JOIN free USING (id) WHERE m.id = given.id
       RETURNING m.id`,
      [
        checkpoints.map(({ id }) => id),
        rows.map(([content]) => content),
        rows.map(([, deltaEnds]) => `{${deltaEnds.join(',')}}`),
        rows.map(([, , parts]) => parts),
        rows.map(([, , , otherEvents]) => otherEvents),
        rows.map(([, , , , events]) => events),
      ],
      'reply_checkpoint_all',
    );
    return new Set(stored.map(({ id }) => id));
  }

  /** Remembers under which number a reader was told the end: the latest {@link MAX_ENDS_GIVEN} of a reply. */
  async giveEnd(id: string, sequence: number): Promise<void> {
    await this.database.query(
      `UPDATE messages SET ends_given = (array_append(array_remove(ends_given, $2::int), $2::int))[
         greatest(1, cardinality(array_remove(ends_given, $2::int)) + 2 - $3::int):]
       WHERE id = $1 AND status <> 'STREAMING'`,
      [id, sequence, MAX_ENDS_GIVEN],
      'reply_give_end',
    );
  }

  /** What a question asks for beside its text; null for nothing. What later releases added may be missing. */
  async findOptions(sql: Sql, questionId: string): Promise<Partial<AnswerOptions> | null> {
    const { rows } = await sql.query<{ options: Partial<AnswerOptions> | null }>(
      `SELECT ask_options AS options FROM messages WHERE id = $1`,
      [questionId],
      'reply_find_options',
    );
    return rows[0]?.options ?? null;
  }

  /** The images that the model is shown with each of these questions, in the same order. */
  async imagesOf(questionIds: readonly string[]): Promise<readonly (readonly ImageReference[])[]> {
    const { rows } = await this.database.query<{ id: string; images: readonly ImageReference[] }>(
      `SELECT id, ask_options->'images' AS images FROM messages WHERE id = ANY ($1::uuid[]) AND ask_options ? 'images'`,
      [questionIds],
      'reply_images_of',
    );
    const byId = new Map(rows.map(({ id, images }) => [id, images]));
    return questionIds.map((id) => byId.get(id) ?? []);
  }

  async storeOptions(sql: Sql, questionId: string, options: AnswerOptions): Promise<void> {
    await sql.query(
      `UPDATE messages SET ask_options = $2::jsonb WHERE id = $1`,
      [questionId, JSON.stringify(options)],
      'reply_store_options',
    );
  }

  /**
   * The model has called tools, and its reply goes on when they are answered: until then no instance runs it.
   * @returns false when the reply has ended or does not exist
   */
  async pause(sql: Sql, id: string, { transcript, tokens, generation, seconds }: ReplyPause): Promise<boolean> {
    const { rowCount } = await sql.query(
      `UPDATE messages SET content = $2::jsonb, delta_ends = $3::int[], parts = $4::jsonb, other_events = $5, tokens = $6,
         generation = $7::jsonb, waits_until = now() + make_interval(secs => $8), updated_at = now()
       WHERE id = $1 AND status = 'STREAMING'`,
      [id, ...columnsOf(transcript), tokens, JSON.stringify(generation), seconds],
      'reply_pause',
    );
    return rowCount > 0;
  }

  /** The tools are answered: an instance runs the reply again. */
  async resume(sql: Sql, id: string, transcript: Transcript): Promise<void> {
    await sql.query(
      `UPDATE messages SET content = $2::jsonb, delta_ends = $3::int[], parts = $4::jsonb, other_events = $5,
         waits_until = NULL, updated_at = now()
       WHERE id = $1`,
      [id, ...columnsOf(transcript)],
      'reply_resume',
    );
  }

  /**
   * What there is, of any instance, that may be abandoned: a look at the ends of two indexes.
   * @param longestSeconds a lease that ends later than so many seconds from now was given before the clock was put back
   */
  async lookForOpen(longestSeconds: number): Promise<OpenWork> {
    const { rows } = await this.database.query<OpenWork>(
      `SELECT first IS NOT NULL AS "hasLeases", EXISTS (SELECT FROM messages WHERE waits_until IS NOT NULL AND status = 'STREAMING') AS "hasWaiting",
         coalesce(first < now() OR last > now() + make_interval(secs => $1), false) AS "hasExpired"
       FROM (SELECT (SELECT min(lease_expires_at) FROM usage_entries) AS first,
         (SELECT max(lease_expires_at) FROM usage_entries) AS last) AS leases`,
      [longestSeconds],
      'reply_look_for_open',
    );
    return rows[0] ?? { hasLeases: false, hasExpired: false, hasWaiting: false };
  }

  /** Waiting replies that must end, and why; the index on `waits_until` has the waiting ones alone. */
  async findWaitingEnds(): Promise<readonly { readonly id: string; readonly why: WaitingEnd }[]> {
    const { rows } = await this.database.query<{ id: string; why: WaitingEnd }>(
      `SELECT m.id, CASE WHEN m.stop_requested_at IS NOT NULL THEN 'STOPPED' WHEN m.reply_to_id IS NULL THEN 'QUESTION_DELETED'
         WHEN u.is_suspended OR NOT u.is_active OR u.deleted_at IS NOT NULL THEN 'ACCOUNT_CLOSED' ELSE 'TOO_LATE' END AS why
       FROM messages m JOIN conversations c ON c.id = m.conversation_id JOIN users u ON u.id = c.user_id
       WHERE m.waits_until IS NOT NULL AND m.status = 'STREAMING' AND (m.waits_until < now() OR m.stop_requested_at IS NOT NULL OR m.reply_to_id IS NULL
         OR u.is_suspended OR NOT u.is_active OR u.deleted_at IS NOT NULL)
       LIMIT 1000`,
      [],
      'reply_find_waiting_ends',
    );
    return rows;
  }

  /**
   * Forgets a reply and its question, with the idempotency key that they came with: the question may be asked again. A question
   * that has another reply by now stays.
   * @returns the ids of those that are gone with this
   */
  async remove(sql: Sql, ids: readonly string[]): Promise<readonly string[]> {
    const { rows } = await sql.query<{ id: string }>(
      `WITH keys AS (DELETE FROM idempotency_keys WHERE reply_id = ANY($1::uuid[]))
       DELETE FROM messages m WHERE m.id = ANY($1::uuid[])
         AND NOT EXISTS (SELECT FROM messages other WHERE other.reply_to_id = m.id AND other.id <> ALL($1::uuid[]))
       RETURNING m.id`,
      [ids],
      'reply_remove',
    );
    return rows.map(({ id }) => id);
  }

  /** @returns false when the reply had already ended or does not exist */
  async finish(sql: Sql, id: string, end: ReplyEnd): Promise<boolean> {
    const { rowCount } = await sql.query(
      `UPDATE messages SET content = $2::jsonb, delta_ends = $3::int[], parts = $4::jsonb, other_events = $5,
         status = $6::"MessageStatus", tokens = $7, failure_code = $8, failure_reason = $9, ends_given = $10::int[],
         generation = $11::jsonb, waits_until = NULL, updated_at = now()
       WHERE id = $1 AND status = 'STREAMING'`,
      [
        id,
        ...columnsOf(end.transcript),
        end.status,
        end.tokens,
        end.failure?.code ?? null,
        end.failure?.reason ?? null,
        end.endsGiven ?? [],
        end.generation === null ? null : JSON.stringify(end.generation),
      ],
      'reply_finish',
    );
    return rowCount > 0;
  }
}

/** Sets the columns of what has come, by the expressions of their values, unless the row has more events than `events`. */
function progressOf(content: string, deltaEnds: string, parts: string, otherEvents: string, events: string): string {
  const hasMore = `cardinality(m.delta_ends) + m.other_events > ${events}`;
  return `content = CASE WHEN ${hasMore} THEN m.content ELSE ${content} END,
         delta_ends = CASE WHEN ${hasMore} THEN m.delta_ends ELSE ${deltaEnds} END,
         parts = CASE WHEN ${hasMore} THEN m.parts ELSE ${parts} END,
         other_events = CASE WHEN ${hasMore} THEN m.other_events ELSE ${otherEvents} END,
         updated_at = now()`;
}

/** The values of `content`, `delta_ends`, `parts` and `other_events`. */
function columnsOf({
  text,
  deltaEnds,
  parts,
}: Transcript): readonly [string, readonly number[], string | null, number] {
  const content = JSON.stringify(replyContent(text));
  return [content, deltaEnds, parts && JSON.stringify(parts), otherEventsIn({ parts })];
}
