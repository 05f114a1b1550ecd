import type { RestRoute } from '../../../rest/route.js';

export const routes = {
  listModels: {
    method: 'GET',
    path: '/models',
    operationId: 'listModels',
    summary: 'List the models that can be asked',
    tag: 'Models',
  },
} satisfies Record<string, RestRoute>;
