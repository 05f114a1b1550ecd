import { GraphQLDateTime } from 'graphql-scalars';
import { Field, ID, InputType, ObjectType } from 'type-graphql';
import { Node } from '../../../graphql/node.js';
import { RestField, RestHidden } from '../../../rest/field.js';
import { MAX_PASSWORD_LENGTH } from '../accounts/accounts.rules.js';
import { AuthTokens } from '../sessions/session.type.js';
import type { IdentityRow } from './identity.js';
import { CODE_SECONDS, LOGIN_MINUTES, MAX_VERIFIER_LENGTH, MIN_VERIFIER_LENGTH } from './provider-login.js';
import type { FinishedLogin, LoginAnswer, StartedLogin } from './provider-logins.service.js';

const PROVIDER = 'The name of one of `loginProviders`.';

@ObjectType({ simpleResolvers: true, description: 'A provider that users can log in at, in place of a password.' })
export class LoginProvider {
  @Field(() => String, { description: 'As it stands in addresses: lower-case letters, digits and dashes.' })
  readonly name!: string;

  @Field(() => String, { description: 'For people, as `Google`.' })
  readonly label!: string;
}

@ObjectType('Identity', {
  implements: Node,
  simpleResolvers: true,
  description: 'A provider that logs the user in. Only its user sees it.',
})
export class Identity implements Omit<IdentityRow, 'userId'> {
  @RestField({ name: 'identity_id' })
  @Field(() => ID)
  readonly id!: string;

  @Field(() => String, { description: 'The name that the provider had when it was linked.' })
  readonly provider!: string;

  @Field(() => String, {
    nullable: true,
    description: "The user's address at the provider when it was linked. Null when it told none.",
  })
  readonly email!: string | null;

  @Field(() => GraphQLDateTime, { description: 'When it was linked.' })
  readonly createdAt!: Date;

  @Field(() => GraphQLDateTime, { description: 'When the provider last vouched for the user.' })
  readonly lastUsedAt!: Date;
}

@ObjectType({ simpleResolvers: true, description: 'A login at a provider that has begun.' })
export class ProviderLoginStart implements StartedLogin {
  @Field(() => String, { description: "The provider's page: send the user there." })
  readonly authorizationUrl!: string;

  @Field(() => String, {
    description: 'Comes back from the provider as `state`. Tells logins apart where a client has several under way.',
  })
  readonly state!: string;

  @RestHidden()
  @Field(() => String, {
    description: 'What the login is finished with. Keep it where nobody else can read it, and send it nowhere else.',
  })
  readonly secret!: string;

  @Field(() => GraphQLDateTime, {
    description: `When the login must have been finished: ${LOGIN_MINUTES} minutes from its start.`,
  })
  readonly expiresAt!: Date;
}

@ObjectType({
  simpleResolvers: true,
  description: 'What a login at a provider came to. One of the two fields is null, the other is not.',
})
export class ProviderLogin implements FinishedLogin {
  @Field(() => AuthTokens, { nullable: true, description: 'Null where the login began with a `returnUrl`.' })
  readonly tokens!: AuthTokens | null;

  @Field(() => String, {
    nullable: true,
    description:
      'The `returnUrl` of the start, with a `code` for `redeemLoginCode`, or with `error` (a code as of any error here) and `error_description`. Null where the login began without one.',
  })
  readonly returnUrl!: string | null;
}

@InputType({ description: 'Which provider to log in at, and where to come back to.' })
export class StartProviderLoginInput {
  @Field(() => String, { description: PROVIDER })
  readonly provider!: string;

  @Field(() => String, {
    nullable: true,
    description:
      "A page of the client's own that the provider sends the user back to, and that finishes the login. It must be known to this service (`OIDC_RETURN_URLS`) and to the provider. Without it the provider sends the user to REST's callback, which asks for `secret` as a cookie.",
  })
  readonly redirectUri?: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Where REST's callback sends the browser on, of `OIDC_RETURN_URLS`. Not beside `redirectUri`.",
  })
  readonly returnUrl?: string | null;

  @Field(() => String, {
    nullable: true,
    description:
      'Of `returnUrl`: the SHA-256 of a random `codeVerifier`, in base64url, that only the page at `returnUrl` has (RFC 7636, S256).',
  })
  readonly codeChallenge?: string | null;

  @Field(() => String, {
    nullable: true,
    description: 'The `secret` of another login of this client, to have one for both. A new one otherwise.',
  })
  readonly secret?: string | null;
}

@InputType({ description: "What the provider's answer was, for `finishProviderLogin`." })
export class FinishProviderLoginInput {
  @Field(() => String, { description: PROVIDER })
  readonly provider!: string;

  @Field(() => String, { description: 'As the provider sent it back.' })
  readonly state!: string;

  @Field(() => String, { description: 'Of the start.' })
  readonly secret!: string;

  @Field(() => String, { nullable: true, description: 'As the provider sent it back; null when it sent an `error`.' })
  readonly code?: string | null;

  @Field(() => String, { nullable: true, description: 'As the provider sent it back, if it did (RFC 9207).' })
  readonly iss?: string | null;

  @Field(() => String, { nullable: true, description: 'As the provider sent it back in place of a code.' })
  readonly error?: string | null;
}

@InputType({ description: 'The code that a browser came back with from a provider.' })
export class RedeemLoginCodeInput {
  @Field(() => String, {
    description: `Of the address that the browser was sent on to. Good once, for ${CODE_SECONDS} seconds.`,
  })
  readonly code!: string;

  @Field(() => String, {
    description: `What the \`codeChallenge\` of the start was made from: ${MIN_VERIFIER_LENGTH} to ${MAX_VERIFIER_LENGTH} characters.`,
  })
  readonly codeVerifier!: string;
}

@InputType({ description: 'Which provider to link to the caller, and the proof that it is the caller who asks.' })
export class StartIdentityLinkInput {
  @Field(() => String, { description: PROVIDER })
  readonly provider!: string;

  @Field(() => String, {
    description:
      "A page of the client's own that the provider sends the user back to, and that finishes the link. It must be known to this service (`OIDC_RETURN_URLS`) and to the provider.",
  })
  readonly redirectUri!: string;

  @Field(() => String, {
    nullable: true,
    description: `The caller's password. Only a user who has none may leave it out. At most ${MAX_PASSWORD_LENGTH} characters.`,
  })
  readonly password?: string | null;
}

/** The provider's answer as passed on by the client, with null for omitted fields. */
export function answerOf(input: FinishProviderLoginInput): LoginAnswer {
  const { provider, state, secret, code = null, iss: issuer = null, error = null } = input;
  return { provider, state, secret, code, issuer, error };
}
