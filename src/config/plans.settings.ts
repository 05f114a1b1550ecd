import { defaultPlans, plansSchema } from '../features/chat/plans/plan.js';
import { json } from './readers.js';
import { withDefault, type Topic } from './setting.js';

export const plansSettings = {
  title: 'Plans',
  settings: {
    plans: withDefault('PLANS', json.pipe(plansSchema), {
      description:
        'The plans, as JSON on one line; they replace the default plans. A new user gets the first one. Messages and tokens are per day (UTC).',
      default: defaultPlansAsText(),
    }),
  },
} satisfies Topic;

function defaultPlansAsText(): string {
  const plans = defaultPlans.map((plan) => [
    plan.id,
    {
      price: plan.price,
      daily_messages: plan.dailyMessages,
      daily_tokens: plan.dailyTokens,
      max_conversations: plan.maxConversations,
      max_file_uploads: plan.maxFileUploads,
    },
  ]);
  return JSON.stringify(Object.fromEntries(plans));
}
