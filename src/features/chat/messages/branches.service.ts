import { NotFound } from '../../../kernel/errors.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { Database } from '../../../ports/database.js';
import { selectionOf } from '../conversations/conversation-event.js';
import type { ConversationRow } from '../conversations/conversation.js';
import type { ConversationsService } from '../conversations/conversations.service.js';
import type { BranchesRepository } from './branches.repository.js';
import type { Siblings } from './message.js';
import type { MessageTree } from './message-tree.js';
import type { MessagesService } from './messages.service.js';

interface BranchesServiceNeeds {
  readonly database: Pick<Database, 'transaction'>;
  readonly repository: BranchesRepository;
  readonly tree: MessageTree;
  readonly messages: Pick<MessagesService, 'act' | 'get' | 'note'>;
  readonly conversations: Pick<ConversationsService, 'begin' | 'get'>;
}

/** The branches of conversations: going from one to another, and taking one elsewhere. */
export class BranchesService {
  constructor(private readonly needs: BranchesServiceNeeds) {}

  /** Shows the branch through a message, to the leaf that was added last. @throws NotFound */
  async select(viewer: Viewer, messageId: string): Promise<ConversationRow> {
    const { database, tree, messages, conversations } = this.needs;
    const message = await messages.get(viewer, messageId);
    const news = messages.act();
    await database.transaction(async (sql) => {
      const leaf = await tree.select(sql, message);
      if (leaf !== null) await messages.note(news, sql, viewer.userId, message.conversationId, selectionOf(leaf));
    });
    news.tell();
    return conversations.get(viewer, message.conversationId);
  }

  /**
   * Makes a new conversation with a copy of the branch that ends with a message.
   * @throws NotFound; QuotaExceeded when the plan allows no more conversations
   */
  async fork(viewer: Viewer, messageId: string): Promise<ConversationRow> {
    const { repository, tree, messages, conversations } = this.needs;
    const { conversationId } = await messages.get(viewer, messageId);
    const { title, status, model, instructions, temperature, maxTokens } = await conversations.get(
      viewer,
      conversationId,
    );
    const values = { title, status, model, instructions, temperature, maxTokens };
    const fork = await conversations.begin(viewer, values, {
      lock: (sql) => tree.lock(sql, conversationId),
      fill: async (sql, { id }) => {
        if ((await repository.copy(sql, messageId, id)) === 0) throw new NotFound('Message');
      },
    });
    return conversations.get(viewer, fork.id);
  }

  /**
   * In the order of `ids`, without a permission check: for messages that the viewer may see. One that was deleted since it was read
   * has none: whoever reads the others of its list is not refused them.
   */
  async siblings(ids: readonly string[]): Promise<readonly Siblings[]> {
    const found = await this.needs.repository.siblings(ids);
    return ids.map((id) => found.get(id) ?? { ids: [], index: 0, totalCount: 0 });
  }
}
