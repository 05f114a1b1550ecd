import { GraphQLDateTime } from 'graphql-scalars';
import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { Node } from '../../../graphql/node.js';
import type { TokenScope } from '../../../kernel/token-scopes.js';
import { RestField } from '../../../rest/field.js';
import { MAX_PASSWORD_LENGTH } from '../accounts/accounts.rules.js';
import {
  DEFAULT_TOKEN_DAYS,
  KEPT_EXPIRED_DAYS,
  MAX_TOKEN_DAYS,
  MAX_TOKEN_NAME_LENGTH,
  type PersonalAccessTokenRow,
} from './personal-access-token.js';
import { descriptions } from './personal-access-tokens.descriptions.js';
import type { TokenRequest } from './personal-access-tokens.service.js';

@ObjectType('PersonalAccessToken', {
  implements: Node,
  simpleResolvers: true,
  description: descriptions.type,
})
export class PersonalAccessToken implements PersonalAccessTokenRow {
  @RestField({ name: 'token_id' })
  @Field(() => ID)
  readonly id!: string;

  @Field(() => String, { description: `What its user calls it, from 1 to ${MAX_TOKEN_NAME_LENGTH} characters.` })
  readonly name!: string;

  @Field(() => [String], { description: descriptions.scopes })
  readonly scopes!: readonly TokenScope[];

  @Field(() => String, { description: 'Its last four characters, to know it again by.' })
  readonly lastFour!: string;

  @Field(() => GraphQLDateTime)
  readonly createdAt!: Date;

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: 'The latest request with it, to the minute. Null before the first.',
  })
  readonly lastUsedAt!: Date | null;

  @Field(() => GraphQLDateTime, {
    description: `When it ends. It stays in the list for ${KEPT_EXPIRED_DAYS} days after that, or until it is revoked.`,
  })
  readonly expiresAt!: Date;

  @Field(() => String, { nullable: true, description: descriptions.token })
  readonly token?: string | null;
}

@InputType({ description: 'A new personal access token, and the proof that it is the caller who makes it.' })
export class CreatePersonalAccessTokenInput implements TokenRequest {
  @Field(() => String, { description: `What to call it, from 1 to ${MAX_TOKEN_NAME_LENGTH} characters.` })
  readonly name!: string;

  @Field(() => [String], { description: descriptions.scopes })
  readonly scopes!: readonly TokenScope[];

  @Field(() => GraphQLDateTime, {
    nullable: true,
    description: `At most ${MAX_TOKEN_DAYS} days away; in ${DEFAULT_TOKEN_DAYS} days by default. Every token expires.`,
  })
  readonly expiresAt?: Date | null;

  @Field(() => String, {
    nullable: true,
    description: `The present password. Only a user who has none may leave it out. At most ${MAX_PASSWORD_LENGTH} characters.`,
  })
  readonly password?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'Needed while a second factor is on: a code of the authenticator app, or a recovery code.',
  })
  readonly code?: string | null;
}
