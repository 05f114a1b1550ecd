import { GraphQLDateTime } from 'graphql-scalars';
import { Field, ID, Int, ObjectType } from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { RestField } from '../../../rest/field.js';
import type { ModelFailureRow } from './model-failure.js';

@ObjectType('ModelFailure', {
  simpleResolvers: true,
  description: "A question that the model's provider did not answer, or not to the end.",
})
export class ModelFailure implements ModelFailureRow {
  @RestField({ name: 'failure_id' })
  @Field(() => ID)
  readonly id!: string;

  @Field(() => String, {
    nullable: true,
    description: "The id of the client's request, which the log has too. Null where it is not known.",
  })
  readonly requestId!: string | null;

  @Field(() => ID, { nullable: true, description: 'The reply, deleted or not. Null for a chat that stores nothing.' })
  readonly messageId!: string | null;

  @Field(() => String, { description: 'What the client was told, unless a fallback answered.' })
  readonly reason!: string;

  @Field(() => String, {
    nullable: true,
    description: 'The name of the model that was asked. Null in failures from before this was kept.',
  })
  readonly model!: string | null;

  @Field(() => Int, { nullable: true, description: "The HTTP status of the provider's answer. Null where none came." })
  readonly status!: number | null;

  @Field(() => String, {
    nullable: true,
    description: 'By which the provider knows the request. Null when it did not say.',
  })
  readonly providerRequestId!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The code of a network error, such as `ECONNREFUSED`. Null where there was none.',
  })
  readonly network!: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      "The provider's own message, at most 500 characters, without keys and without what it repeats of the prompt. Null where it sent none.",
  })
  readonly providerMessage!: string | null;

  @Field(() => GraphQLDateTime)
  readonly createdAt!: Date;
}

export const ModelFailureConnection = connectionType(ModelFailure, 'ModelFailure');
