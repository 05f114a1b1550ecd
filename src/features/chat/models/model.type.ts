import { Field, InputType, Int, ObjectType, registerEnumType } from 'type-graphql';
import { RestField } from '../../../rest/field.js';
import type * as generation from './generation.js';
import { MAX_MODEL_NAME_LENGTH, type ModelChoice as Choice } from './model.js';
import type { ModelPrice as Price } from './price.js';

const MILLION = 'For a million tokens, in whole units of the currency, as a decimal: `0.15`.';

@ObjectType('ModelPrice', {
  simpleResolvers: true,
  description: 'What a model costs. Prices are exact: nothing is rounded.',
})
class ModelPrice implements Price {
  @Field(() => String, { description: `Of the prompt. ${MILLION}` })
  readonly prompt!: string;

  @Field(() => String, { description: `Of what the provider had cached of the prompt. ${MILLION}` })
  readonly cached!: string;

  @Field(() => String, { description: `Of the answer, with the model's reasoning. ${MILLION}` })
  readonly completion!: string;

  @Field(() => String, { description: 'The code of the currency by ISO 4217, as `USD`.' })
  readonly currency!: string;
}

@ObjectType('Model', { simpleResolvers: true, description: 'A model that can be asked. Models are configuration.' })
export class Model {
  @Field(() => String, { description: 'By which it is asked for, as `fast`.' })
  readonly name!: string;

  @Field(() => Boolean, {
    description: "Whether the caller's plan may use it. Asking it all the same is QUOTA_EXCEEDED `Upgrade required`.",
  })
  readonly isAllowed!: boolean;

  @Field(() => Boolean, { description: 'Whether it is asked when the caller names none.' })
  readonly isDefault!: boolean;

  @Field(() => Int, {
    description: 'Tokens of prompt and answer together, at most: older messages are left out of a prompt.',
  })
  readonly contextTokens!: number;

  @Field(() => Int, { description: 'Tokens of an answer, at most.' })
  readonly maxReplyTokens!: number;

  @Field(() => Boolean, { description: 'Whether it takes images.' })
  readonly takesImages!: boolean;

  @Field(() => Boolean, { description: 'Whether it takes tools.' })
  readonly takesTools!: boolean;

  @Field(() => ModelPrice, { nullable: true, description: 'Null where it has none: then answers have no cost.' })
  readonly price!: ModelPrice | null;

  @Field(() => String, {
    nullable: true,
    description: "The name of the model that answers while this one's provider fails. Null where there is none.",
  })
  readonly fallback!: string | null;
}

const FinishReason = {
  STOP: 'STOP',
  LENGTH: 'LENGTH',
  CONTENT_FILTER: 'CONTENT_FILTER',
  TOOL_CALLS: 'TOOL_CALLS',
  OTHER: 'OTHER',
  STOPPED: 'STOPPED',
  FAILED: 'FAILED',
  INTERRUPTED: 'INTERRUPTED',
} as const satisfies Record<generation.FinishReason, generation.FinishReason>;
registerEnumType(FinishReason, {
  name: 'FinishReason',
  description: 'Why the model wrote no further.',
  valuesConfig: {
    STOP: { description: 'It had said what it had to say.' },
    LENGTH: { description: 'The answer reached its greatest length, or what the plan had left.' },
    CONTENT_FILTER: { description: "The provider's filter ended it." },
    TOOL_CALLS: { description: 'It asks for tools.' },
    OTHER: { description: 'The provider gave another reason.' },
    STOPPED: { description: 'It was stopped: by the user, or since the question is gone.' },
    FAILED: { description: 'The provider, or the service, failed.' },
    INTERRUPTED: { description: 'The service ended before the answer did, or the message was deleted.' },
  },
});

@ObjectType('Generation', {
  simpleResolvers: true,
  description: 'How an answer of the model came to be. Figures are null until it has ended.',
})
export class Generation implements generation.Generation {
  @Field(() => String, { description: 'The name of the model that writes, or wrote.' })
  readonly model!: string;

  @Field(() => String, {
    description: 'The name of the model that was asked for: another one than `model` where a fallback writes.',
  })
  readonly requestedModel!: string;

  @Field(() => Int, { nullable: true, description: 'Tokens of the prompt.' })
  readonly promptTokens!: number | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Of `promptTokens`, those that the provider had cached. Null also where it did not say.',
  })
  readonly cachedTokens!: number | null;

  @Field(() => Int, { nullable: true, description: "Tokens of the answer, with the model's reasoning." })
  readonly completionTokens!: number | null;

  @Field(() => Int, {
    nullable: true,
    description: "Of `completionTokens`, those of the model's reasoning. Null also where the provider did not say.",
  })
  readonly reasoningTokens!: number | null;

  @Field(() => String, {
    nullable: true,
    description:
      "What it cost, exactly, in whole units of the currency of the model's price, as a decimal: `0.00002145`. Null also where the model has no price.",
  })
  readonly cost!: string | null;

  @Field(() => Int, {
    nullable: true,
    description: 'Milliseconds from the question to the first text. Null also where none came.',
  })
  readonly firstTextMs!: number | null;

  @RestField({
    name: 'finish_reason',
    value: {
      type: 'String',
      from: ({ finishReason }: Pick<generation.Generation, 'finishReason'>) => finishReason?.toLowerCase() ?? null,
    },
  })
  @Field(() => FinishReason, { nullable: true, description: 'Why it ended.' })
  readonly finishReason!: generation.FinishReason | null;
}

export const MODEL_CHOICE = `The name of the model to ask, at most ${MAX_MODEL_NAME_LENGTH} characters: see \`models\`. By default the conversation's, and where that has none the default one. BAD_USER_INPUT for an unknown one, QUOTA_EXCEEDED \`Upgrade required\` for one that is not in the caller's plan.`;

/** Fields of every input that asks the model. */
@InputType()
export abstract class ModelChoice implements Choice {
  @Field(() => String, { nullable: true, description: MODEL_CHOICE })
  readonly model?: string | null;
}
