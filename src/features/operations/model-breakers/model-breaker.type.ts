import { GraphQLDateTime } from 'graphql-scalars';
import { Field, Int, ObjectType, registerEnumType } from 'type-graphql';
import type * as breaker from '../../../kernel/circuit-breaker.js';
import { RestField } from '../../../rest/field.js';
import type { ModelBreakerRow } from './model-breaker.js';

const BreakerState = {
  CLOSED: 'CLOSED',
  OPEN: 'OPEN',
  HALF_OPEN: 'HALF_OPEN',
} as const satisfies Record<breaker.BreakerState, breaker.BreakerState>;
registerEnumType(BreakerState, {
  name: 'BreakerState',
  description: "Whether a model's provider is asked.",
  valuesConfig: {
    CLOSED: { description: 'It is.' },
    OPEN: { description: 'It has failed, and is left alone: questions go to the fallback, or fail at once.' },
    HALF_OPEN: {
      description: 'The next question finds out whether it answers again; others go on as while it is OPEN.',
    },
  },
});

@ObjectType('ModelBreaker', {
  simpleResolvers: true,
  description:
    'Whether the provider of a model is asked by this instance. Each instance of the service finds out by itself.',
})
export class ModelBreaker implements ModelBreakerRow {
  @Field(() => String, { description: 'The name of the model.' })
  readonly model!: string;

  @Field(() => String, { description: 'Which model of which provider it is, as `gpt-4o-mini at api.openai.com`.' })
  readonly provider!: string;

  @RestField({
    name: 'state',
    value: { type: 'String!', from: ({ state }: Pick<ModelBreakerRow, 'state'>) => state.toLowerCase() },
  })
  @Field(() => BreakerState)
  readonly state!: breaker.BreakerState;

  @Field(() => Int, { description: 'Failed tries since the last answer.' })
  readonly failures!: number;

  @Field(() => GraphQLDateTime, { nullable: true, description: 'When it was left alone. Null while it is CLOSED.' })
  readonly openedAt!: Date | null;

  @Field(() => GraphQLDateTime, { nullable: true, description: 'When it is asked again. Null while it is CLOSED.' })
  readonly retryAt!: Date | null;

  @Field(() => String, {
    nullable: true,
    description: 'What the last failure was; `modelFailures` tells more. Null before the first.',
  })
  readonly lastFailure!: string | null;
}
