import type { RestRoute } from '../../../rest/route.js';
import { paging, path } from '../../../rest/sources.js';
import { ADMIN_ERRORS, NO_SUCH_USER } from '../../identity/accounts/accounts.routes.js';

export const routes = {
  adminListConversations: {
    method: 'GET',
    path: '/admin/users/{user_id}/conversations',
    operationId: 'adminListConversations',
    summary: "List a user's conversations, newest first",
    tag: 'Admin',
    arguments: { userId: path('user_id'), ...paging },
    errors: [...ADMIN_ERRORS, NO_SUCH_USER],
  },

  adminListUsage: {
    method: 'GET',
    path: '/admin/users/{user_id}/usage',
    operationId: 'adminListUsage',
    summary: "List a user's usage, newest day first",
    tag: 'Admin',
    arguments: { userId: path('user_id') },
    errors: [...ADMIN_ERRORS, NO_SUCH_USER],
  },
} satisfies Record<string, RestRoute>;
