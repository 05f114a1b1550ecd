import { Field, ObjectType } from 'type-graphql';

@ObjectType({ simpleResolvers: true, description: 'A call of a tool in a reply, with its result once that has come.' })
export class MessageToolCall {
  @Field(() => String, { description: 'Unique in the reply: `callId` of the result.' })
  readonly id!: string;

  @Field(() => String)
  readonly name!: string;

  @Field(() => String, { description: 'As the model wrote them: JSON, if it keeps to that.' })
  readonly arguments!: string;

  @Field(() => String, {
    nullable: true,
    description: 'The tool server that the service calls for it; null where the client answers.',
  })
  readonly server!: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'What the tool answered. Null for an error, and until it has come.',
  })
  readonly output!: string | null;

  @Field(() => String, { nullable: true, description: 'What went wrong. Null for an output, and until it has come.' })
  readonly error!: string | null;
}
