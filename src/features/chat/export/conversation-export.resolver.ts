import { Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { Stream } from '../../../graphql/subscription.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { RestFile } from '../../../rest/route.js';
import { descriptions } from './conversation-export.descriptions.js';
import type { ConversationExport, ExportPart } from './conversation-export.js';
import { routes } from './conversation-export.routes.js';
import { ConversationExportPart } from './conversation-export.type.js';

@Resolver()
export class ConversationExportResolver {
  constructor(private readonly conversations: ConversationExport) {}

  @Operation('user')
  @RestFile(routes.exportConversations)
  @Stream(() => ConversationExportPart, { description: descriptions.exportConversations })
  exportConversations(@CurrentViewer() viewer: Viewer): AsyncIterable<ExportPart> {
    return this.conversations.all(viewer);
  }
}
