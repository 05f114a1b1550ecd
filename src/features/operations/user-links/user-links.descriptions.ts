import { MAX_USAGE_DAYS } from '../../chat/usage/usage.js';

export const descriptions = {
  adminConversations:
    "A user's conversations, newest first, without what was said in them. For admins: FORBIDDEN to anyone else.",

  adminUsage: `A user's usage, newest day first; at most ${MAX_USAGE_DAYS} days. For admins: FORBIDDEN to anyone else.`,

  userUsage: `The user's usage, newest day first; at most ${MAX_USAGE_DAYS} days.`,
} as const;
