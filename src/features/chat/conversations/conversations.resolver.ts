import { Arg, Args, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import type { Connection } from '../../../kernel/page.js';
import { idRules } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import type { ConversationRow } from './conversation.js';
import {
  Conversation,
  ConversationConnection,
  ConversationList,
  CreateConversationInput,
  UpdateConversationInput,
} from './conversation.type.js';
import { descriptions } from './conversations.descriptions.js';
import { routes } from './conversations.routes.js';
import { createRules, deleteManyRules, searchRules, updateRules } from './conversations.rules.js';
import type { ConversationsService } from './conversations.service.js';

@Resolver(() => Conversation)
export class ConversationsResolver {
  constructor(private readonly service: ConversationsService) {}

  @Operation('user', searchRules)
  @Rest(routes.listConversations)
  @Query(() => ConversationConnection, { description: "The caller's conversations, newest first." })
  conversations(
    @CurrentViewer() viewer: Viewer,
    @Args(() => ConversationList) { query, ...page }: ConversationList,
  ): Promise<Connection<ConversationRow>> {
    return this.service.list(viewer, query ?? null, page);
  }

  @Operation('user', idRules)
  @Rest(routes.getConversation)
  @Query(() => Conversation, { description: "One of the caller's conversations; NOT_FOUND for anyone else's." })
  conversation(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<ConversationRow> {
    return this.service.get(viewer, id);
  }

  @Operation('user', createRules)
  @Rest(routes.createConversation)
  @Mutation(() => Conversation, { description: descriptions.createConversation })
  createConversation(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => CreateConversationInput) values: CreateConversationInput,
  ): Promise<ConversationRow> {
    return this.service.create(viewer, values);
  }

  @Operation('user', updateRules)
  @Rest(routes.updateConversation)
  @Mutation(() => Conversation, { description: "Changes one of the caller's conversations." })
  updateConversation(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID) id: string,
    @Arg('input', () => UpdateConversationInput) changes: UpdateConversationInput,
  ): Promise<ConversationRow> {
    return this.service.update(viewer, id, changes);
  }

  @Operation('user', idRules)
  @Rest(routes.deleteConversation)
  @Mutation(() => Conversation, { description: descriptions.deleteConversation })
  deleteConversation(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<ConversationRow> {
    return this.service.delete(viewer, id);
  }

  @Operation('user', deleteManyRules)
  @Rest(routes.deleteConversations)
  @Mutation(() => Int, { description: descriptions.deleteConversations })
  deleteConversations(@CurrentViewer() viewer: Viewer, @Arg('ids', () => [ID]) ids: string[]): Promise<number> {
    return this.service.deleteMany(viewer, ids);
  }
}
