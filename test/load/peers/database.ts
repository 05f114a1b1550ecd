// The statements of a service written by hand over the same tables, as few as it needs: prepared, on a pool of as many
// connections as the service has.
import pg from 'pg';
import { isUuid, newId } from '../../../src/kernel/ids.js';
import { HttpError } from './http-error.js';

const pool = new pg.Pool({ connectionString: process.env['DATABASE_URL'], max: 10 });
pool.on('connect', (client) => void client.query(`SET TIME ZONE 'UTC'; SET statement_timeout = 15000`));

export async function query<Row extends pg.QueryResultRow>(
  name: string,
  text: string,
  values: unknown[],
  on: pg.Pool | pg.PoolClient = pool,
): Promise<Row[]> {
  const { rows } = await on.query<Row>({ name, text, values });
  return rows;
}

/** Who asks. */
interface Viewer {
  readonly userId: string;
}

export interface UserRow {
  readonly id: string;
  readonly email: string | null;
  readonly phoneNumber: string | null;
  readonly provider: string;
  readonly providerId: string | null;
  readonly isVerified: boolean;
  readonly verifiedAt: Date | null;
  readonly profile: object;
  readonly isActive: boolean;
  readonly isSuspended: boolean;
  readonly isAdmin: boolean;
  readonly plan: string;
  readonly lastLogin: Date | null;
}

