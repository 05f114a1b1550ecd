export const descriptions = {
  exportConversations:
    "All of the caller's conversations, newest first, each followed by its messages, oldest first, a page an event; it ends after the last. What is changed meanwhile may be in it as it was or as it is.",

  conversationSummaries:
    "All of the caller's conversations, newest first, with how many messages each has. `first` and `afterId` read them in parts.",
} as const;
