import { GraphQLDateTime } from 'graphql-scalars';
import { Field, Int, ObjectType } from 'type-graphql';
import { ReadableBy } from '../../../graphql/token-access.js';
import type { LimitState, UserLimitsRow } from './limits.js';

@ObjectType({ simpleResolvers: true, description: "How much of one of the plan's limits is used." })
class UserLimit implements LimitState {
  @Field(() => Int, { description: 'What is used; running replies with all that they reserved.' })
  readonly used!: number;

  @Field(() => Int, { description: 'What the plan allows.' })
  readonly limit!: number;

  @Field(() => Int, { description: 'What is left.' })
  readonly remaining!: number;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: 'When it is whole again: for what counts by day, the end of the UTC day. Null for the others.',
  })
  readonly resetsAt!: Date | null;
}

@ReadableBy('usage:read')
@ObjectType({ simpleResolvers: true, description: "The limits of a user's plan, and how much of them is used." })
export class UserLimits implements UserLimitsRow {
  @Field(() => UserLimit, { description: 'Messages and chats of this UTC day.' })
  readonly messages!: LimitState;

  @Field(() => UserLimit, { description: 'Tokens of prompts and answers of this UTC day.' })
  readonly tokens!: LimitState;

  @Field(() => UserLimit, { description: 'Conversations that there are.' })
  readonly conversations!: LimitState;

  @Field(() => UserLimit, { description: 'Files that there are, with uploads under way.' })
  readonly uploads!: LimitState;
}
