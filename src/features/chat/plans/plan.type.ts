import { Field, ID, Int, ObjectType } from 'type-graphql';
import { Node } from '../../../graphql/node.js';
import { ReadableBy } from '../../../graphql/token-access.js';
import { RestHidden } from '../../../rest/field.js';
import type { Plan as PlanRow } from './plan.js';

@ReadableBy('any')
@ObjectType('Plan', {
  implements: Node,
  simpleResolvers: true,
  description: 'What a user may use. Plans are configuration.',
})
export class Plan implements Omit<PlanRow, 'name'> {
  @RestHidden()
  @Field(() => ID, { description: 'The name of the plan, as `free`.' })
  readonly id!: string;

  @RestHidden()
  @Field(() => String, { description: 'The same as `id`.' })
  readonly name!: string;

  @Field(() => Int, { description: "In the currency's major unit." })
  readonly price!: number;

  @Field(() => Int, { description: 'Messages and chats that may be sent on a UTC day.' })
  readonly dailyMessages!: number;

  @Field(() => Int, { description: 'Tokens a UTC day, of prompts and answers together.' })
  readonly dailyTokens!: number;

  @Field(() => Int, { description: 'Conversations that a user may have at a time.' })
  readonly maxConversations!: number;

  @Field(() => Int, { description: 'Uploaded files that a user may have at a time.' })
  readonly maxFileUploads!: number;
}

@ObjectType({ simpleResolvers: true, description: 'The plan that the caller has now.' })
export class ChangePlanResult {
  @Field(() => Boolean, { description: 'False when the user had this plan already.' })
  readonly changed!: boolean;

  @Field(() => Plan)
  readonly plan!: Plan;
}

/** Converts a plan to its GraphQL type, which also has the id as its `name`. */
export function toPlan(plan: PlanRow): Plan {
  return { ...plan, name: plan.id };
}
