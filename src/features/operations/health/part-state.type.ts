import { GraphQLDateTime } from 'graphql-scalars';
import { Field, ObjectType } from 'type-graphql';
import type * as states from './part-states.js';

@ObjectType('PartState', {
  simpleResolvers: true,
  description: 'The state of something that the service stands on, as the instance that answers sees it.',
})
export class PartState implements states.PartState {
  @Field(() => String, {
    description: '`instance`, `database`, `migrations`, `redis`, `store`, or `model` with the name of one.',
  })
  readonly name!: string;

  @Field(() => String, {
    description:
      '`ok` or `failing`; of the instance also `draining`; of migrations also `newer`, where a later release has added some; of a model the state of its circuit breaker: `closed`, `open` or `half_open`.',
  })
  readonly state!: string;

  @Field(() => GraphQLDateTime, {
    description: 'When it was first seen in this state; at the earliest, when it was looked at first.',
  })
  readonly since!: Date;

  @Field(() => String, { nullable: true, description: 'Why it fails. Null where it does not.' })
  readonly reason!: string | null;
}
