import { Arg, ID, Int, Query, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { Stream } from '../../../graphql/subscription.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest, RestFile } from '../../../rest/route.js';
import { descriptions } from './conversation-export.descriptions.js';
import type { ConversationExport, ExportPart } from './conversation-export.js';
import { routes } from './conversation-export.routes.js';
import { summaryRules } from './conversation-export.rules.js';
import type { ConversationSummaryRow } from '../messages/message.js';
import { ConversationExportPart, ConversationSummary } from './conversation-export.type.js';

@Resolver()
export class ConversationExportResolver {
  constructor(private readonly conversations: ConversationExport) {}

  @Operation('conversations:read')
  @RestFile(routes.exportConversations)
  @Stream(() => ConversationExportPart, { description: descriptions.exportConversations })
  exportConversations(@CurrentViewer() viewer: Viewer): AsyncIterable<ExportPart> {
    return this.conversations.all(viewer);
  }

  @Operation('conversations:read', summaryRules)
  @Rest(routes.listConversationSummaries)
  @Query(() => [ConversationSummary], { description: descriptions.conversationSummaries })
  conversationSummaries(
    @CurrentViewer() viewer: Viewer,
    @Arg('first', () => Int, { nullable: true, description: 'How many at most; all by default.' })
    first?: number | null,
    @Arg('afterId', () => ID, { nullable: true, description: 'The id of the last one that was read.' })
    afterId?: string | null,
  ): Promise<readonly ConversationSummaryRow[]> {
    return this.conversations.summaries(viewer, { first: first ?? null, after: afterId ?? null });
  }
}
