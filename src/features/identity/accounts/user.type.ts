import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { Node } from '../../../graphql/node.js';
import type { RestError } from '../../../rest/answers.js';
import { RestField, RestHidden } from '../../../rest/field.js';
import type { NewUser, UserChanges, UserRow } from './user.js';

@ObjectType('User', {
  implements: Node,
  simpleResolvers: true,
  description: 'An account. Seen by its user and by admins; a password is never in it.',
})
export class User implements Omit<UserRow, 'plan'> {
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

const EMAIL = 'At most 254 characters. Unique among accounts without regard to case.';
const PHONE_NUMBER =
  'Digits with an optional leading `+`, and the spaces, dots, dashes and brackets that people write.';
const PROVIDER = 'How the account came to be, as `email`. From 1 to 64 characters.';
const PROVIDER_ID = "The provider's own id of the user. At most 255 characters.";
const PROFILE = 'What the client wants to keep about the user. At most 16,384 bytes as JSON, 32 levels deep.';
const PASSWORD = 'From 8 to 256 characters, and none of the passwords that most people have.';
const PLAN = 'The name of a plan.';
/** Of the fields that a user sees and only an admin sets. */
const guarded = (most: string) => `${most} For admins: another value from anyone else is FORBIDDEN.`;

@InputType({ description: 'A new account. A field left out or null gets its default.' })
export class CreateUserInput implements NewUser {
  @Field(() => String, { description: PROVIDER })
  readonly provider!: string;

  @Field(() => String, { description: PASSWORD })
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

  @Field(() => String, { nullable: true, description: `${PASSWORD} Ends the user's other sessions. Not null.` })
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
}

export const ADMINS_ONLY: RestError = { code: 'FORBIDDEN', message: 'Admin privileges required' };
export const NO_SUCH_USER: RestError = { code: 'NOT_FOUND', message: 'User not found' };
export const USER_EXISTS: RestError = {
  code: 'CONFLICT',
  status: 400,
  message: 'User already exists',
  insteadOf: 'User already exists',
};
export const LAST_ADMIN: RestError = {
  code: 'CONFLICT',
  message: 'This is the last admin; make another user an admin first',
};
export const MISSING_ADMIN_HEADER: RestError = {
  code: 'UNAUTHENTICATED',
  message: 'Missing admin header',
  insteadOf: 'Missing credentials',
};
/** Of the routes below `/admin`. */
export const ADMIN_ERRORS: readonly RestError[] = [
  MISSING_ADMIN_HEADER,
  { ...ADMINS_ONLY, insteadOf: 'Forbidden' },
  ADMINS_ONLY,
];
