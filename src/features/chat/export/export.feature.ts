import { ConversationExport, type ConversationExportNeeds } from './conversation-export.js';
import { ConversationExportResolver } from './conversation-export.resolver.js';

/** All that a user has said and been told, as a file. */
export function exportFeature(needs: ConversationExportNeeds) {
  return { resolvers: [new ConversationExportResolver(new ConversationExport(needs))] };
}
