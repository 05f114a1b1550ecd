import type { RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { body, path } from '../../../rest/sources.js';
import {
  ADMIN_ERRORS,
  INVALID_CODE,
  NO_SUCH_USER,
  TOO_MANY_CODES,
  TOO_MANY_LOGINS,
} from '../accounts/accounts.routes.js';
import { RECENT_LOGIN_REQUIRED } from '../second-factor/second-factor.routes.js';

const tag = 'Access tokens';
const NOT_FOUND: RestError = { code: 'NOT_FOUND', message: 'Access token not found' };

export const routes = {
  listPersonalAccessTokens: {
    method: 'GET',
    path: '/user/tokens',
    operationId: 'listPersonalAccessTokens',
    summary: 'List personal access tokens, newest first',
    tag,
  },

  createPersonalAccessToken: {
    method: 'POST',
    path: '/user/tokens',
    operationId: 'createPersonalAccessToken',
    summary: 'Make a personal access token',
    tag,
    arguments: { input: body() },
    errors: [
      INVALID_CODE,
      TOO_MANY_CODES,
      TOO_MANY_LOGINS,
      RECENT_LOGIN_REQUIRED,
      { code: 'FORBIDDEN', message: 'Login required' },
      { code: 'CONFLICT', message: 'Too many access tokens' },
    ],
  },

  revokePersonalAccessToken: {
    method: 'DELETE',
    path: '/user/tokens/{token_id}',
    operationId: 'revokePersonalAccessToken',
    summary: 'Revoke a personal access token',
    tag,
    arguments: { id: path('token_id') },
    errors: [NOT_FOUND],
  },

  adminListPersonalAccessTokens: {
    method: 'GET',
    path: '/admin/users/{user_id}/tokens',
    operationId: 'adminListPersonalAccessTokens',
    summary: "List a user's personal access tokens, newest first",
    tag: 'Admin',
    arguments: { userId: path('user_id') },
    errors: [...ADMIN_ERRORS, NO_SUCH_USER],
  },

  adminRevokePersonalAccessToken: {
    method: 'DELETE',
    path: '/admin/users/{user_id}/tokens/{token_id}',
    operationId: 'adminRevokePersonalAccessToken',
    summary: "Revoke a user's personal access token",
    tag: 'Admin',
    arguments: { userId: path('user_id'), id: path('token_id') },
    errors: [...ADMIN_ERRORS, NO_SUCH_USER, NOT_FOUND],
  },
} satisfies Record<string, RestRoute>;
