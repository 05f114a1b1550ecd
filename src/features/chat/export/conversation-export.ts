import { MAX_PAGE_SIZE, type Connection, type PageArguments } from '../../../kernel/page.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { ConversationRow } from '../conversations/conversation.js';
import type { ConversationsService } from '../conversations/conversations.service.js';
import type { ConversationSummaryRow, MessageRow, SummaryPart } from '../messages/message.js';
import type { MessagesService } from '../messages/messages.service.js';

/** A part of an export: either the start of a conversation, or some messages of the conversation that started last. */
export type ExportPart =
  | { readonly type: 'conversation'; readonly conversation: ConversationRow }
  | { readonly type: 'messages'; readonly messages: readonly MessageRow[] };

export interface ConversationExportNeeds {
  readonly conversations: Pick<ConversationsService, 'list'>;
  readonly messages: Pick<MessagesService, 'ofAllBranches' | 'summaries'>;
}

/** Exports a user's conversations with all messages, page by page, as fast as the consumer reads. */
export class ConversationExport {
  constructor(private readonly needs: ConversationExportNeeds) {}

  /**
   * Conversations newest first, the messages of each oldest first, those of all branches. There is no snapshot: changes made during the export
   * may or may not be included.
   */
  async *all(viewer: Viewer): AsyncGenerator<ExportPart, void, undefined> {
    for await (const page of pages((args) => this.needs.conversations.list(viewer, {}, args))) {
      for (const conversation of page) {
        yield { type: 'conversation', conversation };
        for await (const messages of pages((args) => this.needs.messages.ofAllBranches(conversation.id, args))) {
          yield { type: 'messages', messages };
        }
      }
    }
  }

  /** Conversations without their messages, which are only counted. */
  summaries(viewer: Viewer, part: SummaryPart): Promise<readonly ConversationSummaryRow[]> {
    return this.needs.messages.summaries(viewer, part);
  }
}

/** Reads a list page by page with cursors, so that each page costs the same at any depth. */
async function* pages<Row>(
  read: (args: PageArguments) => Promise<Connection<Row>>,
): AsyncGenerator<readonly Row[], void, undefined> {
  let after: string | null = null;
  for (;;) {
    const page = await read({ first: MAX_PAGE_SIZE, after });
    if (page.nodes.length === 0) return;
    yield page.nodes;
    if (!page.pageInfo.hasNextPage) return;
    after = page.pageInfo.endCursor;
  }
}
