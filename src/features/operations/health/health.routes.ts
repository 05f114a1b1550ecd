import type { RestRoute } from '../../../rest/route.js';
import { ADMIN_ERRORS } from '../../identity/accounts/accounts.routes.js';

export const routes = {
  getHealth: {
    method: 'GET',
    path: '/health',
    operationId: 'getHealth',
    summary: 'Tell whether the service works',
    tag: 'Health',
    errors: [{ code: 'UNAVAILABLE', message: 'The database cannot be reached at present' }],
  },

  adminGetHealth: {
    method: 'GET',
    path: '/admin/health',
    operationId: 'adminGetHealth',
    summary: 'Tell the state of each part that the service stands on',
    tag: 'Admin',
    errors: ADMIN_ERRORS,
  },
} satisfies Record<string, RestRoute>;
