import { Arg, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../../../graphql/context.js';
import { Operation } from '../../../graphql/operation.js';
import type { RestError } from '../../../rest/answers.js';
import { Rest } from '../../../rest/route.js';
import { body, cookie, path, query } from '../../../rest/sources.js';
import { SECOND_FACTOR_REQUIRED } from '../second-factor/second-factor.type.js';
import { AuthTokens } from '../sessions/session.type.js';
import type { Tokens } from '../sessions/sessions.service.js';
import { finishRules, redeemRules, startRules } from './identities.rules.js';
import { EMAIL_IN_USE } from './identities.service.js';
import {
  BAD_STATE,
  FinishProviderLoginInput,
  LoginProvider,
  NOT_VOUCHED_FOR,
  NO_SUCH_PROVIDER,
  PROVIDER_DOWN,
  ProviderLogin,
  ProviderLoginStart,
  RedeemLoginCodeInput,
  StartProviderLoginInput,
  TOO_MANY_STARTS,
  answerOf,
} from './identity.type.js';
import { LOGIN_MINUTES } from './provider-login.js';
import {
  INVALID_CODE,
  type FinishedLogin,
  type ProviderLoginsService,
  type StartedLogin,
} from './provider-logins.service.js';

const SECRET_COOKIE = 'flynkle_login';

const NOT_ADMITTED: readonly RestError[] = [
  { code: 'UNAUTHENTICATED', message: 'Invalid credentials' },
  SECOND_FACTOR_REQUIRED,
  { code: 'FORBIDDEN', message: 'Account disabled' },
];

@Resolver()
export class ProviderLoginsResolver {
  constructor(private readonly service: ProviderLoginsService) {}

  @Operation('anyone')
  @Rest({
    method: 'GET',
    path: '/auth/oidc',
    operationId: 'listLoginProviders',
    summary: 'List the providers that users can log in at',
    tag: 'Auth',
  })
  @Query(() => [LoginProvider], {
    description: 'The providers that users can log in at, in place of a password; at most 50.',
  })
  loginProviders(): readonly LoginProvider[] {
    return this.service.list();
  }

  @Operation('anyone', startRules)
  @Rest({
    method: 'GET',
    path: '/auth/oidc/{provider}/start',
    operationId: 'startProviderLogin',
    summary: 'Go to a provider to log in there',
    tag: 'Auth',
    arguments: {
      'input.provider': path('provider'),
      'input.returnUrl': query('return_url'),
      'input.codeChallenge': query('code_challenge'),
      'input.secret': cookie(SECRET_COOKIE, { description: 'Of another login of this browser.' }),
    },
    data: {
      schema: {
        type: 'object',
        additionalProperties: false,
        required: ['authorization_url', 'expires_at'],
        properties: {
          authorization_url: { type: 'string', format: 'uri' },
          expires_at: { type: 'string', format: 'date-time' },
        },
      },
      example: {
        authorization_url: 'https://accounts.example.com/authorize?client_id=flynkle&response_type=code',
        expires_at: '2026-01-31T12:10:00.000Z',
      },
      from: ({ authorizationUrl, expiresAt }: StartedLogin) => ({
        authorization_url: authorizationUrl,
        expires_at: expiresAt.toISOString(),
      }),
    },
    navigation: {
      location: ({ authorizationUrl }: StartedLogin) => authorizationUrl,
      jsonStays: true,
      cookie: {
        name: SECRET_COOKIE,
        value: ({ secret }: StartedLogin) => secret,
        maxAgeSeconds: LOGIN_MINUTES * 60,
      },
    },
    errors: [NO_SUCH_PROVIDER, PROVIDER_DOWN, TOO_MANY_STARTS],
  })
  @Mutation(() => ProviderLoginStart, {
    description:
      'Begins a login at a provider, by the authorization code with PKCE. NOT_FOUND when there is no such provider; UNAVAILABLE when it does not answer; RATE_LIMITED after too many from a client.',
  })
  startProviderLogin(
    @Ctx() { client }: RequestContext,
    @Arg('input', () => StartProviderLoginInput) input: StartProviderLoginInput,
  ): Promise<StartedLogin> {
    const { provider, redirectUri = null, returnUrl = null, codeChallenge = null, secret = null } = input;
    return this.service.start({ provider, redirectUri, returnUrl, codeChallenge, secret }, client);
  }

  @Operation('anyone', finishRules)
  @Rest({
    method: 'GET',
    path: '/auth/oidc/{provider}/callback',
    operationId: 'finishProviderLogin',
    summary: 'Come back from a provider, logged in there',
    tag: 'Auth',
    arguments: {
      'input.provider': path('provider'),
      'input.state': query('state'),
      'input.code': query('code'),
      'input.iss': query('iss'),
      'input.error': query('error'),
      'input.secret': cookie(SECRET_COOKIE, {
        default: '',
        description: 'As the start set it: without it, this is another browser.',
      }),
    },
    data: {
      schema: { $ref: '#/components/schemas/AuthTokens' },
      example: {
        access_token: 'eyJhbGciOiJIUzI1NiJ9.e30.XmNK3GpH3Ys_7wsYBfq4C3M6goz71I7dTgUkuIa5lyQ',
        refresh_token: '5Sz0mGyZ6Qq4v0x1lq0oZ2Jm2m3l5sYw0cYhJ8tqk3A',
      },
      from: ({ tokens }: FinishedLogin) =>
        tokens && { access_token: tokens.accessToken, refresh_token: tokens.refreshToken },
    },
    navigation: { location: ({ returnUrl }: FinishedLogin) => returnUrl, jsonStays: false },
    errors: [
      BAD_STATE,
      ...NOT_VOUCHED_FOR,
      ...NOT_ADMITTED,
      { code: 'CONFLICT', message: EMAIL_IN_USE },
      NO_SUCH_PROVIDER,
      PROVIDER_DOWN,
    ],
  })
  @Mutation(() => ProviderLogin, {
    description:
      'Logs in whom the provider vouches for: the user whom they are linked to; or one with the same e-mail address, when provider and account both know it to be theirs; or a new one without a password. Good once for each start. BAD_USER_INPUT `Invalid login state` when the start is unknown, used, too old or of another client; UNAUTHENTICATED when the provider refused, or its word does not hold; CONFLICT when an account has the address and one side does not know it to be theirs; UNAVAILABLE when the provider does not answer; else as `login`, second factor included.',
  })
  finishProviderLogin(
    @Ctx() { client }: RequestContext,
    @Arg('input', () => FinishProviderLoginInput) input: FinishProviderLoginInput,
  ): Promise<FinishedLogin> {
    return this.service.finish(answerOf(input), client);
  }

  @Operation('anyone', redeemRules)
  @Rest({
    method: 'POST',
    path: '/auth/oidc/token',
    operationId: 'redeemLoginCode',
    summary: 'Trade the code that a browser came back with for tokens',
    tag: 'Auth',
    arguments: { input: body() },
    errors: [{ code: 'BAD_USER_INPUT', status: 400, message: INVALID_CODE }, ...NOT_ADMITTED],
  })
  @Mutation(() => AuthTokens, {
    description:
      'Tokens for the code that a browser brought to the `returnUrl` of a login. BAD_USER_INPUT `Invalid login code` when it is wrong, used or older than a minute, or the verifier is not the one of the start, which uses the code up too; else as `login`, second factor included.',
  })
  redeemLoginCode(
    @Ctx() { client }: RequestContext,
    @Arg('input', () => RedeemLoginCodeInput) { code, codeVerifier }: RedeemLoginCodeInput,
  ): Promise<Tokens> {
    return this.service.redeemCode(code, codeVerifier, client);
  }
}
