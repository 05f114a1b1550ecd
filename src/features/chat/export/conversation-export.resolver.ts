import { Extensions, Resolver, Root, Subscription } from 'type-graphql';
import type { OperationExtension } from '../../../graphql/operation.js';
import { RestFile } from '../../../graphql/rest-route.js';
import { subscription } from '../../../graphql/subscription.js';
import { ConversationExport, type ExportPart } from './conversation-export.js';
import { ConversationExportPart } from './conversation-export.type.js';

const exportConversations: OperationExtension = { access: 'user', rules: undefined };

@Resolver()
export class ConversationExportResolver {
  @Extensions({ operation: exportConversations })
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
  @Subscription(() => ConversationExportPart, {
    description:
      "All of the caller's conversations, newest first, each followed by its messages, oldest first, a page an event; it ends after the last. What is changed meanwhile may be in it as it was or as it is.",
    ...subscription(exportConversations, (context, viewer) =>
      Promise.resolve(context.instance(ConversationExport).all(viewer)),
    ),
  })
  exportConversations(@Root() part: ExportPart): ExportPart {
    return part;
  }
}
