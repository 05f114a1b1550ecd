import { Field, Int, ObjectType } from 'type-graphql';

@ObjectType({
  simpleResolvers: true,
  description: "Lets a client that can send no header, as a browser's `EventSource`, read the stream of one reply.",
})
export class StreamTicket {
  @Field(() => String, {
    description:
      'A secret for the query of that stream alone; no other request takes it. It can be used again, to connect again, until it expires or the session that asked for it ends.',
  })
  readonly ticket!: string;

  @Field(() => Int, {
    description:
      'Seconds until the ticket expires, which ends a stream that is open with it. A connection after that is 401: ask for another ticket.',
  })
  readonly expiresIn!: number;

  @Field(() => String, {
    description:
      "The stream's address with the ticket: server-sent events by REST's `GET /api/v1/messages/{message_id}/stream`. `&after=` with a number goes on after that event.",
  })
  readonly url!: string;
}
