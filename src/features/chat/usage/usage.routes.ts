import type { RestRoute } from '../../../rest/route.js';
import { paging, query } from '../../../rest/sources.js';

const tag = 'Plans';

export const routes = {
  listUsage: {
    method: 'GET',
    path: '/user/usage',
    operationId: 'listUsage',
    summary: "List the caller's usage, newest day first",
    tag,
  },

  listUsageLedger: {
    method: 'GET',
    path: '/user/usage/ledger',
    operationId: 'listUsageLedger',
    summary: "List the caller's ledger, newest first",
    tag,
    arguments: paging,
  },

  summarizeUsage: {
    method: 'GET',
    path: '/user/usage/summary',
    operationId: 'summarizeUsage',
    summary: "Add up the caller's usage by day, model or kind",
    description: "The caller's usage, added up; at most 366 days. 422 for a longer range.",
    tag,
    arguments: { by: query('by'), since: query('since'), until: query('until') },
  },
} satisfies Record<string, RestRoute>;
