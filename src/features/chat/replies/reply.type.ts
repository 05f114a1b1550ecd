import { GraphQLJSONObject } from 'graphql-scalars';
import { ArgsType, createUnionType, Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { figure } from '../../../kernel/figures.js';
import { RestHidden } from '../../../rest/field.js';
import {
  MAX_CONTENT_BYTES,
  MAX_MESSAGE_TYPE_LENGTH,
  type MessageContent,
  type MessageRow,
} from '../messages/message.js';
import { Message } from '../messages/message.type.js';
import { MAX_QUESTION_LENGTH } from './reply.js';

const SEQUENCE =
  'Counts the events of this reply from 1 without a gap: give the last one seen as `after` to go on from there.';

@ObjectType({ simpleResolvers: true })
export class ChatResult {
  @Field(() => String, { description: "The model's answer." })
  readonly response!: string;

  @Field(() => Int, { description: 'The tokens of prompt and answer together, as they count against the plan.' })
  readonly tokens!: number;

  @RestHidden()
  @Field(() => Message, { nullable: true, description: 'The stored reply. Null where no conversation was named.' })
  readonly message!: MessageRow | null;
}

@ObjectType({ simpleResolvers: true })
export class CreateMessageResult {
  @Field(() => Message)
  readonly message!: MessageRow;

  @Field(() => Message, {
    nullable: true,
    description: "The model's reply, STREAMING or (with waitForReply) finished; null where none was asked for.",
  })
  readonly reply!: MessageRow | null;
}

@ObjectType({ simpleResolvers: true, description: 'More of the answer.' })
class ReplyDelta {
  readonly type!: 'delta';

  @Field(() => Int, { description: SEQUENCE })
  readonly sequence!: number;

  @Field(() => String, { description: 'The text that follows what came before; never empty.' })
  readonly text!: string;
}

@ObjectType({ simpleResolvers: true, description: 'The end of an answer that is complete. The last event.' })
export class ReplyCompleted {
  readonly type!: 'completed';

  @Field(() => Int, { description: SEQUENCE })
  readonly sequence!: number;

  @Field(() => String, { description: 'The whole answer.' })
  readonly response!: string;

  @Field(() => Int, { description: 'The tokens of prompt and answer together, as they count against the plan.' })
  readonly tokens!: number;

  readonly messageId!: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'The end of an answer that was cut short. The last event.' })
export class ReplyFailed {
  readonly type!: 'failed';

  @Field(() => Int, { description: SEQUENCE })
  readonly sequence!: number;

  @Field(() => String, {
    description: '`STOPPED`, `UPSTREAM_FAILED`, `INTERRUPTED`, `DELETED` or `INTERNAL_SERVER_ERROR`.',
  })
  readonly code!: string;

  @Field(() => String, { description: 'What happened, for a person.' })
  readonly reason!: string;

  @Field(() => String, { description: 'What had come before the failure.' })
  readonly partial!: string;

  readonly messageId!: string | null;
}

const REPLY_EVENT_TYPES = { delta: 'ReplyDelta', completed: 'ReplyCompleted', failed: 'ReplyFailed' } as const;

export const ReplyEvent = createUnionType({
  name: 'ReplyEvent',
  description: 'What a reply streams: deltas, then exactly one ReplyCompleted or ReplyFailed.',
  types: () => [ReplyDelta, ReplyCompleted, ReplyFailed] as const,
  resolveType: (event) => REPLY_EVENT_TYPES[event.type],
});

@InputType()
export class ChatInput {
  @Field(() => String, { description: `The question; at most ${figure(MAX_QUESTION_LENGTH)} characters.` })
  readonly message!: string;

  @Field(() => ID, {
    nullable: true,
    description: "One of the caller's conversations: the model remembers it, and question and answer are stored in it.",
  })
  readonly conversationId?: string | null;
}

@InputType()
export class CreateMessageInput {
  @Field(() => ID)
  readonly conversationId!: string;

  @Field(() => GraphQLJSONObject, {
    description: `Text stands in \`text\`; other keys are kept as sent. At most ${figure(MAX_CONTENT_BYTES)} bytes as JSON; to ask the model, \`text\` is required and has at most ${figure(MAX_QUESTION_LENGTH)} characters.`,
  })
  readonly content!: MessageContent;

  @Field(() => String, {
    description: `\`user\`, \`system\`, \`file\`, or a mark of your own; at most ${MAX_MESSAGE_TYPE_LENGTH} characters.`,
  })
  readonly messageType!: string;

  @Field(() => GraphQLJSONObject, {
    nullable: true,
    description: `Your own data; at most ${figure(MAX_CONTENT_BYTES)} bytes as JSON.`,
  })
  readonly extra?: MessageContent | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description: "Begins the model's reply; only for messages of the type `user`.",
  })
  readonly invokeLlm?: boolean | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description: 'Answers only when the reply has ended, complete or not: see its `status`.',
  })
  readonly waitForReply?: boolean | null;
}

@ArgsType()
export class ReplyPosition {
  @Field(() => ID)
  readonly messageId!: string;

  @Field(() => Int, { nullable: true, defaultValue: 0, description: 'The last `sequence` that was seen.' })
  readonly after!: number;
}
