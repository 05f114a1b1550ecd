import { GraphQLJSONObject } from 'graphql-scalars';
import { ArgsType, Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { figure } from '../../../kernel/figures.js';
import { SEQUENCE_DESCRIPTION as SEQUENCE } from './replies.descriptions.js';
import { MAX_CALLS, MAX_RESULT_LENGTH, MAX_TOOL_DESCRIPTION_LENGTH, MAX_TOOLS_BYTES } from './tools.js';

const SERVER =
  'The tool server that the service calls for it. Null for a tool of the question, which the client answers with `submitToolResults`; empty for a tool that does not exist, of which the model is told.';
const ARGUMENTS = 'As the model wrote them: JSON, if it keeps to that.';
const OUTPUT = 'What the tool answered. Null for an error.';
const ERROR = 'What went wrong, as the model is told. Null for an output.';

@ObjectType({ simpleResolvers: true, description: 'The model calls a tool.' })
export class ReplyToolCall {
  readonly type!: 'tool-call';

  @Field(() => Int, { description: SEQUENCE })
  readonly sequence!: number;

  @Field(() => String, { description: 'Unique in the reply: `callId` of the result.' })
  readonly id!: string;

  @Field(() => String)
  readonly name!: string;

  @Field(() => String, { description: ARGUMENTS })
  readonly arguments!: string;

  @Field(() => String, { nullable: true, description: SERVER })
  readonly server!: string | null;
}

@ObjectType({ simpleResolvers: true, description: 'The result of a call has come. The reply goes on when all have.' })
export class ReplyToolResult {
  readonly type!: 'tool-result';

  @Field(() => Int, { description: SEQUENCE })
  readonly sequence!: number;

  @Field(() => String, { description: '`id` of the ReplyToolCall.' })
  readonly callId!: string;

  @Field(() => String, { nullable: true, description: OUTPUT })
  readonly output!: string | null;

  @Field(() => String, { nullable: true, description: ERROR })
  readonly error!: string | null;
}

@InputType({ description: 'A function that the model may call; the client answers it with `submitToolResults`.' })
export class ToolInput {
  @Field(() => String, { description: 'From 1 to 64 letters, digits, dashes or underscores, without `__`.' })
  readonly name!: string;

  @Field(() => String, {
    nullable: true,
    description: `What it does, for the model; at most ${figure(MAX_TOOL_DESCRIPTION_LENGTH)} characters.`,
  })
  readonly description?: string | null;

  @Field(() => GraphQLJSONObject, {
    nullable: true,
    description: `JSON Schema of its arguments, an object; at most ${figure(MAX_TOOLS_BYTES)} bytes as JSON, all tools together.`,
  })
  readonly parameters?: Readonly<Record<string, unknown>> | null;
}

@InputType({ description: 'The form of the answer. The model is held to it by its provider, as far as that can.' })
export class ResponseFormatInput {
  @Field(() => String, { description: '`text`, `json_object` or `json_schema`.' })
  readonly type!: string;

  @Field(() => String, {
    nullable: true,
    description: 'For `json_schema`: from 1 to 64 letters, digits, dashes or underscores; `answer` by default.',
  })
  readonly name?: string | null;

  @Field(() => GraphQLJSONObject, {
    nullable: true,
    description: `For \`json_schema\`, where it is required: a JSON Schema of at most ${figure(MAX_TOOLS_BYTES)} bytes.`,
  })
  readonly schema?: Readonly<Record<string, unknown>> | null;

  @Field(() => Boolean, {
    nullable: true,
    description: 'For `json_schema`: whether the answer must keep to the schema to the letter. True by default.',
  })
  readonly strict?: boolean | null;
}

@InputType({ description: 'The result of a call, with either an output or an error.' })
export class ToolResultInput {
  @Field(() => String, { description: '`id` of the call.' })
  readonly callId!: string;

  @Field(() => String, {
    nullable: true,
    description: `What the tool answered, for the model; at most ${figure(MAX_RESULT_LENGTH)} characters.`,
  })
  readonly output?: string | null;

  @Field(() => String, {
    nullable: true,
    description: `What went wrong; at most ${figure(MAX_RESULT_LENGTH)} characters.`,
  })
  readonly error?: string | null;
}

@ArgsType()
export class ToolResults {
  @Field(() => ID, { description: 'The reply that called the tools.' })
  readonly messageId!: string;

  @Field(() => [ToolResultInput], {
    description: `The result of each call that waits: from 1 to ${MAX_CALLS}.`,
  })
  readonly results!: ToolResultInput[];
}
