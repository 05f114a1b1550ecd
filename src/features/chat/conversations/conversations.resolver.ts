import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, FieldResolver, ID, Info, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { BARE_FIELDS } from '../../../graphql/bare-fields.js';
import type { RequestContext } from '../../../graphql/context.js';
import { IdempotentByItself } from '../../../graphql/idempotency.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { rowPartFor } from '../../../graphql/row-fields.js';
import { Stream } from '../../../graphql/subscription.js';
import { IfVersion, VERSION_DESCRIPTION } from '../../../graphql/version-argument.js';
import type { Connection } from '../../../kernel/page.js';
import { idRules } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { RestHidden } from '../../../rest/field.js';
import { Rest } from '../../../rest/route.js';
import type { Expired, Numbered } from '../feeds/event-feed.js';
import { FeedPosition } from '../feeds/event-feed.type.js';
import { feedRules } from '../feeds/event-feed.rules.js';
import type { ConversationListEvent as StoredEvent } from './conversation-event.js';
import { conversationVersion, type ConversationRow } from './conversation.js';
import {
  Conversation,
  ConversationConnection,
  ConversationList,
  ConversationListEvent,
  CreateConversationInput,
  DeletedConversations,
  UpdateConversationInput,
  type ConversationListEventRow,
} from './conversation.type.js';
import { descriptions } from './conversations.descriptions.js';
import { routes } from './conversations.routes.js';
import { createRules, deleteManyRules, markReadRules, searchRules, updateRules } from './conversations.rules.js';
import type { ConversationsService } from './conversations.service.js';

/** Fields that need no more than the repository's few columns. */
const partOfConversations = rowPartFor(
  new Set([
    ...BARE_FIELDS,
    'title',
    'status',
    'createdAt',
    'updatedAt',
    'user',
    'messages',
    'currentLeaf',
    'lastMessage',
  ]),
);

@Resolver(() => Conversation)
export class ConversationsResolver {
  constructor(private readonly service: ConversationsService) {}

  @Operation('conversations:read', searchRules)
  @Rest(routes.listConversations)
  @Query(() => ConversationConnection, { description: "The caller's conversations, newest first." })
  conversations(
    @CurrentViewer() viewer: Viewer,
    @Args(() => ConversationList) list: ConversationList,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<ConversationRow>> {
    return this.service.list(viewer, list, list, list.orderBy ?? undefined, partOfConversations(info));
  }

  @Operation('conversations:read', idRules)
  @Rest(routes.getConversation)
  @Query(() => Conversation, { description: "One of the caller's conversations; NOT_FOUND for anyone else's." })
  conversation(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<ConversationRow> {
    return this.service.get(viewer, id);
  }

  @Operation('conversations:write', createRules)
  @Rest(routes.createConversation)
  @Mutation(() => Conversation, { description: descriptions.createConversation })
  createConversation(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => CreateConversationInput) values: CreateConversationInput,
  ): Promise<ConversationRow> {
    return this.service.create(viewer, values);
  }

  @Operation('conversations:write', updateRules)
  @Rest(routes.updateConversation)
  @Mutation(() => Conversation, { description: "Changes one of the caller's conversations." })
  updateConversation(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID) id: string,
    @Arg('input', () => UpdateConversationInput) changes: UpdateConversationInput,
    @IfVersion() versions: string[] | null,
  ): Promise<ConversationRow> {
    return this.service.update(viewer, id, changes, versions);
  }

  @Operation('conversations:write', markReadRules)
  @IdempotentByItself('a mark never goes back')
  @Rest(routes.markRead)
  @Mutation(() => Conversation, { description: descriptions.markRead })
  markRead(
    @CurrentViewer() viewer: Viewer,
    @Arg('conversationId', () => ID) conversationId: string,
    @Arg('upTo', () => ID, { description: descriptions.upTo }) upTo: string,
  ): Promise<ConversationRow> {
    return this.service.markRead(viewer, conversationId, upTo);
  }

  @Operation('conversations:write', idRules)
  @Rest(routes.deleteConversation)
  @Mutation(() => Conversation, { description: descriptions.deleteConversation })
  deleteConversation(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID) id: string,
    @IfVersion() versions: string[] | null,
  ): Promise<ConversationRow> {
    return this.service.delete(viewer, id, versions);
  }

  @Operation('conversations:write', deleteManyRules)
  @Rest(routes.deleteConversations)
  @Mutation(() => Int, { description: descriptions.deleteConversations })
  async deleteConversations(@CurrentViewer() viewer: Viewer, @Arg('ids', () => [ID]) ids: string[]): Promise<number> {
    const deleted = await this.service.deleteMany(viewer, ids);
    return deleted.length;
  }

  @Operation('conversations:write', deleteManyRules)
  @Mutation(() => DeletedConversations, { description: descriptions.deleteConversationList })
  async deleteConversationList(
    @CurrentViewer() viewer: Viewer,
    @Arg('ids', () => [ID]) ids: string[],
  ): Promise<DeletedConversations> {
    const deleted = await this.service.deleteMany(viewer, ids);
    return { count: deleted.length, ids: deleted };
  }

  @Operation('conversations:read', feedRules)
  @Stream(() => ConversationListEvent, { description: descriptions.conversationListEvents })
  async conversationListEvents(
    @CurrentViewer() viewer: Viewer,
    @Ctx() { signal }: RequestContext,
    @Args(() => FeedPosition) { after }: FeedPosition,
  ): Promise<AsyncIterable<ConversationListEventRow>> {
    return withConversations(this.service, viewer, await this.service.followList(viewer, after ?? null, signal()));
  }

  @RestHidden()
  @FieldResolver(() => String, { description: VERSION_DESCRIPTION })
  version(@Root() conversation: ConversationRow): string {
    return conversationVersion(conversation);
  }
}

/** Adds the conversation, in its present state, to each event. Skips events whose conversation has since been deleted. */
async function* withConversations(
  service: Pick<ConversationsService, 'findVisible'>,
  viewer: Viewer,
  events: AsyncIterable<Numbered<StoredEvent> | Expired>,
): AsyncGenerator<ConversationListEventRow, void, undefined> {
  for await (const event of events) {
    if (event.type === 'expired') {
      yield event;
      continue;
    }
    const { type, sequence, conversationId } = event;
    if (type === 'deleted') {
      yield { type, sequence, conversationId };
      continue;
    }
    const conversation = await service.findVisible(viewer, conversationId);
    if (conversation !== null) yield { type, sequence, conversation };
  }
}
