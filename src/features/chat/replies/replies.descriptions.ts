export const descriptions = {
  createMessage:
    'Adds a message to a conversation. With `invokeLlm`, the model answers a `user` message: follow `reply(messageId)`. RATE_LIMITED, then QUOTA_EXCEEDED when the day has no message or too few tokens left.',

  chat: 'Asks the model and waits for the whole answer. Without a conversation nothing but usage is stored. QUOTA_EXCEEDED, then RATE_LIMITED; UPSTREAM_FAILED when the model fails.',

  stopReply:
    'Stops a reply that is streaming; what had come is kept as PARTIAL, and its stream ends with ReplyFailed `STOPPED`. A reply that has ended stays as it is.',

  chatEvents:
    'Asks the model once and streams its answer; nothing but usage is stored unless a conversation is named. Without one, the model stops when the subscription does.',

  reply:
    "A reply's events, from the first or after `after`, to its end; to be resumed on any connection and any instance. BAD_USER_INPUT for a message that the model did not write.",
} as const;
