import { MAX_PAGE_SIZE, type Connection, type PageArguments } from '../../../kernel/page.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { ConversationRow } from '../conversations/conversation.js';
import type { ConversationsService } from '../conversations/conversations.service.js';
import type { MessageRow } from '../messages/message.js';
import type { MessagesService } from '../messages/messages.service.js';

/** A part of an export: a conversation begins, or some messages of the one that began last. */
export type ExportPart =
  | { readonly type: 'conversation'; readonly conversation: ConversationRow }
  | { readonly type: 'messages'; readonly messages: readonly MessageRow[] };

export interface ConversationExportNeeds {
  readonly conversations: Pick<ConversationsService, 'list'>;
  readonly messages: Pick<MessagesService, 'ofConversations'>;
}

/** All that a user's conversations hold, page by page, as fast as it is read. */
export class ConversationExport {
  constructor(private readonly needs: ConversationExportNeeds) {}

  /**
   * Conversations newest first, the messages of each oldest first. What is changed meanwhile may be in it as it was or as
   * it is.
   */
  async *all(viewer: Viewer): AsyncGenerator<ExportPart, void, undefined> {
    for await (const page of pages((args) => this.needs.conversations.list(viewer, null, args))) {
      for (const conversation of page) {
        yield { type: 'conversation', conversation };
        for await (const messages of pages((args) => this.messagesOf(conversation.id, args))) {
          yield { type: 'messages', messages };
        }
      }
    }
  }

  private async messagesOf(conversationId: string, args: PageArguments): Promise<Connection<MessageRow> | undefined> {
    const [connection] = await this.needs.messages.ofConversations([conversationId], args);
    return connection;
  }
}

/** The pages of one list, from cursor to cursor: each costs the same at any depth. */
async function* pages<Row>(
  read: (args: PageArguments) => Promise<Connection<Row> | undefined>,
): AsyncGenerator<readonly Row[], void, undefined> {
  let after: string | null = null;
  for (;;) {
    const page = await read({ first: MAX_PAGE_SIZE, after });
    if (page === undefined || page.nodes.length === 0) return;
    yield page.nodes;
    if (!page.pageInfo.hasNextPage) return;
    after = page.pageInfo.endCursor;
  }
}
