import type { RestRoute } from '../../../rest/route.js';
import { paging, query } from '../../../rest/sources.js';
import { ADMIN_ERRORS } from '../../identity/accounts/accounts.routes.js';

export const routes = {
  adminListAuditEvents: {
    method: 'GET',
    path: '/admin/audit',
    operationId: 'adminListAuditEvents',
    summary: 'Read the audit log, newest first',
    tag: 'Admin',
    arguments: {
      ...paging,
      action: query('action'),
      userId: query('user_id'),
      actorId: query('actor_id'),
      since: query('since'),
      until: query('until'),
    },
    errors: ADMIN_ERRORS,
  },
} satisfies Record<string, RestRoute>;
