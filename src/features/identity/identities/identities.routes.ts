import { detail, type RestError } from '../../../rest/answers.js';
import type { JsonSchema } from '../../../rest/json-schema.js';
import type { RestRoute } from '../../../rest/route.js';
import { body, cookie, path, query } from '../../../rest/sources.js';
import { TOO_MANY_LOGINS } from '../accounts/accounts.routes.js';
import { RECENT_LOGIN_REQUIRED, SECOND_FACTOR_REQUIRED } from '../second-factor/second-factor.routes.js';
import { EMAIL_IN_USE, LAST_WAY_IN, LINKED_ELSEWHERE } from './identities.service.js';
import { LOGIN_MINUTES } from './provider-login.js';
import { INVALID_CODE, INVALID_STATE, type FinishedLogin, type StartedLogin } from './provider-logins.service.js';

const SECRET_COOKIE = 'flynkle_login';
const AUTHORIZATION_URL: JsonSchema = { type: 'string', format: 'uri', description: 'Where to send the browser.' };
const EXPIRES_AT: JsonSchema = { type: 'string', format: 'date-time', description: 'Until then the login can end.' };

const NOT_ADMITTED: readonly RestError[] = [
  { code: 'UNAUTHENTICATED', message: 'Invalid credentials' },
  SECOND_FACTOR_REQUIRED,
  { code: 'FORBIDDEN', message: 'Account disabled' },
];

const NO_SUCH_PROVIDER: RestError = { code: 'NOT_FOUND', message: 'Login provider not found' };
const BAD_STATE: RestError = { code: 'BAD_USER_INPUT', status: 400, message: INVALID_STATE };
const PROVIDER_DOWN: RestError = { code: 'UNAVAILABLE', message: 'Login provider unavailable' };
const TOO_MANY_STARTS: RestError = { code: 'RATE_LIMITED', message: 'Too many requests' };
/** Errors when the provider does not vouch for the user. */
const NOT_VOUCHED_FOR: readonly RestError[] = [
  { code: 'UNAUTHENTICATED', message: 'Login cancelled' },
  { code: 'UNAUTHENTICATED', message: 'Login refused by the provider' },
];

export const routes = {
  listLoginProviders: {
    method: 'GET',
    path: '/auth/oidc',
    operationId: 'listLoginProviders',
    summary: 'List the providers that users can log in at',
    tag: 'Auth',
  },

  startProviderLogin: {
    method: 'GET',
    path: '/auth/oidc/{provider}/start',
    operationId: 'startProviderLogin',
    summary: 'Go to a provider to log in there',
    tag: 'Auth',
    arguments: {
      'input.provider': path('provider'),
      'input.returnUrl': query('return_url', {
        schema: { format: 'uri' },
        description: 'Where the callback sends the browser on: one of the pages that this service knows.',
      }),
      'input.codeChallenge': query('code_challenge'),
      'input.secret': cookie(SECRET_COOKIE, { description: 'Of another login of this browser.' }),
    },
    data: {
      schema: {
        title: 'ProviderLoginStart',
        type: 'object',
        additionalProperties: false,
        required: ['authorization_url', 'expires_at'],
        properties: {
          authorization_url: AUTHORIZATION_URL,
          expires_at: EXPIRES_AT,
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
  },

  finishProviderLogin: {
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
        expires_in: 3600,
      },
      from: ({ tokens }: FinishedLogin) =>
        tokens && {
          access_token: tokens.accessToken,
          refresh_token: tokens.refreshToken,
          expires_in: tokens.expiresIn,
        },
    },
    navigation: { location: ({ returnUrl }: FinishedLogin) => returnUrl, jsonStays: false },
    errors: [
      BAD_STATE,
      ...NOT_VOUCHED_FOR,
      ...NOT_ADMITTED,
      { code: 'CONFLICT', message: EMAIL_IN_USE },
      { code: 'FORBIDDEN', message: 'Sign-up is closed' },
      { code: 'FORBIDDEN', message: 'Sign-up needs an invitation' },
      { code: 'RATE_LIMITED', message: 'Too many requests' },
      NO_SUCH_PROVIDER,
      PROVIDER_DOWN,
    ],
  },

  redeemLoginCode: {
    method: 'POST',
    path: '/auth/oidc/token',
    operationId: 'redeemLoginCode',
    summary: 'Trade the code that a browser came back with for tokens',
    tag: 'Auth',
    arguments: { input: body() },
    errors: [{ code: 'BAD_USER_INPUT', status: 400, message: INVALID_CODE }, ...NOT_ADMITTED],
  },

  listIdentities: {
    method: 'GET',
    path: '/users/me/identities',
    operationId: 'listIdentities',
    summary: 'List the providers that log one in',
    tag: 'Users',
  },

  startIdentityLink: {
    method: 'POST',
    path: '/auth/oidc/{provider}/link',
    operationId: 'startIdentityLink',
    summary: "Begin to link a provider to one's account",
    tag: 'Auth',
    arguments: { input: body({ omit: ['provider'] }), 'input.provider': path('provider') },
    data: {
      schema: {
        title: 'IdentityLinkStart',
        type: 'object',
        additionalProperties: false,
        required: ['authorization_url', 'state', 'secret', 'expires_at'],
        properties: {
          authorization_url: AUTHORIZATION_URL,
          state: { type: 'string', description: 'What the provider sends back with the code, for the finish.' },
          secret: { type: 'string', description: 'For the finish. The client keeps it, out of addresses.' },
          expires_at: EXPIRES_AT,
        },
      },
      example: {
        authorization_url: 'https://accounts.example.com/authorize?client_id=flynkle&response_type=code',
        state: 'wq0m3M2Ck7P3d8wq7y1zC0GJvE0m0qf3rVb7t1yq3sA',
        secret: 'n6m8Zr0b3w6m3s6r8Q1yY7bq7y0d1m5cQx8m2v9kT0s',
        expires_at: '2026-01-31T12:10:00.000Z',
      },
      from: ({ authorizationUrl, state, secret, expiresAt }: StartedLogin) => ({
        authorization_url: authorizationUrl,
        state,
        secret,
        expires_at: expiresAt.toISOString(),
      }),
    },
    errors: [
      NO_SUCH_PROVIDER,
      PROVIDER_DOWN,
      TOO_MANY_STARTS,
      TOO_MANY_LOGINS,
      { code: 'FORBIDDEN', message: 'Forbidden' },
      RECENT_LOGIN_REQUIRED,
    ],
  },

  finishIdentityLink: {
    method: 'POST',
    path: '/auth/oidc/{provider}/link/finish',
    operationId: 'finishIdentityLink',
    summary: "Link a provider to one's account, logged in there",
    tag: 'Auth',
    arguments: { input: body({ omit: ['provider'] }), 'input.provider': path('provider') },
    errors: [
      BAD_STATE,
      ...NOT_VOUCHED_FOR,
      { code: 'CONFLICT', message: LINKED_ELSEWHERE },
      NO_SUCH_PROVIDER,
      PROVIDER_DOWN,
      { code: 'FORBIDDEN', message: 'Forbidden' },
    ],
  },

  unlinkIdentity: {
    method: 'DELETE',
    path: '/users/me/identities/{identity_id}',
    operationId: 'unlinkIdentity',
    summary: "Unlink a provider from one's account",
    tag: 'Users',
    arguments: { id: path('identity_id') },
    data: detail('identity unlinked'),
    errors: [
      { code: 'NOT_FOUND', message: 'Identity not found' },
      { code: 'CONFLICT', message: LAST_WAY_IN },
    ],
  },
} satisfies Record<string, RestRoute>;
