import { detail, type RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { body, header, path } from '../../../rest/sources.js';

const INVALID_TOKEN: RestError = { code: 'UNAUTHENTICATED', message: 'Invalid token' };

/** On the routes for tokens, a missing token gets the same answer as an invalid one. */
const MISSING_TOKEN: RestError = { ...INVALID_TOKEN, insteadOf: 'Missing credentials' };
const REFRESH_TOKEN_HEADER = 'X-Refresh-Token';

export const routes = {
  logout: {
    method: 'POST',
    path: '/auth/logout',
    operationId: 'logout',
    summary: 'End the session of the access token',
    tag: 'Auth',
    arguments: { refreshToken: header(REFRESH_TOKEN_HEADER) },
    data: detail('logout successful'),
    errors: [INVALID_TOKEN, MISSING_TOKEN],
  },

  verifyToken: {
    method: 'POST',
    path: '/auth/verify',
    operationId: 'verifyToken',
    summary: 'Check an access token',
    tag: 'Auth',
    data: {
      schema: {
        title: 'TokenOwner',
        type: 'object',
        additionalProperties: false,
        required: ['user_id'],
        properties: { user_id: { type: 'string', format: 'uuid', description: 'Whose token it is.' } },
      },
      example: { user_id: '01980f3e-8c1d-7a52-9d0e-6f2f4f2b6c11' },
      from: (userId: string) => ({ user_id: userId }),
    },
    errors: [INVALID_TOKEN, MISSING_TOKEN],
  },

  refreshTokens: {
    method: 'POST',
    path: '/auth/refresh',
    operationId: 'refreshTokens',
    summary: 'Trade a refresh token for new tokens',
    tag: 'Auth',
    arguments: { refreshToken: body({ header: REFRESH_TOKEN_HEADER }) },
    errors: [INVALID_TOKEN],
  },

  listSessions: {
    method: 'GET',
    path: '/auth/sessions',
    operationId: 'listSessions',
    summary: 'List where one is logged in, newest first',
    tag: 'Auth',
  },

  revokeSession: {
    method: 'DELETE',
    path: '/auth/sessions/{session_id}',
    operationId: 'revokeSession',
    summary: "End one of one's sessions",
    tag: 'Auth',
    arguments: { id: path('session_id') },
    data: detail('session ended'),
    errors: [{ code: 'NOT_FOUND', message: 'Session not found' }],
  },
} satisfies Record<string, RestRoute>;
