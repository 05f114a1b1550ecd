import { GraphQLDateTime } from 'graphql-scalars';
import { Field, ID, Int, ObjectType } from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { RestField } from '../../../rest/field.js';
import type * as deadMail from './dead-mail.js';

@ObjectType('DeadMail', {
  simpleResolvers: true,
  description: 'A mail that was given up: the mail server did not take it in any of the tries.',
})
export class DeadMail implements deadMail.DeadMailRow {
  @RestField({ name: 'mail_id' })
  @Field(() => ID)
  readonly id!: string;

  @Field(() => String, { description: 'The queue of its job, for `retryAllDeadMail`.' })
  readonly queue!: string;

  @Field(() => String, {
    description:
      'What it was about: `PASSWORD_RESET`, `EMAIL_VERIFICATION`, `EMAIL_CHANGE`, `INVITATION`, or the act on the account that it told of.',
  })
  readonly kind!: string;

  @Field(() => String, { nullable: true, description: 'The recipient. Null for an invitation, which names them.' })
  readonly email!: string | null;

  @Field(() => String, {
    description: 'What became of the last try, as the log has it, in words that name no address.',
  })
  readonly reason!: string;

  @Field(() => Int, { description: 'How often it was tried.' })
  readonly tries!: number;

  @Field(() => GraphQLDateTime, { description: 'When it was to be sent.' })
  readonly requestedAt!: Date;

  @Field(() => GraphQLDateTime, { description: 'When it was given up.' })
  readonly failedAt!: Date;
}

export const DeadMailConnection = connectionType(DeadMail, 'DeadMail');

@ObjectType({ simpleResolvers: true, description: "What became of a queue's mails that were to be sent again." })
export class RetriedMail implements deadMail.RetriedMail {
  @Field(() => Int, { description: 'How many are tried again.' })
  readonly retried!: number;

  @Field(() => Int, { description: 'How many of the queue are left: call it again for them.' })
  readonly left!: number;
}
