import { Field, ObjectType } from 'type-graphql';
import type { HealthReport } from './health.js';

@ObjectType({ simpleResolvers: true, description: 'Whether the service works.' })
export class Health implements HealthReport {
  @Field(() => String, { description: '`ok`: the database answers.' })
  readonly status!: string;

  @Field(() => String, { description: 'The version of the program.' })
  readonly version!: string;

  @Field(() => String, {
    description:
      '`configured`; `offline` where no model is configured and a stand-in answers; `missing` where chat is refused for want of one.',
  })
  readonly model!: string;
}
