import { GraphQLDateTime } from 'graphql-scalars';
import { Field, ID, InputType, Int, ObjectType } from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { figure } from '../../../kernel/figures.js';
import { MAX_EMAIL_LENGTH } from '../../../kernel/rules.js';
import { RestField } from '../../../rest/field.js';
import { DEFAULT_DAYS, MAX_DAYS, MAX_USES, type InvitationRow } from './invitation.js';
import type { InvitationRequest } from './invitations.service.js';

@ObjectType({ simpleResolvers: true, description: 'Lets whoever has its code make an account. Seen by admins.' })
export class Invitation implements InvitationRow {
  @RestField({ name: 'invitation_id' })
  @Field(() => ID)
  readonly id!: string;

  @Field(() => String, { nullable: true, description: 'The one e-mail address that may use it; null for any.' })
  readonly email!: string | null;

  @RestField({ value: { type: 'String', from: (row: { readonly plan: string | null }) => row.plan } })
  @Field(() => ID, { nullable: true, description: 'The plan of the accounts made with it; null for the default one.' })
  readonly plan!: string | null;

  @Field(() => Int, { description: 'How many accounts may be made with it.' })
  readonly maxUses!: number;

  @Field(() => Int, { description: 'How many accounts were made with it.' })
  readonly uses!: number;

  @Field(() => GraphQLDateTime)
  readonly expiresAt!: Date;

  @Field(() => GraphQLDateTime, { nullable: true, description: 'Null while it is not revoked.' })
  readonly revokedAt!: Date | null;

  @Field(() => GraphQLDateTime)
  readonly createdAt!: Date;

  @Field(() => String, {
    nullable: true,
    description: 'What a new user sends as `invitation`. Only in the answer of `createInvitation`, null ever after.',
  })
  readonly code?: string | null;
}

export const InvitationConnection = connectionType(Invitation, 'Invitation');

@InputType({ description: 'A new invitation. A field left out or null gets its default.' })
export class CreateInvitationInput implements InvitationRequest {
  @Field(() => String, {
    nullable: true,
    description: `The one address that may use it, which it is mailed to. At most ${MAX_EMAIL_LENGTH} characters. Anyone by default.`,
  })
  readonly email?: string | null;

  @Field(() => ID, { nullable: true, description: 'The name of a plan. The first of `plans` by default.' })
  readonly plan?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: `How many accounts may be made with it, from 1 to ${figure(MAX_USES)}; 1 by default, and for an address.`,
  })
  readonly uses?: number | null;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: `At most ${MAX_DAYS} days away; in ${DEFAULT_DAYS} days by default.`,
  })
  readonly expiresAt?: Date | null;
}
