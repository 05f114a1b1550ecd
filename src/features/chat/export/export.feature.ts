import { ConversationExport, type ConversationExportNeeds } from './conversation-export.js';
import { ConversationExportResolver } from './conversation-export.resolver.js';

/** Export of a user's conversations, with all messages, as a file. */
export function exportFeature(needs: ConversationExportNeeds) {
  return { resolvers: [new ConversationExportResolver(new ConversationExport(needs))] };
}
