import type { RestRoute } from '../../../rest/route.js';
import { paging } from '../../../rest/sources.js';
import { ADMIN_ERRORS } from '../../identity/accounts/accounts.routes.js';

export const routes = {
  adminListModelFailures: {
    method: 'GET',
    path: '/admin/model-failures',
    operationId: 'adminListModelFailures',
    summary: "List the latest failures of the model's provider, newest first",
    tag: 'Admin',
    arguments: { ...paging },
    errors: ADMIN_ERRORS,
  },
} satisfies Record<string, RestRoute>;
