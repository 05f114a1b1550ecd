import { MAX_DELETIONS } from './conversation.js';

export const descriptions = {
  createConversation: "Begins a conversation. QUOTA_EXCEEDED at the plan's `maxConversations`.",

  deleteConversation:
    'Deletes a conversation with its messages and answers it as it was. A reply streaming in it stops.',

  deleteConversations: `Deletes up to ${MAX_DELETIONS} of the caller's conversations; others are passed over. How many were deleted.`,
} as const;
