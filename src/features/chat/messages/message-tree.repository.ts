import type { Sql } from '../../../ports/database.js';
import type { Addition, Place } from './message.js';

/** Why a branch cannot be opened: the conversation is gone, the client knows another leaf, or the message to add behind is gone. */
export type TreeRefusal = 'conversation' | 'leaf' | 'message';

export interface OpenedBranch {
  readonly refusal: TreeRefusal | null;
  /** The end of the current branch. */
  readonly leaf: string;
  readonly position: number;
  /** Where the branch is to end. */
  readonly tip: string;
}

/**
 * The places of messages. What a branch consists of is changed by functions of the database (`select_branch`, and a trigger when
 * messages are deleted): whoever calls them has locked the conversation.
 */
export class MessageTreeRepository {
  /** Waits for whoever changes the conversation's tree. */
  async lock(sql: Sql, conversationId: string): Promise<void> {
    await sql.query(
      `SELECT 1 FROM conversations WHERE id = $1 FOR NO KEY UPDATE`,
      [conversationId],
      'message_tree_lock',
    );
  }

  /** Locks the conversation, and finds where messages are to be added. Changes nothing. */
  async open(sql: Sql, conversationId: string, { behind, versionOf, expectedLeafId }: Addition): Promise<OpenedBranch> {
    const { rows } = await sql.query<OpenedBranch>(
      `SELECT refusal, leaf, leaf_position AS position, tip FROM open_branch($1::uuid, $2::uuid, $3::uuid, $4::text)`,
      [conversationId, behind ?? null, versionOf ?? null, expectedLeafId ?? null],
      'message_tree_open',
    );
    const [row] = rows;
    if (row === undefined) throw new Error('a function with OUT parameters answers a row');
    return row;
  }

  /** The end of the current branch; of an empty conversation, the place before its first message. */
  async end(sql: Sql, conversationId: string): Promise<Place> {
    const { rows } = await sql.query<Place>(
      `SELECT id, position FROM messages WHERE conversation_id = $1 AND is_current ORDER BY position DESC LIMIT 1`,
      [conversationId],
      'message_tree_end',
    );
    return rows[0] ?? { id: conversationId, position: -1 };
  }

  async exists(sql: Sql, id: string): Promise<boolean> {
    const { rowCount } = await sql.query('SELECT 1 FROM messages WHERE id = $1', [id], 'message_tree_exists');
    return rowCount > 0;
  }

  /** The leaf below a message that was added last; the message itself where nothing follows it. */
  async newestLeaf(sql: Sql, id: string): Promise<string> {
    const { rows } = await sql.query<{ id: string }>(
      `SELECT coalesce(newest_leaf($1::uuid), $1::uuid) AS id`,
      [id],
      'message_tree_newest_leaf',
    );
    return rows[0]?.id ?? id;
  }

  /** Makes the current branch end with this message, or be empty where `tip` is the conversation. */
  async select(sql: Sql, conversationId: string, tip: string): Promise<void> {
    await sql.query(`SELECT select_branch($1::uuid, $2::uuid)`, [conversationId, tip], 'message_tree_select');
  }
}
