export const descriptions = {
  messages: "The messages of one of the caller's conversations, oldest first; the same as `Conversation.messages`.",

  searchMessages: "The messages of the caller's conversations whose text has this part, newest first.",

  updateMessage:
    "Changes a message of one of the caller's conversations. CONFLICT while it is a reply that is streaming.",

  deleteMessage: 'Deletes a message and answers it as it was. A reply that is streaming stops.',

  replyTo: 'The message that this one answers. Null where it answers none, or that was deleted.',

  conversationEvents: "What happens in one of the caller's conversations from now on, until it is deleted.",

  messagesOfConversation:
    "Oldest first; `last`/`before` read from the newest end. FORBIDDEN where the conversation is another user's, whom an admin was shown.",
} as const;