export interface ConversationRow {
  readonly id: string;
  readonly userId: string;
  readonly title: string | null;
  readonly status: string | null;
  readonly model: string | null;
  readonly instructions: string | null;
  readonly temperature: number | null;
  readonly maxTokens: number | null;
  readonly isPinned: boolean;
  readonly isArchived: boolean;
  readonly label: string | null;
  readonly messageCount: number;
  readonly unreadCount: number;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

export interface MessageRow {
  readonly id: string;
  readonly conversationId: string;
  readonly userId: string | null;
  readonly content: { readonly text?: unknown };
  readonly messageType: string;
  readonly status: string;
  readonly extra: object | null;
  readonly replyToId: string | null;
  readonly parentId: string | null;
  readonly sequence: number | null;
  readonly waitsUntil: Date | null;
  readonly generation: object | null;
  readonly createdAt: Date;
}

export interface NewMessage {
  readonly content: object;
  readonly messageType: string;
  readonly extra?: object | null;
}

const USER = `id, email, phone_number AS "phoneNumber", provider, provider_id AS "providerId", is_verified AS "isVerified",
  verified_at AS "verifiedAt", profile, is_active AS "isActive", is_suspended AS "isSuspended", is_admin AS "isAdmin", plan,
  last_login AS "lastLogin"`;
const CONVERSATION = `id, user_id AS "userId", title, status, model, instructions, temperature, max_tokens AS "maxTokens",
  is_pinned AS "isPinned", is_archived AS "isArchived", label, message_count AS "messageCount",
  unread_count AS "unreadCount", created_at AS "createdAt", updated_at AS "updatedAt"`;
const MESSAGE = `m.id, m.conversation_id AS "conversationId", m.user_id AS "userId", m.content,
  m.message_type AS "messageType", m.status, m.extra, m.reply_to_id AS "replyToId",
  nullif(m.parent_id, m.conversation_id) AS "parentId", m.waits_until AS "waitsUntil", m.generation,
  CASE WHEN m.status = 'STREAMING' THEN cardinality(m.delta_ends) + m.other_events END AS sequence,
  m.created_at AS "createdAt"`;

export async function findMe({ userId }: Viewer): Promise<UserRow> {
  const [user] = await findUsers([userId]);
  if (user === undefined) throw new HttpError(404, 'User not found');
  return user;
}

export function findUsers(ids: readonly string[]): Promise<UserRow[]> {
  return query('users', `SELECT ${USER} FROM users WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL`, [ids]);
}

export async function findConversation({ userId }: Viewer, id: string): Promise<ConversationRow> {
  if (!isUuid(id)) throw new HttpError(422, 'Validation error');
  const [conversation] = await query<ConversationRow>(
    'conversation',
    `SELECT ${CONVERSATION} FROM conversations WHERE id = $1 AND user_id = $2`,
    [id, userId],
  );
  if (conversation === undefined) throw new HttpError(404, 'Conversation not found');
  return conversation;
}

export function listConversations({ userId }: Viewer, limit: number, skip = 0): Promise<ConversationRow[]> {
  return query(
    'conversations',
    `SELECT ${CONVERSATION} FROM conversations WHERE user_id = $1 ORDER BY id DESC LIMIT $2 OFFSET $3`,
    [userId, limit, skip],
  );
}

export async function listMessages(viewer: Viewer, id: string, limit: number, skip = 0): Promise<MessageRow[]> {
  await findConversation(viewer, id);
  return query(
    'messages',
    `SELECT ${MESSAGE} FROM messages m WHERE conversation_id = $1 AND is_current ORDER BY position LIMIT $2 OFFSET $3`,
    [id, limit, skip],
  );
}

/** The first messages of each conversation. */
export function listMessagesOf(ids: readonly string[], limit: number): Promise<MessageRow[]> {
  return query(
    'messages_of',
    `SELECT ${MESSAGE} FROM unnest($1::uuid[]) AS talk (id) CROSS JOIN LATERAL (
       SELECT * FROM messages WHERE conversation_id = talk.id AND is_current ORDER BY position LIMIT $2
     ) AS m`,
    [ids, limit],
  );
}

/**
 * Adds a message at the end of the conversation: the owner's plan is charged, the conversation moves up, and whoever follows it
 * or the list finds an event. The rows that it leaves are those that the service leaves.
 */
export async function createMessage(viewer: Viewer, conversationId: string, message: NewMessage): Promise<MessageRow> {
  if (!isUuid(conversationId)) throw new HttpError(422, 'Validation error');
  countCall(viewer.userId);
  const client = await pool.connect();
  try {
    await client.query('BEGIN');
    const [conversation] = await query<{ id: string }>(
      'lock',
      `SELECT id FROM conversations WHERE id = $1 AND user_id = $2 FOR NO KEY UPDATE`,
      [conversationId, viewer.userId],
      client,
    );
    if (conversation === undefined) throw new HttpError(404, 'Conversation not found');
    const id = newId();
    const [charged] = await query<{ id: string }>(
      'charge',
      `WITH day AS (
         INSERT INTO usage_daily AS u (id, user_id, date, message_count, token_count, last_grant)
         VALUES ($1, $2, (now() AT TIME ZONE 'utc')::date, 1, 0, 0)
         ON CONFLICT (user_id, date) DO UPDATE SET message_count = u.message_count + 1, last_grant = 0
         WHERE u.message_count < $3 RETURNING date
       )
       INSERT INTO usage_entries (id, user_id, date, kind, reserved_tokens, prompt_tokens, message_id, tokens, settled_at)
       SELECT $4, $2, date, 'MESSAGE', 0, 0, $5, 0, now() FROM day RETURNING id`,
      [newId(), viewer.userId, DAILY_MESSAGES, newId(), id],
      client,
    );
    if (charged === undefined) throw new HttpError(403, 'Upgrade required');
    const [row] = await query<MessageRow>(
      'insert',
      `INSERT INTO messages AS m (id, conversation_id, owner_id, user_id, content, message_type, extra, parent_id, position)
       SELECT $1, $2, $3, $3, $4, $5, $6, coalesce(last.id, $2), coalesce(last.position + 1, 0)
       FROM (SELECT 1) AS always LEFT JOIN LATERAL (
         SELECT id, position FROM messages WHERE conversation_id = $2 AND is_current ORDER BY position DESC LIMIT 1
       ) AS last ON true RETURNING ${MESSAGE}`,
      [
        id,
        conversationId,
        viewer.userId,
        JSON.stringify(message.content),
        message.messageType,
        message.extra == null ? null : JSON.stringify(message.extra),
      ],
      client,
    );
    if (row === undefined) throw new Error('INSERT ... RETURNING gave no row');
    await query('touch', `UPDATE conversations SET updated_at = now() WHERE id = $1`, [conversationId], client);
    await query(
      'tell',
      `WITH news (feed, event) AS (VALUES ($1::uuid, $2::jsonb), ($3::uuid, $4::jsonb)), numbered AS (
         INSERT INTO event_feeds AS f (id, last_sequence) SELECT feed, 1 FROM news
         ON CONFLICT (id) DO UPDATE SET last_sequence = f.last_sequence + 1 RETURNING id, last_sequence
       )
       INSERT INTO feed_events (feed_id, sequence, event, created_at)
       SELECT numbered.id, numbered.last_sequence, news.event, clock_timestamp() FROM numbered JOIN news ON news.feed = numbered.id`,
      [
        conversationId,
        JSON.stringify({ type: 'created', messageId: id }),
        viewer.userId,
        JSON.stringify({ type: 'updated', conversationId }),
      ],
      client,
    );
    await client.query('COMMIT');
    return row;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  } finally {
    client.release();
  }
}

const DAILY_MESSAGES = 2_000_000_000;
const RATE_LIMIT = 999_999;
const RATE_WINDOW_MS = 1_000;
const calls = new Map<string, number[]>();

/** A sliding window. */
function countCall(userId: string): void {
  const now = performance.now();
  const recent = (calls.get(userId) ?? []).filter((time) => time > now - RATE_WINDOW_MS);
  if (recent.length >= RATE_LIMIT) throw new HttpError(429, 'Too many requests');
  recent.push(now);
  calls.set(userId, recent);
}
