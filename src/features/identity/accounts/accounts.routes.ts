import type { RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { body, paging, path, query } from '../../../rest/sources.js';

const ADMINS_ONLY: RestError = { code: 'FORBIDDEN', message: 'Admin privileges required' };
export const NO_SUCH_USER: RestError = { code: 'NOT_FOUND', message: 'User not found' };
const USER_EXISTS: RestError = {
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

/** Read-only fields are accepted and ignored, since clients send whole users back. */
const changes = body({ readOnly: ['user_id', 'last_login'] });
const FORBIDDEN: RestError = { code: 'FORBIDDEN', message: 'Forbidden' };

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
    errors: [USER_EXISTS, ADMINS_ONLY, ...SENT_CREDENTIALS],
  },

  updateMe: {
    method: 'PATCH',
    path: '/users/me',
    operationId: 'updateMe',
    summary: "Change one's own account",
    tag: 'Users',
    arguments: { input: changes },
    errors: [USER_EXISTS, ADMINS_ONLY, LAST_ADMIN],
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
    tag: 'Users',
    arguments: { id: path('user_id'), input: changes },
    errors: [FORBIDDEN, ADMINS_ONLY, NO_SUCH_USER, USER_EXISTS, LAST_ADMIN],
  },

  replaceUser: {
    method: 'PUT',
    path: '/users/{user_id}',
    operationId: 'replaceUser',
    summary: 'Change an account; what is left out stays',
    tag: 'Users',
    arguments: { id: path('user_id'), input: changes },
    errors: [FORBIDDEN, ADMINS_ONLY, NO_SUCH_USER, USER_EXISTS, LAST_ADMIN],
  },

  adminUpdateUser: {
    method: 'PATCH',
    path: '/admin/users/{user_id}',
    operationId: 'adminUpdateUser',
    summary: 'Change any account',
    tag: 'Admin',
    arguments: { id: path('user_id'), input: changes },
    errors: [MISSING_ADMIN_HEADER, ADMINS_ONLY, NO_SUCH_USER, USER_EXISTS, LAST_ADMIN],
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
