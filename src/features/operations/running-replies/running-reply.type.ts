import { GraphQLDateTime } from 'graphql-scalars';
import { Field, ID, ObjectType, registerEnumType } from 'type-graphql';
import { connectionType } from '../../../graphql/connection.js';
import { RestField } from '../../../rest/field.js';
import type * as reply from './running-reply.js';

const RunningReplyState = {
  RUNNING: 'RUNNING',
  WAITING_FOR_TOOLS: 'WAITING_FOR_TOOLS',
  STOPPING: 'STOPPING',
  ENDED: 'ENDED',
} as const satisfies Record<reply.RunningReplyState, reply.RunningReplyState>;
registerEnumType(RunningReplyState, {
  name: 'RunningReplyState',
  description: 'What becomes of a reply.',
  valuesConfig: {
    RUNNING: { description: 'The model is asked, or answers.' },
    WAITING_FOR_TOOLS: { description: 'The model has called tools, and no instance runs it until they are answered.' },
    STOPPING: { description: 'It was asked to stop, and its instance has not ended it yet.' },
    ENDED: { description: 'It is over.' },
  },
});

@ObjectType('RunningReply', {
  simpleResolvers: true,
  description: 'A reply of the model as admins see it: nothing of what was said.',
})
export class RunningReply implements reply.SeenRunningReply {
  @RestField({ name: 'message_id' })
  @Field(() => ID, { description: "The reply's message." })
  readonly id!: string;

  @Field(() => ID)
  readonly conversationId!: string;

  @Field(() => ID, { description: 'Whose conversation it is in.' })
  readonly userId!: string;

  @Field(() => String, {
    nullable: true,
    description: 'The name of the model that was asked last. Null in replies from before this was kept.',
  })
  readonly model!: string | null;

  @RestField({
    name: 'state',
    value: { type: 'String!', from: ({ state }: Pick<reply.RunningReplyRow, 'state'>) => state.toLowerCase() },
  })
  @Field(() => RunningReplyState)
  readonly state!: reply.RunningReplyState;

  @Field(() => GraphQLDateTime, { description: 'When the model was asked.' })
  readonly startedAt!: Date;

  @Field(() => Boolean, { description: 'Whether it runs on the instance of the service that answers this.' })
  readonly isHere!: boolean;
}

export const RunningReplyConnection = connectionType(RunningReply, 'RunningReply');
