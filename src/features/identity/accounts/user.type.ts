import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import { ArgsType, Field, ID, InputType, ObjectType } from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { Node } from '../../../graphql/node.js';
import { ReadableBy } from '../../../graphql/token-access.js';
import { OffsetPage } from '../../../graphql/page-arguments.js';
import { figure } from '../../../kernel/figures.js';
import { MAX_EMAIL_LENGTH, MAX_JSON_DEPTH } from '../../../kernel/rules.js';
import { RestField, RestHidden } from '../../../rest/field.js';
import {
  MAX_PASSWORD_LENGTH,
  MAX_PROOF_LENGTH,
  MAX_PROFILE_BYTES,
  MAX_PROVIDER_ID_LENGTH,
  MAX_PROVIDER_LENGTH,
  MAX_SEARCH_LENGTH,
  MIN_PASSWORD_LENGTH,
} from './accounts.rules.js';
import type { NewUser, UserChanges, UserRow } from './user.js';

@ReadableBy('account:read')
@ObjectType('User', {
  implements: Node,
  simpleResolvers: true,
  description: 'An account. Seen by its user and by admins; a password is never in it.',
})
export class User implements Omit<UserRow, 'plan' | 'mailboxProvenAt'> {
  @RestField({ name: 'user_id' })
  @Field(() => ID)
  readonly id!: string;

  @Field(() => String, {
    nullable: true,
    description: 'Unique among accounts without regard to case. Null when none was given.',
  })
  readonly email!: string | null;

  @Field(() => String, { nullable: true, description: 'As it was written. Null when none was given.' })
  readonly phoneNumber!: string | null;

  @Field(() => String, { description: 'How the account came to be, as `email`; what the client said.' })
  readonly provider!: string;

  @Field(() => String, { nullable: true, description: "The provider's own id of the user. Null when none was given." })
  readonly providerId!: string | null;

  @Field(() => Boolean, {
    description: 'Whether the e-mail address is known to be theirs. Another address is not verified.',
  })
  readonly isVerified!: boolean;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: 'Since when they are verified. Null when they are not.',
  })
  readonly verifiedAt!: Date | null;

  @Field(() => GraphQLJSONObject, { description: 'What the client keeps about the user; `{}` by default.' })
  readonly profile!: Readonly<Record<string, unknown>>;

  @Field(() => Boolean, {
    description: 'False after an admin switched the account off, and in the answer to its deletion.',
  })
  readonly isActive!: boolean;

  @Field(() => Boolean, {
    description: 'Whether an admin has suspended the account. It is refused everything meanwhile.',
  })
  readonly isSuspended!: boolean;

  @Field(() => Boolean)
  readonly isAdmin!: boolean;

  @Field(() => GraphQLDateTime, { nullable: true, description: 'Null before the first login.' })
  readonly lastLogin!: Date | null;

  @RestHidden()
  @Field(() => GraphQLDateTime)
  readonly createdAt!: Date;

  @RestHidden()
  @Field(() => GraphQLDateTime)
  readonly updatedAt!: Date;
}

export const UserConnection = connectionType(User, 'User');

const EMAIL = `At most ${MAX_EMAIL_LENGTH} characters. Unique among accounts without regard to case.`;
const PHONE_NUMBER =
  'Digits with an optional leading `+`, and the spaces, dots, dashes and brackets that people write.';
const PROVIDER = `How the account came to be, as \`email\`. From 1 to ${MAX_PROVIDER_LENGTH} characters.`;
const PROVIDER_ID = `The provider's own id of the user. At most ${MAX_PROVIDER_ID_LENGTH} characters.`;
const PROFILE = `What the client wants to keep about the user. At most ${figure(MAX_PROFILE_BYTES)} bytes as JSON, ${MAX_JSON_DEPTH} levels deep.`;
export const PASSWORD_DESCRIPTION = `From ${MIN_PASSWORD_LENGTH} to ${MAX_PASSWORD_LENGTH} characters, and none of the passwords that most people have.`;
const PLAN = 'The name of a plan.';
/** Description of a field that users see and only admins set. */
const guarded = (description: string) => `${description} For admins: another value from anyone else is FORBIDDEN.`;

