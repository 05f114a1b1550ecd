import { Field, InputType } from 'type-graphql';
import { MAX_EMAIL_LENGTH } from '../../../kernel/rules.js';
import { PASSWORD_DESCRIPTION } from '../accounts/user.type.js';
import { CODE_DIGITS, CODE_MINUTES, MAX_TRIES } from './one-time-code.js';

const ADDRESS = `The address that the code was sent to, in any case. At most ${MAX_EMAIL_LENGTH} characters.`;
const CODE = `The ${CODE_DIGITS} digits of the mail. Good for ${CODE_MINUTES} minutes, one use and ${MAX_TRIES} tries.`;

@InputType({ description: 'The code of a mail from `requestPasswordReset`, and the new password.' })
export class ResetPasswordInput {
  @Field(() => String, { description: ADDRESS })
  readonly email!: string;

  @Field(() => String, { description: CODE })
  readonly otp!: string;

  @Field(() => String, { description: PASSWORD_DESCRIPTION })
  readonly newPassword!: string;
}

@InputType({ description: 'The code of a mail from `requestEmailVerification`.' })
export class VerifyEmailInput {
  @Field(() => String, { description: ADDRESS })
  readonly email!: string;

  @Field(() => String, { description: CODE })
  readonly otp!: string;
}
