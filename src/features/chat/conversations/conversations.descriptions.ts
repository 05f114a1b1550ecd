import { MAX_DELETIONS } from './conversation.js';

export const descriptions = {
  markRead:
    "Notes that the caller has read one of their conversations up to a message, whichever branch that is on: `unreadCount` counts what the model wrote later. A mark never goes back. `conversationListEvents` tells the user's other devices. NOT_FOUND.",

  upTo: 'The latest message that was read; one of this conversation.',

  createConversation: "Begins a conversation. QUOTA_EXCEEDED at the plan's `maxConversations`.",

  deleteConversation:
    'Deletes a conversation with its messages and answers it as it was. A reply streaming in it stops.',

  deleteConversations: `Deletes up to ${MAX_DELETIONS} of the caller's conversations; others are passed over. How many were deleted.`,

  deleteConversationList: `Deletes up to ${MAX_DELETIONS} of the caller's conversations and answers which; others are passed over.`,

  conversationListEvents:
    "What happens in the caller's list of conversations from now on, or after `after`. To miss nothing, subscribe first and read the list then.",
} as const;
