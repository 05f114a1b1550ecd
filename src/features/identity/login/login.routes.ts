import type { RestRoute } from '../../../rest/route.js';
import { body } from '../../../rest/sources.js';
import { SECOND_FACTOR_REQUIRED, TOO_MANY_CODES } from '../second-factor/second-factor.routes.js';

export const routes = {
  login: {
    method: 'POST',
    path: '/auth/login',
    operationId: 'login',
    summary: 'Log in with e-mail address and password',
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
