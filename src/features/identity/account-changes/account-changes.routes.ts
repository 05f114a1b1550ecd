import { detail, type RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { body } from '../../../rest/sources.js';
import { INVALID_CODE, TOO_MANY_CODES, TOO_MANY_LOGINS, USER_EXISTS } from '../accounts/accounts.routes.js';
import { RECENT_LOGIN_REQUIRED } from '../second-factor/second-factor.routes.js';

const tag = 'Auth';
const PROOF_ERRORS: readonly RestError[] = [INVALID_CODE, TOO_MANY_CODES, TOO_MANY_LOGINS, RECENT_LOGIN_REQUIRED];

export const routes = {
  changePassword: {
    method: 'POST',
    path: '/auth/change-password',
    operationId: 'changePassword',
    summary: "Change one's own password",
    tag,
    arguments: { current: body(), new: body(), code: body() },
    data: detail('password changed'),
    errors: [...PROOF_ERRORS, { code: 'CONFLICT', message: 'The account was changed meanwhile' }],
  },

  changeEmail: {
    method: 'POST',
    path: '/auth/change-email',
    operationId: 'changeEmail',
    summary: 'Ask for a code to take a new e-mail address with',
    tag,
    arguments: { password: body(), email: body(), code: body() },
    data: detail('confirmation requested'),
    errors: [...PROOF_ERRORS, USER_EXISTS, { code: 'RATE_LIMITED', message: 'Too many requests' }],
  },

  confirmEmailChange: {
    method: 'POST',
    path: '/auth/confirm-email-change',
    operationId: 'confirmEmailChange',
    summary: 'Take a new e-mail address with a code',
    tag,
    arguments: { code: body() },
    errors: [INVALID_CODE, USER_EXISTS],
  },

  undoAccountChange: {
    method: 'POST',
    path: '/auth/undo-change',
    operationId: 'undoAccountChange',
    summary: 'Undo a change of a password or an e-mail address with the token of a mailed link',
    tag,
    arguments: { token: body() },
    data: detail('change undone'),
    errors: [{ code: 'BAD_USER_INPUT', status: 400, message: 'Invalid link' }, USER_EXISTS],
  },
} satisfies Record<string, RestRoute>;
