import { Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { RestFile } from '../../../rest/route.js';
import { Stream } from '../../../graphql/subscription.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { ConversationExport, ExportPart } from './conversation-export.js';
import { ConversationExportPart } from './conversation-export.type.js';

@Resolver()
export class ConversationExportResolver {
  constructor(private readonly conversations: ConversationExport) {}

  @Operation('user')
  @RestFile({
    method: 'GET',
    path: '/conversations/export',
    operationId: 'exportConversations',
    summary: "Save all of the caller's conversations with their messages",
    tag: 'Conversations',
    filename: 'conversations',
    item: { event: 'ExportedConversation', field: 'conversation' },
    rows: { event: 'ExportedMessages', field: 'messages' },
  })
  @Stream(() => ConversationExportPart, {
    description:
      "All of the caller's conversations, newest first, each followed by its messages, oldest first, a page an event; it ends after the last. What is changed meanwhile may be in it as it was or as it is.",
  })
  exportConversations(@CurrentViewer() viewer: Viewer): AsyncIterable<ExportPart> {
    return this.conversations.all(viewer);
  }
}
