import { Field, Int, ObjectType } from 'type-graphql';
import { MAX_SIBLINGS, type Siblings } from './message.js';

/** Its nodes are loaded by the resolver. */
@ObjectType('MessageSiblings', {
  simpleResolvers: true,
  description: 'The versions of a message: the messages that follow the same one, itself among them.',
})
export class MessageSiblings implements Omit<Siblings, 'ids'> {
  @Field(() => Int, { description: 'The place of the message among all of them, from 0.' })
  readonly index!: number;

  @Field(() => Int, {
    description: `How many there are. \`nodes\` has the ${MAX_SIBLINGS} around the message at most.`,
  })
  readonly totalCount!: number;
}
