import type { RestRoute } from '../../../rest/route.js';
import { body } from '../../../rest/sources.js';
import { TOO_MANY_CODES } from '../accounts/accounts.routes.js';
import { SECOND_FACTOR_REQUIRED } from '../second-factor/second-factor.routes.js';

export const routes = {
  login: {
    method: 'POST',
    path: '/auth/login',
    operationId: 'login',
    summary: 'Log in with e-mail address and password',
    description:
      'Opens a session. 401 `Invalid credentials` when address or password is wrong, 403 `Account disabled` when only the account is in the way; 401 `Second factor required` when the user has one, with a challenge for `POST /auth/second-factor` in `data`; 429 after too many tries for an address or from a client, good ones included; 503 when too many passwords are being checked at once.',
    tag: 'Auth',
    arguments: { input: body() },
    errors: [
      { code: 'UNAUTHENTICATED', message: 'Invalid credentials' },
      SECOND_FACTOR_REQUIRED,
      { code: 'FORBIDDEN', message: 'Account disabled' },
      { code: 'RATE_LIMITED', message: 'Too many login attempts' },
    ],
  },

  completeLogin: {
    method: 'POST',
    path: '/auth/second-factor',
    operationId: 'completeLogin',
    summary: 'End a login with the second factor',
    tag: 'Second factor',
    arguments: { input: body() },
    errors: [
      { code: 'UNAUTHENTICATED', message: 'Invalid challenge' },
      { code: 'UNAUTHENTICATED', message: 'Invalid code' },
      { code: 'UNAUTHENTICATED', message: 'Invalid credentials' },
      { code: 'FORBIDDEN', message: 'Account disabled' },
      TOO_MANY_CODES,
    ],
  },
} satisfies Record<string, RestRoute>;
