import { GraphQLDateTime } from 'graphql-scalars';
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { RestField } from '../../../rest/field.js';
import type { CorrectionRequest, UsageCorrectionRow } from './usage-correction.js';

@InputType({ description: 'At least one of `messages` and `tokens`.' })
export class UsageCorrectionInput implements CorrectionRequest {
  @Field(() => Int, { nullable: true, description: 'Added to the messages of today; negative to give back.' })
  readonly messages!: number | null;

  @Field(() => Int, { nullable: true, description: 'Added to the tokens of today; negative to give back.' })
  readonly tokens!: number | null;

  @Field(() => String, { description: 'Why: for admins, and not shown to the user.' })
  readonly reason!: string;
}

@ObjectType('UsageCorrection', {
  simpleResolvers: true,
  description: 'A change that an admin made of what a user has used of a day.',
})
export class UsageCorrection implements UsageCorrectionRow {
  @RestField({ name: 'entry_id' })
  @Field(() => ID, { description: "That of the line in the user's ledger." })
  readonly id!: string;

  @Field(() => ID, { description: 'Whose usage it is.' })
  readonly userId!: string;

  @Field(() => ID, { nullable: true, description: 'Who made it. Null for the command line.' })
  readonly adminId!: string | null;

  @Field(() => Int, { description: 'Added to the messages of the day; negative: given back.' })
  readonly messages!: number;

  @Field(() => Int, { description: 'Added to the tokens of the day; negative: given back.' })
  readonly tokens!: number;

  @Field(() => String)
  readonly reason!: string;

  @Field(() => GraphQLDateTime)
  readonly createdAt!: Date;
}

export const UsageCorrectionConnection = connectionType(UsageCorrection, 'UsageCorrection');
