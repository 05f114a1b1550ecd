import type { RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { body, path } from '../../../rest/sources.js';
import { INVALID_CODE, TOO_MANY_CODES, TOO_MANY_LOGINS } from '../accounts/accounts.routes.js';
import { RECENT_LOGIN_REQUIRED } from '../second-factor/second-factor.routes.js';

const tag = 'Passkeys';
const byId = { id: path('passkey_id') };
const NOT_FOUND: RestError = { code: 'NOT_FOUND', message: 'Passkey not found' };
const TOO_MANY_PASSKEYS: RestError = { code: 'CONFLICT', message: 'Too many passkeys' };

export const routes = {
  listPasskeys: {
    method: 'GET',
    path: '/auth/passkeys',
    operationId: 'listPasskeys',
    summary: 'List passkeys, oldest first',
    tag,
  },

  startPasskeyRegistration: {
    method: 'POST',
    path: '/auth/passkeys/options',
    operationId: 'startPasskeyRegistration',
    summary: 'Begin to add a passkey',
    tag,
    arguments: { input: body() },
    errors: [INVALID_CODE, TOO_MANY_CODES, TOO_MANY_LOGINS, RECENT_LOGIN_REQUIRED, TOO_MANY_PASSKEYS],
  },

  finishPasskeyRegistration: {
    method: 'POST',
    path: '/auth/passkeys',
    operationId: 'finishPasskeyRegistration',
    summary: 'Add a passkey',
    tag,
    arguments: { input: body() },
    errors: [
      { code: 'BAD_USER_INPUT', status: 400, message: 'Invalid passkey' },
      { code: 'CONFLICT', message: 'Passkey already registered' },
      TOO_MANY_PASSKEYS,
    ],
  },

  renamePasskey: {
    method: 'PATCH',
    path: '/auth/passkeys/{passkey_id}',
    operationId: 'renamePasskey',
    summary: 'Call a passkey something else',
    tag,
    arguments: { ...byId, name: body() },
    errors: [NOT_FOUND],
  },

  deletePasskey: {
    method: 'DELETE',
    path: '/auth/passkeys/{passkey_id}',
    operationId: 'deletePasskey',
    summary: 'Remove a passkey',
    tag,
    arguments: byId,
    errors: [NOT_FOUND],
  },

  startPasskeyLogin: {
    method: 'POST',
    path: '/auth/passkeys/login/options',
    operationId: 'startPasskeyLogin',
    summary: 'Begin a login with a passkey',
    tag,
    errors: [TOO_MANY_LOGINS],
  },

  finishPasskeyLogin: {
    method: 'POST',
    path: '/auth/passkeys/login',
    operationId: 'finishPasskeyLogin',
    summary: 'Log in with a passkey',
    tag,
    arguments: { credential: body() },
    errors: [
      { code: 'UNAUTHENTICATED', message: 'Invalid passkey' },
      { code: 'UNAUTHENTICATED', message: 'Invalid credentials' },
      { code: 'FORBIDDEN', message: 'Account disabled' },
    ],
  },
} satisfies Record<string, RestRoute>;
