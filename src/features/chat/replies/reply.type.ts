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
import { Generation, MODEL_CHOICE, ModelChoice } from '../models/model.type.js';
import { SEQUENCE_DESCRIPTION as SEQUENCE } from './replies.descriptions.js';
import { MAX_IMAGES, MAX_IMAGES_BYTES } from './images.js';
import { MAX_QUESTION_LENGTH } from './reply.js';
import { MAX_TOOLS } from './tools.js';
import { ReplyToolCall, ReplyToolResult, ResponseFormatInput, ToolInput } from './tools.type.js';

const EXPECTED_LEAF =
  "The last message of the conversation's current branch, as the client knows it: where it is another one by now, nothing is added, and CONFLICT tells which. Not looked at where it is left out.";

const TOOLS = `Functions that the model may call, at most ${MAX_TOOLS}, with different names. The reply waits for their results: see \`submitToolResults\`.`;
const IMAGES = `Uploaded files that the model is shown with the question: at most ${MAX_IMAGES} different ones, PNG, JPEG, GIF or WebP, of at most ${figure(MAX_IMAGES_BYTES)} bytes together. Only for models with \`takesImages\`.`;
const AS_BEFORE = 'Those of the version before, where images, tools and form are all left out.';
const RESPONSE_FORMAT = 'The form of the answer; text by default.';

const GENERATION =
  'How it came to be: which model wrote it, and what that took. Null for replies from before this was kept.';

@ObjectType({ simpleResolvers: true, description: "The model's answer to one question." })
export class ChatResult {
  @Field(() => String, { description: "The model's answer." })
  readonly response!: string;

  @Field(() => Int, { description: 'The tokens of prompt and answer together, as they count against the plan.' })
  readonly tokens!: number;

  @Field(() => Generation, { description: 'How it came to be: which model wrote it, and what that took.' })
  readonly generation!: Generation;

  @RestHidden()
  @Field(() => Message, { nullable: true, description: 'The stored reply. Null where no conversation was named.' })
  readonly message!: MessageRow | null;
}

@ObjectType({
  simpleResolvers: true,
  description: 'The message that was stored, and the reply that the model was asked for.',
})
export class CreateMessageResult {
  @Field(() => Message)
  readonly message!: MessageRow;

  @Field(() => Message, {
    nullable: true,
    description:
      "The model's reply, STREAMING or (with waitForReply) finished; null where none was asked for, or it was deleted while it was waited for.",
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

@ObjectType({
  simpleResolvers: true,
  description:
    'More of what the model thinks before it answers, where its provider tells. It is no part of the answer.',
})
class ReplyReasoning {
  readonly type!: 'reasoning';

  @Field(() => Int, { description: SEQUENCE })
  readonly sequence!: number;

  @Field(() => String, { description: 'The thoughts that follow what came before; never empty.' })
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

  @Field(() => Generation, { nullable: true, description: GENERATION })
  readonly generation?: Generation | null;

  readonly messageId!: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'The end of an answer that was cut short. The last event.' })
export class ReplyFailed {
  readonly type!: 'failed';

  @Field(() => Int, { description: SEQUENCE })
  readonly sequence!: number;

  @Field(() => String, {
    description:
      '`STOPPED`, `UPSTREAM_FAILED`, `INTERRUPTED`, `DELETED`, `TOOLS_UNANSWERED`, `QUOTA_EXCEEDED` or `INTERNAL_SERVER_ERROR`.',
  })
  readonly code!: string;

  @Field(() => String, { description: 'What happened, for a person.' })
  readonly reason!: string;

  @Field(() => String, { description: 'What had come before the failure.' })
  readonly partial!: string;

  @Field(() => Generation, { nullable: true, description: GENERATION })
  readonly generation?: Generation | null;

  readonly messageId!: string | null;
}

const REPLY_EVENT_TYPES = {
  delta: 'ReplyDelta',
  reasoning: 'ReplyReasoning',
  'tool-call': 'ReplyToolCall',
  'tool-result': 'ReplyToolResult',
  completed: 'ReplyCompleted',
  failed: 'ReplyFailed',
} as const;

export const ReplyEvent = createUnionType({
  name: 'ReplyEvent',
  description:
    'What a reply streams: deltas, reasoning, calls of tools and their results, then exactly one ReplyCompleted or ReplyFailed. After calls that the client answers, nothing comes until it has.',
  types: () => [ReplyDelta, ReplyReasoning, ReplyToolCall, ReplyToolResult, ReplyCompleted, ReplyFailed] as const,
  resolveType: (event) => REPLY_EVENT_TYPES[event.type],
});

@InputType({ description: 'A question to the model.' })
export class ChatInput extends ModelChoice {
  @Field(() => String, { description: `The question; at most ${figure(MAX_QUESTION_LENGTH)} characters.` })
  readonly message!: string;

  @Field(() => ID, {
    nullable: true,
    description: "One of the caller's conversations: the model remembers it, and question and answer are stored in it.",
  })
  readonly conversationId?: string | null;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: true,
    description:
      'What stays in the conversation when the model fails before any text: the question and an empty reply, FAILED. With false neither, so that the question can be asked again.',
  })
  readonly keepUnanswered?: boolean | null;

