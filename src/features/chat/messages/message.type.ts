import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import { createUnionType, Field, ID, InputType, ObjectType, registerEnumType } from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { Node } from '../../../graphql/node.js';
import { RestField, RestHidden } from '../../../rest/field.js';
import type { MessageChanges, MessageContent, MessageRow } from './message.js';
import type * as message from './message.js';

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
    STREAMING: { description: 'The model is writing; what is stored trails its stream by half a second at most.' },
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
    description: 'Text stands in `text`; other keys are kept as sent. At most 262,144 bytes as JSON.',
  })
  readonly content!: MessageContent;

  @Field(() => String, { description: '`user`, `ai`, `system`, `file`, or what a client sent; at most 50 characters.' })
  readonly messageType!: string;

  @RestHidden()
  @Field(() => MessageStatus)
  readonly status!: message.MessageStatus;

  @Field(() => GraphQLJSONObject, {
    nullable: true,
    description: "The client's own data; at most 262,144 bytes as JSON. Null where none was given.",
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
  @Field(() => GraphQLJSONObject, { nullable: true, description: 'At most 262,144 bytes as JSON.' })
  readonly content?: MessageContent;

  @Field(() => String, { nullable: true, description: 'At most 50 characters.' })
  readonly messageType?: string;

  @Field(() => GraphQLJSONObject, { nullable: true, description: 'At most 262,144 bytes as JSON.' })
  readonly extra?: MessageContent | null;
}
