import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import { ArgsType, createUnionType, Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { Node } from '../../../graphql/node.js';
import { ReadableBy } from '../../../graphql/token-access.js';
import { OFFSET_DESCRIPTION, OffsetPage } from '../../../graphql/page-arguments.js';
import { figure } from '../../../kernel/figures.js';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, type PageArguments } from '../../../kernel/page.js';
import { RestField, RestHidden } from '../../../rest/field.js';
import { EVENT_SEQUENCE, EventsExpired, FeedPosition } from '../feeds/event-feed.type.js';
import { MAX_SEARCH_LENGTH } from '../conversations/conversation.js';
import { Generation } from '../models/model.type.js';
import {
  CHECKPOINT_MS,
  MAX_CONTENT_BYTES,
  MAX_MESSAGE_TYPE_LENGTH,
  type MessageChanges,
  type MessageContent,
  type MessageRow,
} from './message.js';
import type * as message from './message.js';

const CONTENT = `At most ${figure(MAX_CONTENT_BYTES)} bytes as JSON.`;
const MESSAGE_TYPE = `At most ${MAX_MESSAGE_TYPE_LENGTH} characters.`;

const MessageStatus = {
  COMPLETE: 'COMPLETE',
  STREAMING: 'STREAMING',
  PARTIAL: 'PARTIAL',
  FAILED: 'FAILED',
} as const satisfies Record<message.MessageStatus, message.MessageStatus>;
registerEnumType(MessageStatus, {
  name: 'MessageStatus',
  description: 'How far a message has come. What clients send is COMPLETE at once.',
  valuesConfig: {
    COMPLETE: { description: 'All of it is there.' },
    STREAMING: {
      description: `The model is writing; what is stored trails its stream by ${CHECKPOINT_MS} ms at most.`,
    },
    PARTIAL: { description: 'Cut short, by a stop, the model or a crash; what had come is kept.' },
    FAILED: { description: 'The model failed before any of the answer came.' },
  },
});

@ReadableBy('conversations:read')
@ObjectType('Message', { implements: Node, simpleResolvers: true, description: 'One remark in a conversation.' })
export class Message implements Omit<MessageRow, 'conversationId' | 'userId' | 'parentId' | 'parts' | 'replyToId'> {
  @RestField({ name: 'message_id' })
  @Field(() => ID)
  readonly id!: string;

  @Field(() => GraphQLJSONObject, {
    description: `Text stands in \`text\`; other keys are kept as sent. ${CONTENT}`,
  })
  readonly content!: MessageContent;

  @Field(() => String, {
    description: `\`user\`, \`ai\`, \`system\`, \`file\`, or what a client sent; at most ${MAX_MESSAGE_TYPE_LENGTH} characters.`,
  })
  readonly messageType!: string;

  @RestField({
    name: 'status',
    value: { type: 'String!', from: ({ status }: Pick<MessageRow, 'status'>) => status.toLowerCase() },
  })
  @Field(() => MessageStatus)
  readonly status!: message.MessageStatus;

  @RestField({
    description:
      'While the reply is `streaming`: the number of the last event of its stream that `content` holds, 0 before the first. Give it to the stream as `after` to go on from there. Null for any other message.',
  })
  @Field(() => Int, {
    nullable: true,
    description:
      'While the reply is STREAMING: the number of the last event of its stream that is stored, 0 before the first. Give it to `reply` as `after` to go on from there. Null for any other message.',
  })
  readonly sequence!: number | null;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description:
      'While the reply waits for the results of its tool calls: until when. It is STREAMING meanwhile, and ends without them after that. Null for any other message.',
  })
  readonly waitsUntil!: Date | null;

  @Field(() => GraphQLJSONObject, {
    nullable: true,
    description: `The client's own data; at most ${figure(MAX_CONTENT_BYTES)} bytes as JSON. Null where none was given.`,
  })
  readonly extra!: MessageContent | null;

  @Field(() => Generation, {
    nullable: true,
    description: 'How the model wrote it. Null for what it did not write, and for replies from before this was kept.',
  })
  readonly generation!: Generation | null;

  @RestField({ name: 'timestamp' })
  @Field(() => GraphQLDateTime)
  readonly createdAt!: Date;

  @RestHidden()
  @Field(() => GraphQLDateTime, {
    description: 'When it was changed last; of a reply, when its stream was stored last.',
  })
  readonly updatedAt!: Date;
}

export const MessageConnection = connectionType(Message, 'Message');

