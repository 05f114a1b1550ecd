import { Field, InputType } from 'type-graphql';
import { MAX_EMAIL_LENGTH } from '../../../kernel/rules.js';
import { MAX_PASSWORD_LENGTH } from '../accounts/accounts.rules.js';
import { CHALLENGE_MINUTES, MAX_TRIES } from '../second-factor/second-factor.js';
import { CODE_DESCRIPTION } from '../second-factor/second-factor.type.js';

@InputType({ description: 'An e-mail address and its password.' })
export class LoginInput {
  @Field(() => String, { description: `In any case. At most ${MAX_EMAIL_LENGTH} characters.` })
  readonly email!: string;

  @Field(() => String, { description: `At most ${MAX_PASSWORD_LENGTH} characters.` })
  readonly password!: string;
}

@InputType({ description: 'The challenge of a login that waits for its second factor, and a code.' })
export class CompleteLoginInput {
  @Field(() => String, {
    description: `The challenge that the login was refused with, beside \`Second factor required\`. Good for ${CHALLENGE_MINUTES} minutes and ${MAX_TRIES} tries.`,
  })
  readonly challenge!: string;

  @Field(() => String, { description: CODE_DESCRIPTION })
  readonly code!: string;
}