@InputType({ description: 'A new account. A field left out or null gets its default.' })
export class CreateUserInput implements NewUser {
  @Field(() => String, { description: PROVIDER })
  readonly provider!: string;

  @Field(() => String, { description: PASSWORD_DESCRIPTION })
  readonly password!: string;

  @Field(() => String, { nullable: true, description: `${EMAIL} Needed to log in with.` })
  readonly email?: string | null;

  @Field(() => String, { nullable: true, description: PHONE_NUMBER })
  readonly phoneNumber?: string | null;

  @Field(() => String, { nullable: true, description: PROVIDER_ID })
  readonly providerId?: string | null;

  @Field(() => GraphQLJSONObject, { nullable: true, description: `${PROFILE} \`{}\` by default.` })
  readonly profile?: Readonly<Record<string, unknown>> | null;

  @Field(() => Boolean, { nullable: true, description: guarded('False by default.') })
  readonly isVerified?: boolean | null;

  @Field(() => Boolean, { nullable: true, description: guarded('True by default.') })
  readonly isActive?: boolean | null;

  @Field(() => Boolean, { nullable: true, description: guarded('False by default.') })
  readonly isSuspended?: boolean | null;

  @Field(() => Boolean, { nullable: true, description: guarded('False by default.') })
  readonly isAdmin?: boolean | null;

  @Field(() => ID, { nullable: true, description: guarded(`${PLAN} The first of \`plans\` by default.`) })
  readonly plan?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The code of an invitation, where sign-up needs one (`SIGN_UP`). Admins need none. At most 100 characters.',
  })
  readonly invitation?: string | null;
}

@InputType({
  description: 'Changes of an account. A field left out stays as it is; null clears it where the type allows.',
})
export class UpdateUserInput implements UserChanges {
  @Field(() => String, {
    nullable: true,
    description: `${EMAIL} Another address is not verified, unless an admin sends \`isVerified\` with it.`,
  })
  readonly email?: string | null;

  @Field(() => String, { nullable: true, description: PHONE_NUMBER })
  readonly phoneNumber?: string | null;

  @Field(() => String, { nullable: true, description: `${PROVIDER} Not null.` })
  readonly provider?: string;

  @Field(() => String, { nullable: true, description: PROVIDER_ID })
  readonly providerId?: string | null;

  @Field(() => GraphQLJSONObject, { nullable: true, description: `Replaces the whole profile. ${PROFILE} Not null.` })
  readonly profile?: Readonly<Record<string, unknown>>;

  @Field(() => String, {
    nullable: true,
    description: `${PASSWORD_DESCRIPTION} Ends the user's other sessions. Not null.`,
  })
  readonly password?: string;

  @Field(() => Boolean, { nullable: true, description: guarded('Sets or clears `verifiedAt` as well. Not null.') })
  readonly isVerified?: boolean;

  @Field(() => GraphQLDateTime, { nullable: true, description: guarded('Without `isVerified`, sets that as well.') })
  readonly verifiedAt?: Date | null;

  @Field(() => Boolean, { nullable: true, description: guarded("False ends the user's sessions. Not null.") })
  readonly isActive?: boolean;

  @Field(() => Boolean, { nullable: true, description: guarded("True ends the user's sessions. Not null.") })
  readonly isSuspended?: boolean;

  @Field(() => Boolean, { nullable: true, description: guarded('The last admin stays one. Not null.') })
  readonly isAdmin?: boolean;

  @Field(() => ID, { nullable: true, description: guarded(`${PLAN} Not null.`) })
  readonly plan?: string;

  @Field(() => String, {
    nullable: true,
    description: `Needed to change one's own password or e-mail address while a second factor is on: a code of the authenticator app, or a recovery code. At most ${MAX_PROOF_LENGTH} characters.`,
  })
  readonly code?: string | null;
}

@ArgsType()
export class UserList extends OffsetPage {
  @Field(() => String, {
    nullable: true,
    description: `Part of the e-mail address or the phone number, in any case. At most ${MAX_SEARCH_LENGTH} characters.`,
  })
  readonly search!: string | null;
}
