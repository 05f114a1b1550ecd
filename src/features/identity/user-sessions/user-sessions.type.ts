import { Field, Int, ObjectType } from 'type-graphql';
import type * as sessions from './user-sessions.service.js';

@ObjectType({ simpleResolvers: true, description: "What became of a user's sessions." })
export class EndedSessions implements sessions.EndedSessions {
  @Field(() => Int, { description: 'How many were live, and have ended.' })
  readonly ended!: number;
}
