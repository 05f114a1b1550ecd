import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import { ArgsType, createUnionType, Field, ID, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { Node } from '../../../graphql/node.js';
import { OFFSET_DESCRIPTION, OffsetPage } from '../../../graphql/page-arguments.js';
import { figure } from '../../../kernel/figures.js';
import { DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE, type PageArguments } from '../../../kernel/page.js';
import { RestField, RestHidden } from '../../../rest/field.js';
import { MAX_SEARCH_LENGTH } from '../conversations/conversation.js';
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
  valuesConfig: {
    COMPLETE: { description: 'All of it is there.' },
    STREAMING: {
      description: `The model is writing; what is stored trails its stream by ${CHECKPOINT_MS} ms at most.`,
    },
    PARTIAL: { description: 'Cut short, by a stop, the model or a crash; what had come is kept.' },
    FAILED: { description: 'The model failed before anything came.' },
  },
});

@ObjectType('Message', { implements: Node, simpleResolvers: true, description: 'One remark in a conversation.' })
export class Message implements Omit<MessageRow, 'conversationId' | 'userId' | 'replyToId'> {
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

  @RestHidden()
  @Field(() => MessageStatus)
  readonly status!: message.MessageStatus;

  @Field(() => GraphQLJSONObject, {
    nullable: true,
    description: `The client's own data; at most ${figure(MAX_CONTENT_BYTES)} bytes as JSON. Null where none was given.`,
  })
  readonly extra!: MessageContent | null;

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
  @Field(() => Message)
  readonly message!: MessageRow;
}

@ObjectType({ simpleResolvers: true, description: 'A message was changed, or a reply ended.' })
class MessageUpdated {
  readonly type!: 'updated';
  @Field(() => Message)
  readonly message!: MessageRow;
}

@ObjectType({ simpleResolvers: true })
class MessageDeleted {
  readonly type!: 'deleted';
  @Field(() => ID)
  readonly messageId!: string;
}

@ObjectType({ simpleResolvers: true, description: 'The model began to answer: follow it with `reply`.' })
class ReplyStarted {
  readonly type!: 'reply-started';
  @Field(() => Message, { description: 'The reply, to be streamed.' })
  readonly message!: MessageRow;
}

const CONVERSATION_EVENT_TYPES = {
  created: 'MessageCreated',
  updated: 'MessageUpdated',
  deleted: 'MessageDeleted',
  'reply-started': 'ReplyStarted',
} as const;

export type ConversationEventRow =
  | { readonly type: 'created' | 'updated' | 'reply-started'; readonly message: MessageRow }
  | { readonly type: 'deleted'; readonly messageId: string };

export const ConversationEvent = createUnionType({
  name: 'ConversationEvent',
  types: () => [MessageCreated, MessageUpdated, MessageDeleted, ReplyStarted] as const,
  resolveType: (event) => CONVERSATION_EVENT_TYPES[event.type],
});

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
