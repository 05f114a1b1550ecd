import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Resolver, Root } from 'type-graphql';
import { batch } from '../../../graphql/batch.js';
import type { RequestContext } from '../../../graphql/context.js';
import { GoesOnAfterAct, IdempotentByItself } from '../../../graphql/idempotency.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { Stream } from '../../../graphql/subscription.js';
import { requireTokenAccess } from '../../../graphql/token-access.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { NotFound } from '../../../kernel/errors.js';
import { RestField } from '../../../rest/field.js';
import { Rest, RestStream } from '../../../rest/route.js';
import type { MessageRow } from '../messages/message.js';
import { Message } from '../messages/message.type.js';
import type { MessagesService } from '../messages/messages.service.js';
import { descriptions } from './replies.descriptions.js';
import { routes } from './replies.routes.js';
import { chatRules, createMessageRules, followRules, stopRules } from './replies.rules.js';
import type { CreatedMessage, RepliesService } from './replies.service.js';
import type { SequencedReplyEvent } from './reply.js';
import {
  ChatInput,
  ChatResult,
  CreateMessageInput,
  CreateMessageResult,
  ReplyCompleted,
  ReplyEvent,
  ReplyFailed,
  ReplyPosition,
} from './reply.type.js';

/** A question is the same whether its answer comes as a whole or as a stream, and whatever becomes of it without an answer. */
const ANY_FORM = { answerOnly: ['input.keepUnanswered'] };

interface RepliesResolverNeeds {
  readonly service: RepliesService;
  readonly messages: Pick<MessagesService, 'get'>;
}

@Resolver(() => Message)
export class RepliesResolver {
  constructor(private readonly needs: RepliesResolverNeeds) {}

  @Operation('conversations:write', createMessageRules)
  @GoesOnAfterAct({ answerOnly: ['input.waitForReply'] })
  @Rest(routes.createMessage)
  @Mutation(() => CreateMessageResult, { description: descriptions.createMessage })
  createMessage(
    @CurrentViewer() viewer: Viewer,
    @Ctx() { requestId }: RequestContext,
    @Arg('input', () => CreateMessageInput) input: CreateMessageInput,
  ): Promise<CreatedMessage> {
    const { invokeLlm, waitForReply, ...message } = input;
    if (invokeLlm === true) requireTokenAccess(viewer, 'chat');
    const request = { ...message, invokeLlm: invokeLlm ?? false, waitForReply: waitForReply ?? false };
    return this.needs.service.createMessage(viewer, request, requestId);
  }

  @Operation('chat', chatRules)
  @GoesOnAfterAct(ANY_FORM)
  @Rest(routes.chat)
  @Mutation(() => ChatResult, { description: descriptions.chat })
  async chat(
    @CurrentViewer() viewer: Viewer,
    @Ctx() context: RequestContext,
    @Arg('input', () => ChatInput) input: ChatInput,
  ): Promise<ChatResult> {
    const { messageId, ...answer } = await this.needs.service.chat(viewer, input, context.signal(), context.requestId);
    return { ...answer, message: messageId === null ? null : await this.needs.messages.get(viewer, messageId) };
  }

  @Operation('chat', stopRules)
  @IdempotentByItself('a reply stops once, and a repeat answers with it as it is')
  @Rest(routes.stopReply)
  @Mutation(() => Message, { description: descriptions.stopReply })
  stopReply(@CurrentViewer() viewer: Viewer, @Arg('messageId', () => ID) messageId: string): Promise<MessageRow> {
    return this.needs.service.stop(viewer, messageId);
  }

  @Operation('chat', chatRules)
  @GoesOnAfterAct(ANY_FORM)
  @RestStream(routes.streamChat)
  @Stream(() => ReplyEvent, { name: 'chat', description: descriptions.chatEvents })
  chatEvents(
    @CurrentViewer() viewer: Viewer,
    @Ctx() { signal, requestId }: RequestContext,
    @Arg('input', () => ChatInput) input: ChatInput,
  ): Promise<AsyncIterable<SequencedReplyEvent>> {
    return this.needs.service.chatEvents(viewer, input, signal(), requestId);
  }

  @Operation('conversations:read', followRules)
  @RestStream(routes.streamReply)
  @Stream(() => ReplyEvent, { description: descriptions.reply })
  reply(
    @CurrentViewer() viewer: Viewer,
    @Ctx() { signal }: RequestContext,
    @Args(() => ReplyPosition) { messageId, after }: ReplyPosition,
  ): Promise<AsyncIterable<SequencedReplyEvent>> {
    return this.needs.service.follow(viewer, messageId, after, signal());
  }
}

type StoredEnd = Extract<SequencedReplyEvent, { readonly messageId: string | null }>;

const messageId = {
  name: 'message_id',
  value: { type: 'ID', from: (event: StoredEnd) => event.messageId },
} as const;

/** For the `message` field of a stream's last event: the stored reply in its present state. */
abstract class StoredMessageResolver {
  constructor(private readonly service: Pick<MessagesService, 'load'>) {}

  protected async load({ messageId }: StoredEnd, context: RequestContext): Promise<MessageRow | null> {
    if (messageId === null) return null;
    return batch(context, this.service, { of: 'event' }, messageId, async (ids) => {
      const rows = await this.service.load(ids);
      // It may be deleted by the time that its end is read.
      return rows.map((row) => (row instanceof NotFound ? null : row));
    });
  }
}

@Resolver(() => ReplyCompleted)
export class ReplyCompletedResolver extends StoredMessageResolver {
  @RestField(messageId)
  @FieldResolver(() => Message, { nullable: true, description: 'Null for a chat that stores nothing.' })
  message(@Root() event: StoredEnd, @Ctx() context: RequestContext): Promise<MessageRow | null> {
    return this.load(event, context);
  }
}

@Resolver(() => ReplyFailed)
export class ReplyFailedResolver extends StoredMessageResolver {
  @RestField(messageId)
  @FieldResolver(() => Message, { nullable: true, description: 'Null for a chat that stores nothing, or one deleted.' })
  message(@Root() event: StoredEnd, @Ctx() context: RequestContext): Promise<MessageRow | null> {
    return this.load(event, context);
  }
}
