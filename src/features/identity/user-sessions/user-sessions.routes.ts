import { detail, type RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { path } from '../../../rest/sources.js';
import { ADMIN_ERRORS, NO_SUCH_USER } from '../accounts/accounts.routes.js';

const NO_SUCH_SESSION: RestError = { code: 'NOT_FOUND', message: 'Session not found' };

export const routes = {
  adminListSessions: {
    method: 'GET',
    path: '/admin/users/{user_id}/sessions',
    operationId: 'adminListSessions',
    summary: 'List where a user is logged in, newest first',
    tag: 'Admin',
    arguments: { userId: path('user_id') },
    errors: [...ADMIN_ERRORS, NO_SUCH_USER],
  },

  adminRevokeSession: {
    method: 'DELETE',
    path: '/admin/users/{user_id}/sessions/{session_id}',
    operationId: 'adminRevokeSession',
    summary: "End a user's session",
    tag: 'Admin',
    arguments: { userId: path('user_id'), id: path('session_id') },
    data: detail('session ended'),
    errors: [...ADMIN_ERRORS, NO_SUCH_USER, NO_SUCH_SESSION],
  },

  adminRevokeAllSessions: {
    method: 'DELETE',
    path: '/admin/users/{user_id}/sessions',
    operationId: 'adminRevokeAllSessions',
    summary: "End all of a user's sessions",
    tag: 'Admin',
    arguments: { userId: path('user_id') },
    errors: [...ADMIN_ERRORS, NO_SUCH_USER],
  },
} satisfies Record<string, RestRoute>;
