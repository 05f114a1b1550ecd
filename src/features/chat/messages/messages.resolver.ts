import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, FieldResolver, ID, Info, Mutation, Query, Resolver, Root } from 'type-graphql';
import { BARE_FIELDS, asksWhichAlone } from '../../../graphql/bare-fields.js';
import { BY_ID, batch } from '../../../graphql/batch.js';
import type { RequestContext } from '../../../graphql/context.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { rowPartFor } from '../../../graphql/row-fields.js';
import { LeadsBy } from '../../../graphql/shortcuts.js';
import { Stream } from '../../../graphql/subscription.js';
import { IfVersion, VERSION_DESCRIPTION } from '../../../graphql/version-argument.js';
import { Forbidden } from '../../../kernel/errors.js';
import type { Connection } from '../../../kernel/page.js';
import { idRules } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { RestField, RestHidden } from '../../../rest/field.js';
import { Rest } from '../../../rest/route.js';
import type { ConversationRow } from '../conversations/conversation.js';
import { Conversation } from '../conversations/conversation.type.js';
import { ownsConversation } from '../conversations/conversations.policy.js';
import type { ConversationsService } from '../conversations/conversations.service.js';
import { messageVersion, textOf, type MessageRow } from './message.js';
import {
  ConversationEvent,
  ConversationPosition,
  Message,
  MessageConnection,
  MessageList,
  MessagePage,
  MessageSearch,
  UpdateMessageInput,
  type ConversationEventRow,
} from './message.type.js';
import { MessageToolCall } from './message-tools.type.js';
import { descriptions } from './messages.descriptions.js';
import { routes } from './messages.routes.js';
import { conversationRules, followRules, searchRules, updateRules } from './messages.rules.js';
import type { FollowedEvent, MessagesService } from './messages.service.js';
import { reasoningIn, toolCallsIn } from './reply-transcript.js';

interface MessagesResolverNeeds {
  readonly service: MessagesService;
  readonly conversations: Pick<ConversationsService, 'load'>;
}

type ReferredMessage = Pick<MessageRow, 'id'> | Promise<MessageRow> | null;

/** Fields that need no more than the repository's few columns. */
const partOfMessages = rowPartFor(
  new Set([...BARE_FIELDS, 'content', 'text', 'messageType', 'status', 'extra', 'createdAt', 'conversation', 'user']),
);

@Resolver(() => Message)
export class MessagesResolver {
  constructor(private readonly needs: MessagesResolverNeeds) {}

  @Operation('conversations:read', idRules)
  @Rest(routes.getMessage)
  @Query(() => Message, { description: "A message of one of the caller's conversations; NOT_FOUND for anyone else's." })
  message(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<MessageRow> {
    return this.needs.service.get(viewer, id);
  }

  @Operation('conversations:read', conversationRules)
  @Rest(routes.listMessages)
  @Query(() => MessageConnection, { description: descriptions.messages })
  messages(
    @CurrentViewer() viewer: Viewer,
    @Args(() => MessageList) { conversationId, ...page }: MessageList,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<MessageRow>> {
    return this.needs.service.list(viewer, conversationId, page, partOfMessages(info));
  }

  @Operation('conversations:read', searchRules)
  @Rest(routes.searchMessages)
  @Query(() => MessageConnection, { description: descriptions.searchMessages })
  searchMessages(
    @CurrentViewer() viewer: Viewer,
    @Args(() => MessageSearch) { query, ...page }: MessageSearch,
  ): Promise<Connection<MessageRow>> {
    return this.needs.service.search(viewer, query, page);
  }

  @Operation('conversations:write', updateRules)
  @Rest(routes.updateMessage)
  @Mutation(() => Message, { description: descriptions.updateMessage })
  updateMessage(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID) id: string,
    @Arg('input', () => UpdateMessageInput) changes: UpdateMessageInput,
    @IfVersion() versions: string[] | null,
  ): Promise<MessageRow> {
    return this.needs.service.update(viewer, id, changes, versions);
  }

  @Operation('conversations:write', idRules)
  @Rest(routes.deleteMessage)
  @Mutation(() => Message, { description: descriptions.deleteMessage })
  deleteMessage(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID) id: string,
    @IfVersion() versions: string[] | null,
  ): Promise<MessageRow> {
    return this.needs.service.delete(viewer, id, versions);
  }

  @RestHidden()
  @FieldResolver(() => String, { description: VERSION_DESCRIPTION })
  version(@Root() message: MessageRow): string {
    return messageVersion(message);
  }

