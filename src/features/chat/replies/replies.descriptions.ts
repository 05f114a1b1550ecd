export const SEQUENCE_DESCRIPTION =
  'Counts the events of this reply from 1 without a gap: give the last one seen as `after` to go on from there.';

export const descriptions = {
  createMessage:
    'Adds a message to a conversation. With `invokeLlm`, the model answers a `user` message: follow `reply(messageId)`. RATE_LIMITED, then QUOTA_EXCEEDED when the day has no message or too few tokens left.',

  chat: 'Asks the model and waits for the whole answer. Without a conversation nothing but usage is stored. QUOTA_EXCEEDED, then RATE_LIMITED; UPSTREAM_FAILED when the model fails.',

  editMessage:
    "Adds another version of one of the caller's messages beside it: the new one and its reply become the end of the current branch, and the old branch stays. With `invokeLlm`, the model answers it, given what came before it. Errors as of `createMessage`; BAD_USER_INPUT for a reply of the model.",

  regenerateReply:
    'Has the model answer a question once more, given what came before it: the new reply stands beside the old one, which stays, and is the end of the current branch. Follow it with `reply`. RATE_LIMITED, then QUOTA_EXCEEDED; CONFLICT where the question was deleted.',

  images:
    "What the model is shown with this question (`images` of the operations that ask the model), in that order, without files that were deleted since. Empty for other messages, and for those who are not the files' user.",

  submitToolResults:
    'Answers the tools that a reply has called, each call that waits, and lets the same reply go on: its events are numbered on, and who follows it goes on reading. Answers the reply. NOT_FOUND; BAD_USER_INPUT for results that are not those that it waits for; CONFLICT where it does not wait, since it was answered, stopped, or waited too long; QUOTA_EXCEEDED when the day has too few tokens left: it then goes on waiting. UNAVAILABLE: submit again.',

  stopReply:
    'Stops a reply that is streaming; what had come is kept as PARTIAL, and its stream ends with ReplyFailed `STOPPED`. A reply that has ended stays as it is.',

  chatEvents:
    'Asks the model once and streams its answer; nothing but usage is stored unless a conversation is named. Without one, the model stops when the subscription does.',

  reply:
    "A reply's events, from the first or after `after`, to its end; to be resumed on any connection and any instance. Completes without an event for a reader who has seen the last one. A reader who had seen more than a crash of the server left stored gets the end under the next number. NOT_FOUND; BAD_USER_INPUT for a message that the model did not write.",
} as const;
