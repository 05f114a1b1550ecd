import type { RestRoute } from '../../../rest/route.js';

export const routes = {
  listUsage: {
    method: 'GET',
    path: '/user/usage',
    operationId: 'listUsage',
    summary: "List the caller's usage, newest day first",
    tag: 'Plans',
  },
} satisfies Record<string, RestRoute>;
