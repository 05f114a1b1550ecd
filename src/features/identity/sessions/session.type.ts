import { GraphQLDateTime } from 'graphql-scalars';
import { Field, ID, Int, ObjectType } from 'type-graphql';
import { Node } from '../../../graphql/node.js';
import { MAX_USER_AGENT_LENGTH } from '../../../kernel/caller.js';
import { RestField } from '../../../rest/field.js';
import { MAX_REFRESH_TOKEN_LENGTH } from './refresh-token.js';
import type { ListedSession, Tokens } from './sessions.service.js';

@ObjectType('Session', {
  implements: Node,
  simpleResolvers: true,
  description: 'One login. It lives until the logout, or until its refresh token expires unused.',
})
export class Session implements ListedSession {
  @RestField({ name: 'session_id' })
  @Field(() => ID)
  readonly id!: string;

  @Field(() => GraphQLDateTime, { description: 'When the user logged in.' })
  readonly createdAt!: Date;

  @Field(() => GraphQLDateTime, {
    description: 'When its tokens were last issued: at the login or the latest refresh.',
  })
  readonly lastUsedAt!: Date;

  @Field(() => String, {
    nullable: true,
    description: `What the client called itself at the login, the first ${MAX_USER_AGENT_LENGTH} characters. Null when it did not.`,
  })
  readonly userAgent!: string | null;

  @Field(() => String, { nullable: true, description: 'Where the login came from. Null when that is not known.' })
  readonly ipAddress!: string | null;

  @Field(() => Boolean, { description: 'Whether it is the session of this very request.' })
  readonly isCurrent!: boolean;
}

@ObjectType({ simpleResolvers: true, description: 'What a client authenticates with after a login.' })
export class AuthTokens implements Tokens {
  @Field(() => String, {
    description:
      'A JWT for the header `Authorization: Bearer <token>`, or the `authorization` of a WebSocket\'s `connection_init`. An open WebSocket takes the next one in the payload of a `ping`, `{"authorization": "Bearer <token>"}`, and answers with the `expiresAt` of it; without, it is closed (4403) when its token expires.',
  })
  readonly accessToken!: string;

  @Field(() => String, {
    description: `For \`refreshTokens\`; good once. Opaque, at most ${MAX_REFRESH_TOKEN_LENGTH} characters.`,
  })
  readonly refreshToken!: string;

  @Field(() => Int, { description: 'Seconds until the access token expires.' })
  readonly expiresIn!: number;
}
