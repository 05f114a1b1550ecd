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

const PLAN_FIELDS = {
  price: 'What it costs, in whole units of the currency that the operator bills in.',
  daily_messages: 'Messages and chats a UTC day.',
  daily_tokens: 'Tokens of prompts and answers together a UTC day.',
  max_conversations: 'Conversations at a time.',
  max_file_uploads: 'Files at a time.',
} as const;

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
        title: 'Plans',
        type: 'object',
        description: 'The plans, by name.',
        additionalProperties: {
          title: 'Plan',
          type: 'object',
          description: 'What a user may use.',
          additionalProperties: false,
          required: Object.keys(PLAN_FIELDS),
          properties: Object.fromEntries(
            Object.entries(PLAN_FIELDS).map(([name, description]) => [
              name,
              { type: 'integer', format: 'int32', description },
            ]),
          ),
        },
      },
      example: {
        free: { price: 0, daily_messages: 20, daily_tokens: 5000, max_conversations: 3, max_file_uploads: 0 },
      },
      from: (plans: readonly PlanRow[]) => Object.fromEntries(plans.map((plan) => [plan.id, wirePlan(plan)])),
    },
  },

  getLimits: {
    method: 'GET',
    path: '/user/limits',
    operationId: 'getLimits',
    summary: "Read the limits of one's plan, and how much of them is used",
    tag: 'Plans',
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
        title: 'PlanChange',
        type: 'object',
        additionalProperties: false,
        required: ['detail'],
        properties: {
          detail: {
            type: 'string',
            enum: ['plan updated', 'plan unchanged'],
            description: 'Whether the plan is another one now.',
          },
          price: {
            type: 'integer',
            format: 'int32',
            description: "The new plan's price; only when the plan was updated.",
          },
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
