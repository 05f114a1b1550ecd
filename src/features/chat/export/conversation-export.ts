import { MAX_PAGE_SIZE, type Connection, type PageArguments } from '../../../kernel/page.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { ConversationRow } from '../conversations/conversation.js';
import type { ConversationsService } from '../conversations/conversations.service.js';
import type { MessageRow } from '../messages/message.js';
import type { MessagesService } from '../messages/messages.service.js';

/** A part of an export: either the start of a conversation, or some messages of the conversation that started last. */
export type ExportPart =
  | { readonly type: 'conversation'; readonly conversation: ConversationRow }
  | { readonly type: 'messages'; readonly messages: readonly MessageRow[] };

export interface ConversationExportNeeds {
  readonly conversations: Pick<ConversationsService, 'list'>;
  readonly messages: Pick<MessagesService, 'ofConversations'>;
}

/** Exports a user's conversations with all messages, page by page, as fast as the consumer reads. */
export class ConversationExport {
  constructor(private readonly needs: ConversationExportNeeds) {}

  /**
   * Conversations newest first, the messages of each oldest first. There is no snapshot: changes made during the export
   * may or may not be included.
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

/** Reads a list page by page with cursors, so that each page costs the same at any depth. */
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
