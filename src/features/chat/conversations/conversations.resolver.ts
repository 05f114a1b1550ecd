import { Arg, Args, ID, Int, Mutation, Query, Resolver } from 'type-graphql';
import { z } from 'zod';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import type { RestError } from '../../../rest/answers.js';
import { Rest } from '../../../rest/route.js';
import { body, paging, path, query } from '../../../rest/sources.js';
import type { Connection } from '../../../kernel/page.js';
import { text, uuid } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import {
  MAX_DELETIONS,
  MAX_STATUS_LENGTH,
  MAX_TITLE_LENGTH,
  searchRules,
  type ConversationRow,
} from './conversation.js';
import {
  Conversation,
  ConversationConnection,
  ConversationList,
  CreateConversationInput,
  UpdateConversationInput,
} from './conversation.type.js';
import type { ConversationsService } from './conversations.service.js';

const tag = 'Conversations';
const NOT_FOUND: RestError = { code: 'NOT_FOUND', message: 'Conversation not found' };
const readOnly = ['conversation_id', 'user_id', 'created_at', 'updated_at'];

const byId = z.object({ id: uuid() });
const input = z.object({ title: text(MAX_TITLE_LENGTH).nullish(), status: text(MAX_STATUS_LENGTH).nullish() });

@Resolver(() => Conversation)
export class ConversationsResolver {
  constructor(private readonly service: ConversationsService) {}

  @Operation('user', searchRules)
  @Rest({
    method: 'GET',
    path: '/conversations',
    operationId: 'listConversations',
    summary: "List the caller's conversations, newest first",
    tag,
    arguments: { query: query('q'), ...paging },
  })
  @Query(() => ConversationConnection, { description: "The caller's conversations, newest first." })
  conversations(
    @CurrentViewer() viewer: Viewer,
    @Args(() => ConversationList) { query: search, ...page }: ConversationList,
  ): Promise<Connection<ConversationRow>> {
    return this.service.list(viewer, search ?? null, page);
  }

  @Operation('user', byId)
  @Rest({
    method: 'GET',
    path: '/conversations/{conversation_id}',
    operationId: 'getConversation',
    summary: 'Read a conversation',
    tag,
    arguments: { id: path('conversation_id') },
    errors: [NOT_FOUND],
  })
  @Query(() => Conversation, { description: "One of the caller's conversations; NOT_FOUND for anyone else's." })
  conversation(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<ConversationRow> {
    return this.service.get(viewer, id);
  }

  @Operation('user', z.object({ input }))
  @Rest({
    method: 'POST',
    path: '/conversations',
    operationId: 'createConversation',
    summary: 'Begin a conversation',
    tag,
    arguments: { input: body({ readOnly }) },
    errors: [{ code: 'QUOTA_EXCEEDED', message: 'Upgrade required' }],
  })
  @Mutation(() => Conversation, {
    description: "Begins a conversation. QUOTA_EXCEEDED at the plan's `maxConversations`.",
  })
  createConversation(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => CreateConversationInput) values: CreateConversationInput,
  ): Promise<ConversationRow> {
    return this.service.create(viewer, values);
  }

  @Operation('user', byId.extend({ input }))
  @Rest({
    method: 'PATCH',
    path: '/conversations/{conversation_id}',
    operationId: 'updateConversation',
    summary: 'Change a conversation',
    tag,
    arguments: { id: path('conversation_id'), input: body({ readOnly }) },
    errors: [NOT_FOUND],
  })
  @Mutation(() => Conversation, { description: "Changes one of the caller's conversations." })
  updateConversation(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID) id: string,
    @Arg('input', () => UpdateConversationInput) changes: UpdateConversationInput,
  ): Promise<ConversationRow> {
    return this.service.update(viewer, id, changes);
  }

  @Operation('user', byId)
  @Rest({
    method: 'DELETE',
    path: '/conversations/{conversation_id}',
    operationId: 'deleteConversation',
    summary: 'Delete a conversation and its messages',
    tag,
    arguments: { id: path('conversation_id') },
    errors: [NOT_FOUND],
  })
  @Mutation(() => Conversation, {
    description: 'Deletes a conversation with its messages and answers it as it was. A reply streaming in it stops.',
  })
  deleteConversation(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<ConversationRow> {
    return this.service.delete(viewer, id);
  }

  @Operation(
    'user',
    z.object({
      ids: z
        .array(uuid())
        .min(1, 'must name one conversation at least')
        .max(MAX_DELETIONS, `must name at most ${MAX_DELETIONS} conversations`),
    }),
  )
  @Rest({
    method: 'DELETE',
    path: '/conversations',
    operationId: 'deleteConversations',
    summary: 'Delete several conversations',
    tag,
    arguments: { ids: query('ids') },
    data: {
      schema: {
        type: 'object',
        additionalProperties: false,
        required: ['deleted'],
        properties: { deleted: { type: 'integer', description: 'How many were deleted.' } },
      },
      example: { deleted: 2 },
      from: (deleted: number) => ({ deleted }),
    },
  })
  @Mutation(() => Int, {
    description: "Deletes up to 100 of the caller's conversations; others are passed over. How many were deleted.",
  })
  deleteConversations(@CurrentViewer() viewer: Viewer, @Arg('ids', () => [ID]) ids: string[]): Promise<number> {
    return this.service.deleteMany(viewer, ids);
  }
}
