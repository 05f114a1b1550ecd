import { Field, InputType } from 'type-graphql';

const ADDRESS = 'The address that the code was sent to, in any case. At most 254 characters.';
const CODE = 'The six digits of the mail. Good for five minutes, one use and five tries.';

@InputType()
export class ResetPasswordInput {
  @Field(() => String, { description: ADDRESS })
  readonly email!: string;

  @Field(() => String, { description: CODE })
  readonly otp!: string;

  @Field(() => String, { description: 'From 8 to 256 characters, and none of the passwords that most people have.' })
  readonly newPassword!: string;
}

@InputType()
export class VerifyEmailInput {
  @Field(() => String, { description: ADDRESS })
  readonly email!: string;

  @Field(() => String, { description: CODE })
  readonly otp!: string;
}