  @RestField({ name: 'conversation_id', value: { type: 'ID!', from: (row: MessageRow) => row.conversationId } })
  @LeadsBy('conversationId', { isThere: true })
  @FieldResolver(() => Conversation)
  conversation(
    @Root() { conversationId: id }: MessageRow,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Pick<ConversationRow, 'id'> | Promise<ConversationRow> {
    if (asksWhichAlone(info)) return { id };
    const { conversations } = this.needs;
    return batch(context, conversations, BY_ID, id, (ids) => conversations.load(ids));
  }

  @RestHidden()
  @FieldResolver(() => String, { nullable: true, description: '`content.text`, where there is one.' })
  text(@Root() message: MessageRow): string | null {
    return textOf(message);
  }

  @FieldResolver(() => [MessageToolCall], { description: descriptions.toolCalls })
  toolCalls(@Root() message: MessageRow): readonly MessageToolCall[] {
    return toolCallsIn(message).map(({ call, result }) => ({
      ...call,
      output: result?.output ?? null,
      error: result?.error ?? null,
    }));
  }

  @FieldResolver(() => String, { nullable: true, description: descriptions.reasoning })
  reasoning(@Root() message: MessageRow): string | null {
    return reasoningIn(message);
  }

  @RestField({ name: 'reply_to', value: { type: 'ID', from: (row: MessageRow) => row.replyToId } })
  @LeadsBy('replyToId', { isThere: true })
  @FieldResolver(() => Message, { nullable: true, description: descriptions.replyTo })
  replyTo(
    @Root() { replyToId }: MessageRow,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): ReferredMessage {
    return this.#referred(replyToId, context, info);
  }

  @RestField({ name: 'parent_id', value: { type: 'ID', from: (row: MessageRow) => row.parentId } })
  @LeadsBy('parentId', { isThere: true })
  @FieldResolver(() => Message, { nullable: true, description: descriptions.parent })
  parent(
    @Root() { parentId }: MessageRow,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): ReferredMessage {
    return this.#referred(parentId, context, info);
  }

  #referred(id: string | null, context: RequestContext, info: GraphQLResolveInfo): ReferredMessage {
    if (id === null) return null;
    // The reference holds for as long as the message is there that it leads to.
    if (asksWhichAlone(info)) return { id };
    const { service } = this.needs;
    return batch(context, service, BY_ID, id, (ids) => service.load(ids));
  }

  @Operation('conversations:read', followRules)
  @Stream(() => ConversationEvent, { description: descriptions.conversationEvents })
  async conversationEvents(
    @CurrentViewer() viewer: Viewer,
    @Ctx() { signal }: RequestContext,
    @Args(() => ConversationPosition) { conversationId, after }: ConversationPosition,
  ): Promise<AsyncIterable<ConversationEventRow>> {
    const { service } = this.needs;
    return withMessages(service, viewer, await service.follow(viewer, conversationId, after ?? null, signal()));
  }
}

@Resolver(() => Conversation)
export class ConversationMessagesResolver {
  constructor(private readonly service: Pick<MessagesService, 'currentLeaves' | 'ofConversations'>) {}

  @RestHidden()
  @FieldResolver(() => Message, { nullable: true, description: descriptions.currentLeaf })
  async currentLeaf(@Root() conversation: ConversationRow, @Ctx() context: RequestContext): Promise<MessageRow | null> {
    if (!ownsConversation(await context.viewer(), conversation)) throw new Forbidden();
    return batch(context, this, { of: 'leaf' }, conversation.id, (ids) => this.service.currentLeaves(ids));
  }

  @RestHidden()
  @FieldResolver(() => Message, { nullable: true, description: descriptions.lastMessage })
  lastMessage(@Root() conversation: ConversationRow, @Ctx() context: RequestContext): Promise<MessageRow | null> {
    return this.currentLeaf(conversation, context);
  }

  @RestHidden()
  @FieldResolver(() => MessageConnection, { description: descriptions.messagesOfConversation })
  async messages(
    @Root() conversation: ConversationRow,
    @Ctx() context: RequestContext,
    @Args(() => MessagePage) page: MessagePage,
    @Info() info: GraphQLResolveInfo,
  ): Promise<Connection<MessageRow>> {
    if (!ownsConversation(await context.viewer(), conversation)) throw new Forbidden();
    const { first, after, last, before } = page;
    const part = partOfMessages(info);
    return batch(context, this, { first, after, last, before, part }, conversation.id, (ids) =>
      this.service.ofConversations(ids, page, part),
    );
  }
}

/**
 * Adds the message, in its present state, to each event, until the conversation is deleted. Skips events whose message has since
 * been deleted.
 */
async function* withMessages(
  service: Pick<MessagesService, 'findVisible'>,
  viewer: Viewer,
  events: AsyncIterable<FollowedEvent>,
): AsyncGenerator<ConversationEventRow, void, undefined> {
  for await (const event of events) {
    if (event.type === 'conversation-deleted') return;
    if (event.type === 'expired') {
      yield event;
      continue;
    }
    const { type, sequence, messageId } = event;
    if (type === 'deleted') {
      yield { type, sequence, messageId };
      continue;
    }
    const message = await service.findVisible(viewer, messageId);
    if (message === null) continue;
    yield { type: event.type === 'updated' && event.selects === true ? 'selected' : type, sequence, message };
  }
}
