import type { RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { query } from '../../../rest/sources.js';
import type { Plan as PlanRow } from './plan.js';
import type { ChangePlanResult } from './plan.type.js';

/** A plan in the form of the REST contract, without its name, which is the key of this object in the response. */
const wirePlan = (plan: PlanRow) => ({
  price: plan.price,
  daily_messages: plan.dailyMessages,
  daily_tokens: plan.dailyTokens,
  max_conversations: plan.maxConversations,
  max_file_uploads: plan.maxFileUploads,
});

const PLAN_FIELDS = ['price', 'daily_messages', 'daily_tokens', 'max_conversations', 'max_file_uploads'] as const;

const overQuota = (what: string): RestError => ({
  code: 'QUOTA_EXCEEDED',
  status: 400,
  message: `Over ${what} quota`,
  insteadOf: `Over ${what} quota`,
});

export const routes = {
  listPlans: {
    method: 'GET',
    path: '/plans',
    operationId: 'listPlans',
    summary: 'List the plans',
    tag: 'Plans',
    data: {
      schema: {
        type: 'object',
        description: 'The plans, by name.',
        additionalProperties: {
          type: 'object',
          additionalProperties: false,
          required: PLAN_FIELDS,
          properties: Object.fromEntries(PLAN_FIELDS.map((name) => [name, { type: 'integer' }])),
        },
      },
      example: {
        free: { price: 0, daily_messages: 20, daily_tokens: 5000, max_conversations: 3, max_file_uploads: 0 },
      },
      from: (plans: readonly PlanRow[]) => Object.fromEntries(plans.map((plan) => [plan.id, wirePlan(plan)])),
    },
  },

  changePlan: {
    method: 'POST',
    path: '/user/upgrade',
    operationId: 'changePlan',
    summary: "Change the caller's plan",
    tag: 'Plans',
    arguments: { plan: query('plan') },
    data: {
      schema: {
        type: 'object',
        additionalProperties: false,
        required: ['detail'],
        properties: {
          detail: { type: 'string', enum: ['plan updated', 'plan unchanged'] },
          price: { type: 'integer', description: "The new plan's price; only when the plan was updated." },
        },
      },
      example: { detail: 'plan updated', price: 10 },
      from: (result: ChangePlanResult) =>
        result.changed ? { detail: 'plan updated', price: result.plan.price } : { detail: 'plan unchanged' },
    },
    errors: [
      { code: 'BAD_USER_INPUT', status: 400, message: 'Invalid plan', insteadOf: 'Invalid plan' },
      overQuota('conversation'),
      overQuota('message'),
      overQuota('token'),
      overQuota('file'),
    ],
  },
} satisfies Record<string, RestRoute>;