@ObjectType({ simpleResolvers: true, description: 'A message was added, by a client or as a reply that begins.' })
class MessageCreated {
  readonly type!: 'created';
  @Field(() => Int, { description: EVENT_SEQUENCE })
  readonly sequence!: number;

  @Field(() => Message)
  readonly message!: MessageRow;
}

@ObjectType({ simpleResolvers: true, description: 'A message was changed, or a reply ended.' })
class MessageUpdated {
  readonly type!: 'updated';
  @Field(() => Int, { description: EVENT_SEQUENCE })
  readonly sequence!: number;

  @Field(() => Message)
  readonly message!: MessageRow;
}

@ObjectType({ simpleResolvers: true, description: 'A message was deleted.' })
class MessageDeleted {
  readonly type!: 'deleted';
  @Field(() => Int, { description: EVENT_SEQUENCE })
  readonly sequence!: number;

  @Field(() => ID)
  readonly messageId!: string;
}

@ObjectType({ simpleResolvers: true, description: 'The model began to answer: follow it with `reply`.' })
class ReplyStarted {
  readonly type!: 'reply-started';
  @Field(() => Int, { description: EVENT_SEQUENCE })
  readonly sequence!: number;

  @Field(() => Message, { description: 'The reply, to be streamed.' })
  readonly message!: MessageRow;
}

@ObjectType({
  simpleResolvers: true,
  description:
    'The current branch is another one: it was selected, a version was added to it, or the end of the one before was deleted. Read `messages` anew.',
})
class BranchSelected {
  readonly type!: 'selected';

  @Field(() => Int, { description: EVENT_SEQUENCE })
  readonly sequence!: number;

  @Field(() => Message, { description: 'The end of the branch.' })
  readonly message!: MessageRow;
}

const CONVERSATION_EVENT_TYPES = {
  created: 'MessageCreated',
  updated: 'MessageUpdated',
  deleted: 'MessageDeleted',
  'reply-started': 'ReplyStarted',
  selected: 'BranchSelected',
  expired: 'EventsExpired',
} as const;

export type ConversationEventRow = { readonly sequence: number } & (
  | { readonly type: 'created' | 'updated' | 'reply-started' | 'selected'; readonly message: MessageRow }
  | { readonly type: 'deleted'; readonly messageId: string }
  | { readonly type: 'expired' }
);

export const ConversationEvent = createUnionType({
  name: 'ConversationEvent',
  description: 'What happened in a conversation.',
  types: () => [MessageCreated, MessageUpdated, MessageDeleted, ReplyStarted, BranchSelected, EventsExpired] as const,
  resolveType: (event) => CONVERSATION_EVENT_TYPES[event.type],
});

@ArgsType()
export class ConversationPosition extends FeedPosition {
  @Field(() => ID)
  readonly conversationId!: string;
}

@InputType({ description: 'A field left out stays as it is; null clears `extra` and is refused for the others.' })
export class UpdateMessageInput implements MessageChanges {
  @Field(() => GraphQLJSONObject, { nullable: true, description: CONTENT })
  readonly content?: MessageContent;

  @Field(() => String, { nullable: true, description: MESSAGE_TYPE })
  readonly messageType?: string;

  @Field(() => GraphQLJSONObject, { nullable: true, description: CONTENT })
  readonly extra?: MessageContent | null;
}

/** Arguments of a list that can be paged in both directions. */
@ArgsType()
export class MessagePage implements PageArguments {
  @Field(() => Int, {
    nullable: true,
    description: `How many at most from the oldest end, from 1 to ${MAX_PAGE_SIZE}; ${DEFAULT_PAGE_SIZE} by default.`,
  })
  readonly first?: number;

  @Field(() => String, { nullable: true, description: 'The cursor after which the page begins.' })
  readonly after?: string;

  @Field(() => Int, {
    nullable: true,
    description: `How many at most from the newest end, from 1 to ${MAX_PAGE_SIZE}.`,
  })
  readonly last?: number;

  @Field(() => String, { nullable: true, description: 'The cursor before which the page ends.' })
  readonly before?: string;
}

@ArgsType()
export class MessageList extends MessagePage {
  @Field(() => ID)
  readonly conversationId!: string;

  @Field(() => Int, { nullable: true, description: OFFSET_DESCRIPTION })
  readonly offset?: number;
}

@ArgsType()
export class MessageSearch extends OffsetPage {
  @Field(() => String, {
    description: `Part of the text, in any case; from 1 to ${MAX_SEARCH_LENGTH} characters.`,
  })
  readonly query!: string;
}
