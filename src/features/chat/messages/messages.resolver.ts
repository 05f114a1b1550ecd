import { Arg, Args, ArgsType, Ctx, Field, FieldResolver, ID, Int, Mutation, Query, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import { batch } from '../../../graphql/batch.js';
import type { RequestContext } from '../../../graphql/context.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import type { RestError } from '../../../rest/answers.js';
import { RestField, RestHidden } from '../../../rest/field.js';
import { Rest } from '../../../rest/route.js';
import { body, paging, path, query } from '../../../rest/sources.js';
import { Stream } from '../../../graphql/subscription.js';
import { Forbidden } from '../../../kernel/errors.js';
import type { Connection, PageArguments } from '../../../kernel/page.js';
import { jsonObject, notNull, text, uuid } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { MAX_SEARCH_LENGTH, type ConversationRow } from '../conversations/conversation.js';
import { Conversation } from '../conversations/conversation.type.js';
import { ownsConversation } from '../conversations/conversations.policy.js';
import type { ConversationEvent as StoredEvent } from '../conversations/conversation-event.js';
import type { ConversationsService } from '../conversations/conversations.service.js';
import { MAX_CONTENT_BYTES, MAX_MESSAGE_TYPE_LENGTH, textOf, type MessageRow } from './message.js';
import {
  ConversationEvent,
  Message,
  MessageConnection,
  UpdateMessageInput,
  type ConversationEventRow,
} from './message.type.js';
import type { MessagesService } from './messages.service.js';

const tag = 'Messages';
const NOT_FOUND: RestError = { code: 'NOT_FOUND', message: 'Message not found' };

const byId = z.object({ id: uuid() });
const updateRules = byId.extend({
  input: z.object({
    content: notNull(jsonObject(MAX_CONTENT_BYTES)),
    messageType: notNull(text(MAX_MESSAGE_TYPE_LENGTH, 1)),
    extra: jsonObject(MAX_CONTENT_BYTES).nullish(),
  }),
});
const messageSearchRules = z
  .object({
    query: z
      .string()
      .min(1, 'must not be empty')
      .max(MAX_SEARCH_LENGTH, `must be at most ${MAX_SEARCH_LENGTH} characters`),
  })
  .loose();
const conversationRules = z.object({ conversationId: uuid() });

@ArgsType()
class MessagesArguments implements PageArguments {
  @Field(() => Int, {
    nullable: true,
    description: 'How many at most from the oldest end, from 1 to 100; 20 by default.',
  })
  readonly first?: number;

  @Field(() => String, { nullable: true, description: 'The cursor after which the page begins.' })
  readonly after?: string;

  @Field(() => Int, { nullable: true, description: 'How many at most from the newest end, from 1 to 100.' })
  readonly last?: number;

  @Field(() => String, { nullable: true, description: 'The cursor before which the page ends.' })
  readonly before?: string;
}

@ArgsType()
class ConversationMessagesArguments extends MessagesArguments {
  @Field(() => ID)
  readonly conversationId!: string;

  @Field(() => Int, { nullable: true, description: 'How many to pass over; at most 1,000,000.' })
  readonly offset?: number;
}

interface MessagesResolverNeeds {
  readonly service: MessagesService;
  readonly conversations: Pick<ConversationsService, 'get' | 'load'>;
}

@Resolver(() => Message)
export class MessagesResolver {
  constructor(private readonly needs: MessagesResolverNeeds) {}

  @Operation('user', byId)
  @Rest({
    method: 'GET',
    path: '/messages/{message_id}',
    operationId: 'getMessage',
    summary: 'Read a message',
    tag,
    arguments: { id: path('message_id') },
    errors: [NOT_FOUND],
  })
  @Query(() => Message, { description: "A message of one of the caller's conversations; NOT_FOUND for anyone else's." })
  message(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<MessageRow> {
    return this.needs.service.get(viewer, id);
  }

  @Operation('user', conversationRules.loose())
  @Rest({
    method: 'GET',
    path: '/conversations/{conversation_id}/messages',
    operationId: 'listMessages',
    summary: 'List the messages of a conversation, oldest first',
    tag,
    arguments: { conversationId: path('conversation_id'), ...paging },
    errors: [{ code: 'NOT_FOUND', message: 'Conversation not found' }],
  })
  @Query(() => MessageConnection, {
    description:
      "The messages of one of the caller's conversations, oldest first; the same as `Conversation.messages`.",
  })
  async messages(
    @CurrentViewer() viewer: Viewer,
    @Args(() => ConversationMessagesArguments) { conversationId, ...page }: ConversationMessagesArguments,
  ): Promise<Connection<MessageRow> | undefined> {
    await this.needs.conversations.get(viewer, conversationId);
    const [connection] = await this.needs.service.ofConversations([conversationId], page);
    return connection;
  }

  @Operation('user', messageSearchRules)
  @Rest({
    method: 'GET',
    path: '/messages/search',
    operationId: 'searchMessages',
    summary: "Find messages in the caller's conversations, newest first",
    tag,
    arguments: { query: query('q'), ...paging },
  })
  @Query(() => MessageConnection, {
    description: "The messages of the caller's conversations whose text has this part, newest first.",
  })
  searchMessages(
    @CurrentViewer() viewer: Viewer,
    @Arg('query', () => String, { description: 'Part of the text, in any case; from 1 to 100 characters.' })
    part: string,
    @Arg('first', () => Int, { nullable: true, defaultValue: 20, description: 'How many at most, from 1 to 100.' })
    first: number | null,
    @Arg('after', () => String, { nullable: true, description: 'The cursor after which the page begins.' })
    after: string | null,
    @Arg('offset', () => Int, { nullable: true, description: 'How many to pass over; at most 1,000,000.' })
    offset: number | null,
  ): Promise<Connection<MessageRow>> {
    return this.needs.service.search(viewer, part, { first, after, offset });
  }

  @Operation('user', updateRules)
  @Rest({
    method: 'PATCH',
    path: '/messages/{message_id}',
    operationId: 'updateMessage',
    summary: 'Change a message',
    tag,
    arguments: {
      id: path('message_id'),
      input: body({ readOnly: ['message_id', 'conversation_id', 'user_id', 'timestamp'] }),
    },
    errors: [NOT_FOUND],
  })
  @Mutation(() => Message, {
    description:
      "Changes a message of one of the caller's conversations. CONFLICT while it is a reply that is streaming.",
  })
  updateMessage(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID) id: string,
    @Arg('input', () => UpdateMessageInput) changes: UpdateMessageInput,
  ): Promise<MessageRow> {
    return this.needs.service.update(viewer, id, changes);
  }

  @Operation('user', byId)
  @Rest({
    method: 'DELETE',
    path: '/messages/{message_id}',
    operationId: 'deleteMessage',
    summary: 'Delete a message',
    tag,
    arguments: { id: path('message_id') },
    errors: [NOT_FOUND],
  })
  @Mutation(() => Message, {
    description: 'Deletes a message and answers it as it was. A reply that is streaming stops.',
  })
  deleteMessage(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<MessageRow> {
    return this.needs.service.delete(viewer, id);
  }

  @RestField({ name: 'conversation_id', value: { type: 'ID!', from: (row: MessageRow) => row.conversationId } })
  @FieldResolver(() => Conversation)
  async conversation(@Root() message: MessageRow, @Ctx() context: RequestContext): Promise<ConversationRow> {
    const { conversations } = this.needs;
    return batch(context, conversations, { of: 'id' }, message.conversationId, (ids) => conversations.load(ids));
  }

  @RestHidden()
  @FieldResolver(() => String, { nullable: true, description: '`content.text`, where there is one.' })
  text(@Root() message: MessageRow): string | null {
    return textOf(message);
  }

  @RestHidden()
  @FieldResolver(() => Message, {
    nullable: true,
    description: 'The message that this one answers. Null where it answers none, or that was deleted.',
  })
  async replyTo(@Root() message: MessageRow, @Ctx() context: RequestContext): Promise<MessageRow | null> {
    if (message.replyToId === null) return null;
    return batch(context, this.needs.service, { of: 'id' }, message.replyToId, (ids) => this.needs.service.load(ids));
  }

  @Operation('user', conversationRules)
  @Stream(() => ConversationEvent, {
    description: "What happens in one of the caller's conversations from now on, until it is deleted.",
  })
  async conversationEvents(
    @CurrentViewer() viewer: Viewer,
    @Ctx() { signal }: RequestContext,
    @Arg('conversationId', () => ID) conversationId: string,
  ): Promise<AsyncIterable<ConversationEventRow>> {
    return withMessages(this.needs.service, viewer, await this.needs.service.follow(viewer, conversationId, signal));
  }
}

@Resolver(() => Conversation)
export class ConversationMessagesResolver {
  constructor(private readonly service: Pick<MessagesService, 'ofConversations'>) {}

  @RestHidden()
  @FieldResolver(() => MessageConnection, {
    description:
      "Oldest first; `last`/`before` read from the newest end. FORBIDDEN where the conversation is another user's, whom an admin was shown.",
  })
  async messages(
    @Root() conversation: ConversationRow,
    @Ctx() context: RequestContext,
    @Args(() => MessagesArguments) page: MessagesArguments,
  ): Promise<Connection<MessageRow>> {
    if (!ownsConversation(await context.viewer(), conversation)) throw new Forbidden();
    const { first, after, last, before } = page;
    return batch(context, this, { first, after, last, before }, conversation.id, (ids) =>
      this.service.ofConversations(ids, page),
    );
  }
}

/** Gives each event its message as it is now; an event whose message is gone already is passed over. */
async function* withMessages(
  service: Pick<MessagesService, 'findVisible'>,
  viewer: Viewer,
  events: AsyncIterable<StoredEvent>,
): AsyncGenerator<ConversationEventRow, void, undefined> {
  for await (const event of events) {
    if (event.type === 'conversation-deleted') return;
    if (event.type === 'deleted') {
      yield { type: event.type, messageId: event.messageId };
      continue;
    }
    const message = await service.findVisible(viewer, event.messageId);
    if (message !== null) yield { type: event.type, message };
  }
}
