import { Field, InputType } from 'type-graphql';
import { CODE_DESCRIPTION } from '../second-factor/second-factor.type.js';

@InputType()
export class LoginInput {
  @Field(() => String, { description: 'In any case. At most 254 characters.' })
  readonly email!: string;

  @Field(() => String, { description: 'At most 256 characters.' })
  readonly password!: string;
}

@InputType()
export class CompleteLoginInput {
  @Field(() => String, {
    description: 'What `login` was refused with, in `extensions.secondFactor`. Good for five minutes and five tries.',
  })
  readonly challenge!: string;

  @Field(() => String, { description: CODE_DESCRIPTION })
  readonly code!: string;
}
