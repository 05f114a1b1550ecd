import { detail, type RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { body, path } from '../../../rest/sources.js';
import {
  ADMIN_ERRORS,
  INVALID_CODE,
  NO_SUCH_USER,
  TOO_MANY_CODES,
  TOO_MANY_LOGINS,
} from '../accounts/accounts.routes.js';
import { CHALLENGE_MINUTES, type OpenChallenge, type SecondFactorMethod } from './second-factor.js';

const METHODS: readonly SecondFactorMethod[] = ['TOTP', 'RECOVERY_CODE'];

/** Error of every login route when the user has a second factor. */
export const SECOND_FACTOR_REQUIRED: RestError = {
  code: 'UNAUTHENTICATED',
  message: 'Second factor required',
  data: {
    schema: {
      title: 'SecondFactorRequired',
      type: 'object',
      additionalProperties: false,
      required: ['second_factor'],
      properties: {
        second_factor: {
          title: 'SecondFactorChallenge',
          type: 'object',
          description: 'How to go on with the login.',
          additionalProperties: false,
          required: ['challenge', 'expires_in', 'methods'],
          properties: {
            challenge: { type: 'string', description: 'For `POST /auth/second-factor`. Opaque.' },
            expires_in: {
              type: 'integer',
              format: 'int32',
              minimum: 1,
              description: 'Seconds until the login has to begin anew.',
            },
            methods: {
              type: 'array',
              description: 'What the user can go on with: a code of the authenticator app, or a recovery code.',
              items: { title: 'SecondFactorMethod', type: 'string', enum: METHODS },
            },
          },
        },
      },
    },
    example: {
      second_factor: {
        challenge: 'q4Zk0w9rTgXnJ1c5u8Hb2sLd7vYf3EoQmPiAxRtKzNU',
        expires_in: CHALLENGE_MINUTES * 60,
        methods: METHODS,
      },
    },
    from: ({ secondFactor }) => {
      const { challenge, expiresIn, methods } = secondFactor as OpenChallenge;
      return { second_factor: { challenge, expires_in: expiresIn, methods } };
    },
  },
};

export const RECENT_LOGIN_REQUIRED: RestError = { code: 'FORBIDDEN', message: 'Recent login required' };

const tag = 'Second factor';
const DISABLED = detail('second factor disabled');

export const routes = {
  getSecondFactor: {
    method: 'GET',
    path: '/auth/second-factor',
    operationId: 'getSecondFactor',
    summary: 'Whether the second factor is on',
    tag,
  },

  enrolSecondFactor: {
    method: 'POST',
    path: '/auth/second-factor/enrol',
    operationId: 'enrolSecondFactor',
    summary: 'Begin to set up an authenticator app',
    tag,
    arguments: { input: body() },
    errors: [
      INVALID_CODE,
      TOO_MANY_CODES,
      RECENT_LOGIN_REQUIRED,
      TOO_MANY_LOGINS,
      { code: 'CONFLICT', message: 'The second factor was changed meanwhile' },
    ],
  },

  confirmSecondFactor: {
    method: 'POST',
    path: '/auth/second-factor/confirm',
    operationId: 'confirmSecondFactor',
    summary: 'Turn the second factor on',
    tag,
    arguments: { code: body() },
    errors: [INVALID_CODE],
  },

  regenerateRecoveryCodes: {
    method: 'POST',
    path: '/auth/second-factor/recovery-codes',
    operationId: 'regenerateRecoveryCodes',
    summary: 'Make new recovery codes',
    tag,
    arguments: { code: body() },
    errors: [INVALID_CODE, TOO_MANY_CODES, TOO_MANY_LOGINS],
  },

  disableSecondFactor: {
    method: 'POST',
    path: '/auth/second-factor/disable',
    operationId: 'disableSecondFactor',
    summary: 'Switch the second factor off',
    tag,
    arguments: { code: body() },
    data: DISABLED,
    errors: [INVALID_CODE, TOO_MANY_CODES, TOO_MANY_LOGINS],
  },

  adminDisableSecondFactor: {
    method: 'DELETE',
    path: '/admin/users/{user_id}/second-factor',
    operationId: 'adminDisableSecondFactor',
    summary: "Switch a user's second factor off",
    tag: 'Admin',
    arguments: { userId: path('user_id') },
    data: DISABLED,
    errors: [...ADMIN_ERRORS, NO_SUCH_USER, { code: 'FORBIDDEN', message: 'Another admin has to do this' }],
  },
} satisfies Record<string, RestRoute>;
