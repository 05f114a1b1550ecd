import type { RestRoute } from '../../../rest/route.js';
import { ADMIN_ERRORS } from '../../identity/accounts/accounts.routes.js';

export const routes = {
  adminListModelBreakers: {
    method: 'GET',
    path: '/admin/model-breakers',
    operationId: 'adminListModelBreakers',
    summary: 'Tell which models are left alone, since their providers fail',
    tag: 'Admin',
    errors: ADMIN_ERRORS,
  },
} satisfies Record<string, RestRoute>;