  @Field(() => ID, { nullable: true, description: EXPECTED_LEAF })
  readonly expectedLeafId?: string | null;

  @Field(() => [ID], { nullable: true, description: IMAGES })
  readonly images?: string[] | null;

  @Field(() => [ToolInput], { nullable: true, description: `${TOOLS} Only with a conversation.` })
  readonly tools?: ToolInput[] | null;

  @Field(() => ResponseFormatInput, { nullable: true, description: RESPONSE_FORMAT })
  readonly responseFormat?: ResponseFormatInput | null;
}

@InputType({ description: 'A message for a conversation, and whether the model is to answer it.' })
export class CreateMessageInput extends ModelChoice {
  @Field(() => ID)
  readonly conversationId!: string;

  @Field(() => GraphQLJSONObject, {
    description: `Text stands in \`text\`; other keys are kept as sent. At most ${figure(MAX_CONTENT_BYTES)} bytes as JSON; to ask the model, \`text\` must not be blank and has at most ${figure(MAX_QUESTION_LENGTH)} characters; without \`text\`, the model gets the content as JSON, of as many characters.`,
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

  @Field(() => ID, { nullable: true, description: EXPECTED_LEAF })
  readonly expectedLeafId?: string | null;

  @Field(() => [ID], { nullable: true, description: IMAGES })
  readonly images?: string[] | null;

  @Field(() => [ToolInput], { nullable: true, description: TOOLS })
  readonly tools?: ToolInput[] | null;

  @Field(() => ResponseFormatInput, { nullable: true, description: RESPONSE_FORMAT })
  readonly responseFormat?: ResponseFormatInput | null;
}

@InputType({ description: 'Another version of a message, and whether the model is to answer it.' })
export class EditMessageInput extends ModelChoice {
  @Field(() => GraphQLJSONObject, { description: 'As of `createMessage`.' })
  readonly content!: MessageContent;

  @Field(() => GraphQLJSONObject, {
    nullable: true,
    description: `Your own data; at most ${figure(MAX_CONTENT_BYTES)} bytes as JSON. That of the message, where it is left out.`,
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

  @Field(() => ID, { nullable: true, description: EXPECTED_LEAF })
  readonly expectedLeafId?: string | null;

  @Field(() => [ID], { nullable: true, description: `${IMAGES} ${AS_BEFORE}` })
  readonly images?: string[] | null;

  @Field(() => [ToolInput], { nullable: true, description: `${TOOLS} ${AS_BEFORE}` })
  readonly tools?: ToolInput[] | null;

  @Field(() => ResponseFormatInput, { nullable: true, description: RESPONSE_FORMAT })
  readonly responseFormat?: ResponseFormatInput | null;
}

@ArgsType()
export class Regeneration {
  @Field(() => ID, { description: 'The reply, or the question that it answers.' })
  readonly messageId!: string;

  @Field(() => Boolean, {
    nullable: true,
    defaultValue: false,
    description: 'Answers only when the reply has ended, complete or not: see its `status`.',
  })
  readonly waitForReply?: boolean | null;

  @Field(() => ID, { nullable: true, description: EXPECTED_LEAF })
  readonly expectedLeafId?: string | null;

  @Field(() => String, { nullable: true, description: MODEL_CHOICE })
  readonly model?: string | null;
}

@ArgsType()
export class ReplyPosition {
  @Field(() => ID)
  readonly messageId!: string;

  @Field(() => Int, { nullable: true, defaultValue: 0, description: 'The last `sequence` that was seen.' })
  readonly after!: number;
}
