import type { Database } from '../../../ports/database.js';
import type { MessageContent } from '../messages/message.js';

/** A conversation without a title, by an answer in it. */
export interface Untitled {
  readonly userId: string;
  /** The name of the owner's plan. */
  readonly plan: string;
  readonly question: MessageContent;
  readonly answer: MessageContent;
}

export class TitlesRepository {
  constructor(private readonly database: Database) {}

  /** @returns null when the conversation has a title, the question or the answer is gone, or the owner may not act any more */
  async find(replyId: string): Promise<Untitled | null> {
    const { rows } = await this.database.query<Untitled>(
      `SELECT u.id AS "userId", u.plan, q.content AS question, a.content AS answer
       FROM messages a JOIN messages q ON q.id = a.reply_to_id JOIN conversations c ON c.id = a.conversation_id
         JOIN users u ON u.id = c.user_id
       WHERE a.id = $1 AND c.title IS NULL AND u.is_active AND NOT u.is_suspended AND u.deleted_at IS NULL`,
      [replyId],
      'title_find',
    );
    return rows[0] ?? null;
  }
}
