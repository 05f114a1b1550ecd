import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import { batch } from '../../../graphql/batch.js';
import type { RequestContext } from '../../../graphql/context.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { Stream } from '../../../graphql/subscription.js';
import { Forbidden } from '../../../kernel/errors.js';
import type { Connection } from '../../../kernel/page.js';
import { idRules } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { RestField, RestHidden } from '../../../rest/field.js';
import { Rest } from '../../../rest/route.js';
import type { ConversationEvent as StoredEvent } from '../conversations/conversation-event.js';
import type { ConversationRow } from '../conversations/conversation.js';
import { Conversation } from '../conversations/conversation.type.js';
import { ownsConversation } from '../conversations/conversations.policy.js';
import type { ConversationsService } from '../conversations/conversations.service.js';
import { textOf, type MessageRow } from './message.js';
import {
  ConversationEvent,
  Message,
  MessageConnection,
  MessageList,
  MessagePage,
  MessageSearch,
  UpdateMessageInput,
  type ConversationEventRow,
} from './message.type.js';
import { descriptions } from './messages.descriptions.js';
import { routes } from './messages.routes.js';
import { conversationRules, searchRules, updateRules } from './messages.rules.js';
import type { MessagesService } from './messages.service.js';

interface MessagesResolverNeeds {
  readonly service: MessagesService;
  readonly conversations: Pick<ConversationsService, 'get' | 'load'>;
}

@Resolver(() => Message)
export class MessagesResolver {
  constructor(private readonly needs: MessagesResolverNeeds) {}

  @Operation('user', idRules)
  @Rest(routes.getMessage)
  @Query(() => Message, { description: "A message of one of the caller's conversations; NOT_FOUND for anyone else's." })
  message(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<MessageRow> {
    return this.needs.service.get(viewer, id);
  }

  @Operation('user', conversationRules)
  @Rest(routes.listMessages)
  @Query(() => MessageConnection, { description: descriptions.messages })
  async messages(
    @CurrentViewer() viewer: Viewer,
    @Args(() => MessageList) { conversationId, ...page }: MessageList,
  ): Promise<Connection<MessageRow> | undefined> {
    await this.needs.conversations.get(viewer, conversationId);
    const [connection] = await this.needs.service.ofConversations([conversationId], page);
    return connection;
  }

  @Operation('user', searchRules)
  @Rest(routes.searchMessages)
  @Query(() => MessageConnection, { description: descriptions.searchMessages })
  searchMessages(
    @CurrentViewer() viewer: Viewer,
    @Args(() => MessageSearch) { query, ...page }: MessageSearch,
  ): Promise<Connection<MessageRow>> {
    return this.needs.service.search(viewer, query, page);
  }

  @Operation('user', updateRules)
  @Rest(routes.updateMessage)
  @Mutation(() => Message, { description: descriptions.updateMessage })
  updateMessage(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID) id: string,
    @Arg('input', () => UpdateMessageInput) changes: UpdateMessageInput,
  ): Promise<MessageRow> {
    return this.needs.service.update(viewer, id, changes);
  }

  @Operation('user', idRules)
  @Rest(routes.deleteMessage)
  @Mutation(() => Message, { description: descriptions.deleteMessage })
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
  @FieldResolver(() => Message, { nullable: true, description: descriptions.replyTo })
  async replyTo(@Root() message: MessageRow, @Ctx() context: RequestContext): Promise<MessageRow | null> {
    if (message.replyToId === null) return null;
    return batch(context, this.needs.service, { of: 'id' }, message.replyToId, (ids) => this.needs.service.load(ids));
  }

  @Operation('user', conversationRules)
  @Stream(() => ConversationEvent, { description: descriptions.conversationEvents })
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
  @FieldResolver(() => MessageConnection, { description: descriptions.messagesOfConversation })
  async messages(
    @Root() conversation: ConversationRow,
    @Ctx() context: RequestContext,
    @Args(() => MessagePage) page: MessagePage,
  ): Promise<Connection<MessageRow>> {
    if (!ownsConversation(await context.viewer(), conversation)) throw new Forbidden();
    const { first, after, last, before } = page;
    return batch(context, this, { first, after, last, before }, conversation.id, (ids) =>
      this.service.ofConversations(ids, page),
    );
  }
}

/** Adds the message, in its present state, to each event. Skips events whose message has since been deleted. */
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
