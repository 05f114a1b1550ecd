import { ArgsType, Field, Int, ObjectType } from 'type-graphql';
import { KEPT_HOURS, type Expired } from './event-feed.js';

export const EVENT_SEQUENCE =
  'Counts what happens here, from 1, in the order in which it was done: give the last one seen as `after` to go on from there. Those of messages, or conversations, that were deleted since are left out.';

@ObjectType({
  simpleResolvers: true,
  description: `What followed \`after\` is no longer kept, or has never been: read anew. Events are kept for ${KEPT_HOURS} hours. The stream goes on with what happens after \`sequence\`.`,
})
export class EventsExpired implements Omit<Expired, 'type'> {
  readonly type!: 'expired';

  @Field(() => Int, { description: 'The number of the last event that is left out.' })
  readonly sequence!: number;
}

@ArgsType()
export class FeedPosition {
  @Field(() => Int, {
    nullable: true,
    description: `The last \`sequence\` that was seen: what followed it comes first, for ${KEPT_HOURS} hours. From now on by default.`,
  })
  readonly after?: number | null;
}
