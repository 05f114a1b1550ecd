import type { RestRoute } from '../../../rest/route.js';
import { body, paging, path } from '../../../rest/sources.js';
import { ADMIN_ERRORS, NO_SUCH_USER } from '../../identity/accounts/accounts.routes.js';

export const routes = {
  adminCorrectUsage: {
    method: 'POST',
    path: '/admin/users/{user_id}/usage/corrections',
    operationId: 'adminCorrectUsage',
    summary: 'Change what a user has used today',
    tag: 'Admin',
    arguments: { userId: path('user_id'), input: body() },
    errors: [...ADMIN_ERRORS, NO_SUCH_USER, { code: 'CONFLICT', message: 'Less than that was used today' }],
  },

  adminListUsageCorrections: {
    method: 'GET',
    path: '/admin/users/{user_id}/usage/corrections',
    operationId: 'adminListUsageCorrections',
    summary: 'List the changes that admins made of what a user has used, newest first',
    tag: 'Admin',
    arguments: { userId: path('user_id'), ...paging },
    errors: [...ADMIN_ERRORS, NO_SUCH_USER],
  },
} satisfies Record<string, RestRoute>;
