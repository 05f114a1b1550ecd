import type { RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { body, paging, path, query } from '../../../rest/sources.js';

const ADMINS_ONLY: RestError = { code: 'FORBIDDEN', message: 'Admin privileges required' };
export const NO_SUCH_USER: RestError = { code: 'NOT_FOUND', message: 'User not found' };
export const USER_EXISTS: RestError = {
  code: 'CONFLICT',
  status: 400,
  message: 'User already exists',
  insteadOf: 'User already exists',
};
const LAST_ADMIN: RestError = {
  code: 'CONFLICT',
  message: 'This is the last admin; make another user an admin first',
};
const MISSING_ADMIN_HEADER: RestError = {
  code: 'UNAUTHENTICATED',
  message: 'Missing admin header',
  insteadOf: 'Missing credentials',
};
/** Errors of every route under `/admin`. */
export const ADMIN_ERRORS: readonly RestError[] = [
  MISSING_ADMIN_HEADER,
  { ...ADMINS_ONLY, insteadOf: 'Forbidden' },
  ADMINS_ONLY,
];

export const INVALID_CODE: RestError = { code: 'BAD_USER_INPUT', status: 400, message: 'Invalid code' };
export const TOO_MANY_CODES: RestError = { code: 'RATE_LIMITED', message: 'Too many wrong codes' };
export const TOO_MANY_LOGINS: RestError = { code: 'RATE_LIMITED', message: 'Too many login attempts' };
/** Errors of a change of one's own password or e-mail address. */
const OWN_CHANGE: readonly RestError[] = [
  INVALID_CODE,
  TOO_MANY_CODES,
  TOO_MANY_LOGINS,
  { code: 'CONFLICT', message: 'The account was changed meanwhile' },
];

const FORBIDDEN: RestError = { code: 'FORBIDDEN', message: 'Forbidden' };
const CHANGES_AN_ACCOUNT =
  "Changes one's own account, or, for admins, any. What is left out stays. 400 when the e-mail address is taken; 409 when nobody would be left to be an admin; 404 when there is no such user; 403 to anyone but an admin.";

const NOT_INVITED: readonly RestError[] = [
  { code: 'BAD_USER_INPUT', status: 400, message: 'Invalid invitation' },
  { code: 'FORBIDDEN', message: 'Sign-up is closed' },
  { code: 'FORBIDDEN', message: 'Sign-up needs an invitation' },
];

/** For a route with optional credentials: invalid ones are still refused. */
const SENT_CREDENTIALS: readonly RestError[] = [
  { code: 'UNAUTHENTICATED', message: 'Invalid token' },
  { code: 'NOT_FOUND', message: 'User not found' },
  { code: 'FORBIDDEN', message: 'Account disabled' },
];

export const routes = {
  getMe: { method: 'GET', path: '/users/me', operationId: 'getMe', summary: "Get one's own account", tag: 'Users' },

  getUser: {
    method: 'GET',
    path: '/users/{user_id}',
    operationId: 'getUser',
    summary: 'Get an account',
    tag: 'Users',
    arguments: { id: path('user_id') },
    errors: [FORBIDDEN, NO_SUCH_USER],
  },

  listUsers: {
    method: 'GET',
    path: '/users',
    operationId: 'listUsers',
    summary: 'List accounts, newest first',
    tag: 'Users',
    arguments: { ...paging, search: query('search') },
    errors: [FORBIDDEN],
  },

  adminListUsers: {
    method: 'GET',
    path: '/admin/users',
    operationId: 'adminListUsers',
    summary: 'List accounts, newest first',
    tag: 'Admin',
    arguments: { ...paging, search: query('search') },
    errors: [MISSING_ADMIN_HEADER, { ...ADMINS_ONLY, insteadOf: 'Forbidden' }],
  },

  createUser: {
    method: 'POST',
    path: '/users',
    operationId: 'createUser',
    summary: 'Create an account',
    tag: 'Users',
    arguments: { input: body() },
    errors: [
      USER_EXISTS,
      ...NOT_INVITED,
      ADMINS_ONLY,
      ...SENT_CREDENTIALS,
      { code: 'RATE_LIMITED', message: 'Too many requests' },
    ],
  },

  updateMe: {
    method: 'PATCH',
    path: '/users/me',
    operationId: 'updateMe',
    summary: "Change one's own account",
    description:
      "Changes the caller's account. 400 when the e-mail address is taken; 409 when nobody would be left to be an admin.",
    tag: 'Users',
    arguments: { input: body() },
    errors: [USER_EXISTS, ADMINS_ONLY, LAST_ADMIN, ...OWN_CHANGE],
  },

  deleteMe: {
    method: 'DELETE',
    path: '/users/me',
    operationId: 'deleteMe',
    summary: "Delete one's own account",
    tag: 'Users',
    errors: [LAST_ADMIN],
  },

  updateUser: {
    method: 'PATCH',
    path: '/users/{user_id}',
    operationId: 'updateUser',
    summary: 'Change an account',
    description: CHANGES_AN_ACCOUNT,
    tag: 'Users',
    arguments: { id: path('user_id'), input: body() },
    errors: [FORBIDDEN, ADMINS_ONLY, NO_SUCH_USER, USER_EXISTS, LAST_ADMIN, ...OWN_CHANGE],
  },

  replaceUser: {
    method: 'PUT',
    path: '/users/{user_id}',
    operationId: 'replaceUser',
    summary: 'Change an account; what is left out stays',
    description: CHANGES_AN_ACCOUNT,
    tag: 'Users',
    arguments: { id: path('user_id'), input: body() },
    errors: [FORBIDDEN, ADMINS_ONLY, NO_SUCH_USER, USER_EXISTS, LAST_ADMIN, ...OWN_CHANGE],
  },

  adminUpdateUser: {
    method: 'PATCH',
    path: '/admin/users/{user_id}',
    operationId: 'adminUpdateUser',
    summary: 'Change any account',
    tag: 'Admin',
    arguments: { id: path('user_id'), input: body() },
    errors: [MISSING_ADMIN_HEADER, ADMINS_ONLY, NO_SUCH_USER, USER_EXISTS, LAST_ADMIN, ...OWN_CHANGE],
  },

  deleteUser: {
    method: 'DELETE',
    path: '/users/{user_id}',
    operationId: 'deleteUser',
    summary: 'Delete an account',
    tag: 'Users',
    arguments: { id: path('user_id') },
    errors: [FORBIDDEN, NO_SUCH_USER, LAST_ADMIN],
  },

  adminCreateUser: {
    method: 'POST',
    path: '/admin/users',
    operationId: 'adminCreateUser',
    summary: 'Create an account with any field',
    tag: 'Admin',
    arguments: { input: body() },
    errors: [...ADMIN_ERRORS, USER_EXISTS],
  },

  adminDeleteUser: {
    method: 'DELETE',
    path: '/admin/users/{user_id}',
    operationId: 'adminDeleteUser',
    summary: 'Delete any account',
    tag: 'Admin',
    arguments: { id: path('user_id') },
    errors: [...ADMIN_ERRORS, NO_SUCH_USER, LAST_ADMIN],
  },

  suspendUser: {
    method: 'POST',
    path: '/admin/users/{user_id}/suspend',
    operationId: 'suspendUser',
    summary: 'Suspend an account',
    tag: 'Admin',
    arguments: { id: path('user_id') },
    errors: [...ADMIN_ERRORS, NO_SUCH_USER, LAST_ADMIN],
  },

  reinstateUser: {
    method: 'POST',
    path: '/admin/users/{user_id}/reinstate',
    operationId: 'reinstateUser',
    summary: 'End the suspension of an account',
    tag: 'Admin',
    arguments: { id: path('user_id') },
    errors: [...ADMIN_ERRORS, NO_SUCH_USER],
  },

  restoreUser: {
    method: 'POST',
    path: '/admin/users/{user_id}/restore',
    operationId: 'restoreUser',
    summary: 'Bring a deleted account back',
    tag: 'Admin',
    arguments: { id: path('user_id') },
    errors: [...ADMIN_ERRORS, NO_SUCH_USER, USER_EXISTS],
  },
} satisfies Record<string, RestRoute>;
