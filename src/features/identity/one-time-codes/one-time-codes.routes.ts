import { detail, type RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { body } from '../../../rest/sources.js';

const INVALID_CODE: RestError = { code: 'BAD_USER_INPUT', status: 400, message: 'Invalid OTP' };
const TOO_MANY_REQUESTS: RestError = { code: 'RATE_LIMITED', message: 'Too many requests' };
const EMAIL_REQUIRED = { status: 400, message: 'Email required' } as const;
const INVALID_REQUEST = { status: 400, message: 'Invalid request' } as const;

export const routes = {
  requestPasswordReset: {
    method: 'POST',
    path: '/auth/request-reset',
    operationId: 'requestPasswordReset',
    summary: 'Ask for a code to set a new password with',
    tag: 'Auth',
    arguments: { email: body() },
    incomplete: EMAIL_REQUIRED,
    data: detail('reset requested'),
    errors: [TOO_MANY_REQUESTS],
  },

  resetPassword: {
    method: 'POST',
    path: '/auth/reset-password',
    operationId: 'resetPassword',
    summary: 'Set a new password with a code',
    tag: 'Auth',
    arguments: { input: body() },
    incomplete: INVALID_REQUEST,
    data: detail('password updated'),
    errors: [INVALID_CODE],
  },

  requestEmailVerification: {
    method: 'POST',
    path: '/auth/request-verify',
    operationId: 'requestEmailVerification',
    summary: 'Ask for a code to confirm an e-mail address with',
    tag: 'Auth',
    arguments: { email: body() },
    incomplete: EMAIL_REQUIRED,
    data: detail('verification requested'),
    errors: [TOO_MANY_REQUESTS],
  },

  verifyEmail: {
    method: 'POST',
    path: '/auth/verify-email',
    operationId: 'verifyEmail',
    summary: 'Confirm an e-mail address with a code',
    tag: 'Auth',
    arguments: { input: body() },
    incomplete: INVALID_REQUEST,
    data: detail('email verified'),
    errors: [INVALID_CODE],
  },
} satisfies Record<string, RestRoute>;
