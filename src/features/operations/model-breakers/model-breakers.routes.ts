import type { RestRoute } from '../../../rest/route.js';
import { body, path } from '../../../rest/sources.js';
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

  adminCloseModelBreaker: {
    method: 'POST',
    path: '/admin/model-breakers/{model}/close',
    operationId: 'adminCloseModelBreaker',
    summary: 'Have a model asked again that is left alone',
    description:
      'Has a model asked again as if its provider had not failed: by the instance that answers at once, by all others within seconds. One that is asked stays so.',
    tag: 'Admin',
    arguments: { model: path('model'), reason: body() },
    errors: [...ADMIN_ERRORS, { code: 'NOT_FOUND', message: 'Model breaker not found' }],
  },
} satisfies Record<string, RestRoute>;
