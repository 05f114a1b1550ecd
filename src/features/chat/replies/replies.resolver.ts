import { Arg, Ctx, FieldResolver, ID, Int, Mutation, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import { batch } from '../../../graphql/batch.js';
import type { RequestContext } from '../../../graphql/context.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import type { RestError } from '../../../rest/answers.js';
import { RestField } from '../../../rest/field.js';
import type { JsonSchema } from '../../../rest/json-schema.js';
import { Rest, RestStream } from '../../../rest/route.js';
import { body, constant, path, query } from '../../../rest/sources.js';
import { Stream } from '../../../graphql/subscription.js';
import { jsonObject, text, uuid } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { MAX_CONTENT_BYTES, MAX_MESSAGE_TYPE_LENGTH, textOf, type MessageRow } from '../messages/message.js';
import { Message } from '../messages/message.type.js';
import type { MessagesService } from '../messages/messages.service.js';
import { replyError, type SequencedReplyEvent } from './reply.js';
import {
  ChatInput,
  ChatResult,
  CreateMessageInput,
  CreateMessageResult,
  ReplyCompleted,
  ReplyEvent,
  ReplyFailed,
} from './reply.type.js';
import type { CreatedMessage, RepliesService } from './replies.service.js';

/** Characters of a question: about 8,000 tokens of English. */
const MAX_QUESTION_LENGTH = 32_000;

const chatRules = z.object({
  input: z.object({ message: text(MAX_QUESTION_LENGTH, 1), conversationId: uuid().nullish() }),
});

const messageRules = z.object({
  input: z
    .object({
      conversationId: uuid(),
      content: jsonObject(MAX_CONTENT_BYTES),
      messageType: text(MAX_MESSAGE_TYPE_LENGTH, 1),
      extra: jsonObject(MAX_CONTENT_BYTES).nullish(),
      invokeLlm: z.boolean().nullish(),
      waitForReply: z.boolean().nullish(),
    })
    .superRefine((input, context) => {
      if (input.invokeLlm !== true || input.messageType !== 'user') return;
      const question = textOf(input) ?? '';
      const message =
        question.trim() === ''
          ? 'is required to ask the model'
          : question.length > MAX_QUESTION_LENGTH
            ? `must be at most ${MAX_QUESTION_LENGTH} characters to ask the model`
            : undefined;
      if (message !== undefined) context.addIssue({ code: 'custom', path: ['content', 'text'], message });
    }),
});

/** The same for the reference. */
const QUESTION_NEEDS_TEXT: JsonSchema = {
  if: {
    required: ['message_type', 'invoke_llm'],
    properties: { message_type: { const: 'user' }, invoke_llm: { const: true } },
  },
  then: {
    properties: {
      content: {
        required: ['text'],
        properties: { text: { type: 'string', maxLength: MAX_QUESTION_LENGTH, pattern: '\\S' } },
      },
    },
  },
};

/** The next event's number must still be an `Int`. */
const MAX_AFTER = 2 ** 31 - 2;

const replyRules = z.object({
  messageId: uuid(),
  after: z.int().min(0, 'must be 0 or more').max(MAX_AFTER, `must be at most ${MAX_AFTER}`),
});

const tag = 'Chat';
const chatErrors: readonly RestError[] = [
  { code: 'QUOTA_EXCEEDED', message: 'Upgrade required' },
  { code: 'RATE_LIMITED', message: 'Too many requests' },
  { code: 'NOT_FOUND', message: 'Conversation not found' },
  { code: 'UPSTREAM_FAILED', message: 'OpenAI request failed' },
];

const events = { ReplyDelta: 'delta', ReplyCompleted: 'completed', ReplyFailed: 'failed' } as const;
const failure = {
  event: 'ReplyFailed',
  toError: (event: { readonly code: string; readonly reason: string }) => replyError(event),
} as const;

interface RepliesResolverNeeds {
  readonly service: RepliesService;
  readonly messages: Pick<MessagesService, 'get'>;
}

@Resolver(() => Message)
export class RepliesResolver {
  constructor(private readonly needs: RepliesResolverNeeds) {}

  @Operation('user', messageRules)
  @Rest({
    method: 'POST',
    path: '/conversations/{conversation_id}/messages',
    operationId: 'createMessage',
    summary: 'Add a message, and ask the model to answer it',
    tag: 'Messages',
    arguments: {
      'input.conversationId': path('conversation_id'),
      'input.waitForReply': constant(true),
      input: body({
        readOnly: ['message_id', 'conversation_id', 'user_id', 'timestamp'],
        omit: ['conversationId', 'waitForReply'],
        schema: QUESTION_NEEDS_TEXT,
      }),
    },
    field: 'message',
    errors: [
      { code: 'RATE_LIMITED', message: 'Too many messages' },
      { code: 'QUOTA_EXCEEDED', message: 'Upgrade required' },
      { code: 'NOT_FOUND', message: 'Conversation not found' },
    ],
  })
  @Mutation(() => CreateMessageResult, {
    description:
      'Adds a message to a conversation. With `invokeLlm`, the model answers a `user` message: follow `reply(messageId)`. RATE_LIMITED, then QUOTA_EXCEEDED when the day has no message or too few tokens left.',
  })
  createMessage(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => CreateMessageInput) input: CreateMessageInput,
  ): Promise<CreatedMessage> {
    const { invokeLlm, waitForReply, ...message } = input;
    return this.needs.service.createMessage(viewer, {
      ...message,
      invokeLlm: invokeLlm ?? false,
      waitForReply: waitForReply ?? false,
    });
  }

  @Operation('user', chatRules)
  @Rest({
    method: 'POST',
    path: '/chat',
    operationId: 'chat',
    summary: 'Ask the model',
    tag,
    arguments: { input: body() },
    errors: chatErrors,
  })
  @Mutation(() => ChatResult, {
    description:
      'Asks the model and waits for the whole answer. Without a conversation nothing but usage is stored. QUOTA_EXCEEDED, then RATE_LIMITED; UPSTREAM_FAILED when the model fails.',
  })
  async chat(
    @CurrentViewer() viewer: Viewer,
    @Ctx() context: RequestContext,
    @Arg('input', () => ChatInput) input: ChatInput,
  ): Promise<ChatResult> {
    const { messageId, ...answer } = await this.needs.service.chat(viewer, input, context.signal);
    return { ...answer, message: messageId === null ? null : await this.needs.messages.get(viewer, messageId) };
  }

  @Operation('user', z.object({ messageId: uuid() }))
  @Mutation(() => Message, {
    description:
      'Stops a reply that is streaming; what had come is kept as PARTIAL, and its stream ends with ReplyFailed `STOPPED`. A reply that has ended stays as it is.',
  })
  stopReply(@CurrentViewer() viewer: Viewer, @Arg('messageId', () => ID) messageId: string): Promise<MessageRow> {
    return this.needs.service.stop(viewer, messageId);
  }

  @Operation('user', chatRules)
  @RestStream({
    method: 'POST',
    path: '/chat',
    operationId: 'streamChat',
    summary: 'Ask the model and stream its answer',
    tag,
    when: 'stream',
    arguments: { input: body() },
    errors: chatErrors,
    events,
    text: { event: 'ReplyDelta', field: 'text' },
    failure,
  })
  @Stream(() => ReplyEvent, {
    name: 'chat',
    description:
      'Asks the model once and streams its answer; nothing but usage is stored unless a conversation is named. Without one, the model stops when the subscription does.',
  })
  chatEvents(
    @CurrentViewer() viewer: Viewer,
    @Ctx() { signal }: RequestContext,
    @Arg('input', () => ChatInput) input: ChatInput,
  ): Promise<AsyncIterable<SequencedReplyEvent>> {
    return this.needs.service.chatEvents(viewer, input, signal);
  }

  @Operation('user', replyRules)
  @RestStream({
    method: 'GET',
    path: '/messages/{message_id}/stream',
    operationId: 'streamReply',
    summary: "Follow a reply's events",
    tag: 'Messages',
    arguments: { messageId: path('message_id'), after: query('after', { default: 0, header: 'Last-Event-ID' }) },
    errors: [{ code: 'NOT_FOUND', message: 'Message not found' }],
    events,
    failure,
  })
  @Stream(() => ReplyEvent, {
    description:
      "A reply's events, from the first or after `after`, to its end; to be resumed on any connection and any instance. BAD_USER_INPUT for a message that the model did not write.",
  })
  reply(
    @CurrentViewer() viewer: Viewer,
    @Ctx() { signal }: RequestContext,
    @Arg('messageId', () => ID) messageId: string,
    @Arg('after', () => Int, { nullable: true, defaultValue: 0, description: 'The last `sequence` that was seen.' })
    after: number,
  ): Promise<AsyncIterable<SequencedReplyEvent>> {
    return this.needs.service.follow(viewer, messageId, after, signal);
  }
}

type StoredEnd = Extract<SequencedReplyEvent, { readonly messageId: string | null }>;

const messageId = {
  name: 'message_id',
  value: { type: 'ID', from: (event: StoredEnd) => event.messageId },
} as const;

/** The stored reply of a stream's last event, as it is now. */
abstract class StoredMessageResolver {
  constructor(private readonly service: Pick<MessagesService, 'load'>) {}

  protected async load({ messageId }: StoredEnd, context: RequestContext): Promise<MessageRow | null> {
    if (messageId === null) return null;
    return batch(context, this.service, { of: 'event' }, messageId, (ids) => this.service.load(ids));
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
