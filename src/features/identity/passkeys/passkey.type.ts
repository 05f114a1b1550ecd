import { GraphQLDateTime, GraphQLJSONObject } from 'graphql-scalars';
import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { Node } from '../../../graphql/node.js';
import { figure } from '../../../kernel/figures.js';
import { RestField } from '../../../rest/field.js';
import { MAX_PASSWORD_LENGTH } from '../accounts/accounts.rules.js';
import { MAX_ANSWER_BYTES, MAX_NAME_LENGTH, type PasskeyRow, type RegistrationAnswer } from './passkey.js';

@ObjectType('Passkey', {
  implements: Node,
  simpleResolvers: true,
  description:
    'What an authenticator of the user holds (WebAuthn): it logs in without a password, and without a second factor.',
})
export class Passkey implements PasskeyRow {
  @RestField({ name: 'passkey_id' })
  @Field(() => ID)
  readonly id!: string;

  @Field(() => String, { description: `What its user calls it, from 1 to ${MAX_NAME_LENGTH} characters.` })
  readonly name!: string;

  @Field(() => Boolean, {
    description:
      'Whether its authenticator keeps copies elsewhere, as phones do. One that is not is lost with its device.',
  })
  readonly isBackedUp!: boolean;

  @Field(() => GraphQLDateTime)
  readonly createdAt!: Date;

  @Field(() => GraphQLDateTime, { nullable: true, description: 'The latest login with it. Null before the first.' })
  readonly lastUsedAt!: Date | null;
}

@InputType({ description: 'The proof that it is the caller who adds a passkey.' })
export class StartPasskeyRegistrationInput {
  @Field(() => String, {
    nullable: true,
    description: `The present password. Only a user who has none may leave it out. At most ${MAX_PASSWORD_LENGTH} characters.`,
  })
  readonly password!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Needed while a second factor is on: a code of the authenticator app, or a recovery code.',
  })
  readonly code!: string | null;
}

@InputType({ description: "What the browser's authenticator answered, and a name for the passkey." })
export class FinishPasskeyRegistrationInput {
  @Field(() => String, { description: `What to call the passkey, from 1 to ${MAX_NAME_LENGTH} characters.` })
  readonly name!: string;

  @Field(() => GraphQLJSONObject, {
    description: `What \`navigator.credentials.create\` gave, as its \`toJSON()\` gives it. At most ${figure(MAX_ANSWER_BYTES)} bytes.`,
  })
  readonly credential!: RegistrationAnswer;
}
