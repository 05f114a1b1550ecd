import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import { batch } from '../../../graphql/batch.js';
import type { RequestContext } from '../../../graphql/context.js';
import { checkArguments, CurrentViewer, Operation } from '../../../graphql/operation.js';
import { body, paging, path, query, Rest, RestField, RestHidden, type RestError } from '../../../graphql/rest-route.js';
import { NotFound } from '../../../kernel/errors.js';
import type { Connection } from '../../../kernel/page.js';
import { text, uuid } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AccountsService } from '../../identity/accounts/accounts.service.js';
import type { UserRow } from '../../identity/accounts/user.js';
import { ADMIN_ERRORS, NO_SUCH_USER, User } from '../../identity/accounts/user.type.js';
import {
  MAX_DELETIONS,
  MAX_SEARCH_LENGTH,
  MAX_STATUS_LENGTH,
  MAX_TITLE_LENGTH,
  type ConversationRow,
} from './conversation.js';
import {
  Conversation,
  ConversationConnection,
  CreateConversationInput,
  UpdateConversationInput,
} from './conversation.type.js';
import type { ConversationsService } from './conversations.service.js';

const tag = 'Conversations';
const NOT_FOUND: RestError = { code: 'NOT_FOUND', message: 'Conversation not found' };
const readOnly = ['conversation_id', 'user_id', 'created_at', 'updated_at'];

const byId = z.object({ id: uuid() });
const searchRules = z.object({ query: text(MAX_SEARCH_LENGTH).nullish() }).loose();
const input = z.object({ title: text(MAX_TITLE_LENGTH).nullish(), status: text(MAX_STATUS_LENGTH).nullish() });

const FIRST = 'How many at most, from 1 to 100.';
const AFTER = 'The cursor after which the page begins.';
const OFFSET = 'How many to pass over, as a list without cursors does; at most 1,000,000.';
const QUERY = 'Part of the title, in any case; at most 100 characters.';

@Resolver(() => Conversation)
export class ConversationsResolver {
  constructor(
    private readonly service: ConversationsService,
    private readonly accounts: Pick<AccountsService, 'getAsAdmin' | 'loadMany'>,
  ) {}

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
    @Arg('query', () => String, { nullable: true, description: QUERY }) search: string | null,
    @Arg('first', () => Int, { nullable: true, defaultValue: 20, description: FIRST }) first: number | null,
    @Arg('after', () => String, { nullable: true, description: AFTER }) after: string | null,
    @Arg('offset', () => Int, { nullable: true, description: OFFSET }) offset: number | null,
  ): Promise<Connection<ConversationRow>> {
    return this.service.list(viewer, search ?? null, { first, after, offset });
  }

  @Operation('admin', z.object({ userId: uuid() }).loose())
  @Rest({
    method: 'GET',
    path: '/admin/users/{user_id}/conversations',
    operationId: 'adminListConversations',
    summary: "List a user's conversations, newest first",
    tag: 'Admin',
    arguments: { userId: path('user_id'), ...paging },
    errors: [...ADMIN_ERRORS, NO_SUCH_USER],
  })
  @Query(() => ConversationConnection, {
    description:
      "A user's conversations, newest first, without what was said in them. For admins: FORBIDDEN to anyone else.",
  })
  async adminConversations(
    @CurrentViewer() viewer: Viewer,
    @Arg('userId', () => ID) userId: string,
    @Arg('first', () => Int, { nullable: true, defaultValue: 20, description: FIRST }) first: number | null,
    @Arg('after', () => String, { nullable: true, description: AFTER }) after: string | null,
    @Arg('offset', () => Int, { nullable: true, description: OFFSET }) offset: number | null,
  ): Promise<Connection<ConversationRow> | undefined> {
    await this.accounts.getAsAdmin(viewer, userId);
    const [connection] = await this.service.ofUsers([userId], null, { first, after, offset });
    return connection;
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

  @RestField({ name: 'user_id', value: { type: 'ID!', from: (row: ConversationRow) => row.userId } })
  @FieldResolver(() => User)
  async user(@Root() conversation: ConversationRow, @Ctx() context: RequestContext): Promise<UserRow> {
    const { accounts } = this;
    const user = await batch(context, accounts, { of: 'id' }, conversation.userId, (ids) => accounts.loadMany(ids));
    if (user === null) throw new NotFound('User');
    return user;
  }
}

@Resolver(() => User)
export class UserConversationsResolver {
  constructor(private readonly service: Pick<ConversationsService, 'ofUsers'>) {}

  @RestHidden()
  @FieldResolver(() => ConversationConnection, { description: "The user's conversations, newest first." })
  conversations(
    @Root() user: UserRow,
    @Ctx() context: RequestContext,
    @Arg('query', () => String, { nullable: true, description: QUERY }) search: string | null,
    @Arg('first', () => Int, { nullable: true, defaultValue: 20, description: FIRST }) first: number | null,
    @Arg('after', () => String, { nullable: true, description: AFTER }) after: string | null,
  ): Promise<Connection<ConversationRow>> {
    const checked = checkArguments(searchRules, { query: search });
    return batch(context, this, { search, first, after }, user.id, (userIds) =>
      this.service.ofUsers(userIds, checked.query ?? null, { first, after }),
    );
  }
}
