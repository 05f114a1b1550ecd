import type { RestRoute } from '../../../rest/route.js';

export const routes = {
  getHealth: {
    method: 'GET',
    path: '/health',
    operationId: 'getHealth',
    summary: 'Tell whether the service works',
    tag: 'Health',
    errors: [{ code: 'UNAVAILABLE', message: 'The database cannot be reached at present' }],
  },
} satisfies Record<string, RestRoute>;
