export const descriptions = {
  messages:
    "The messages of one of the caller's conversations that are on its current branch, oldest first; the same as `Conversation.messages`.",

  searchMessages:
    "The messages of the caller's conversations whose text has this part, newest first, those on other branches than the current ones too. A search looks at so many messages and no more. In a long history, where a part without three letters or digits in a row is rare, or any part is frequent only long ago, a page ends early, and its end leads on; paged by numbers, that is refused. What is found is counted to 10,000.",

  updateMessage:
    "Changes a message of one of the caller's conversations. CONFLICT while it is a reply that is streaming.",

  deleteMessage:
    'Deletes a message and answers it as it was. What follows it stays, and follows the message before it. Where it was the end of the current branch, and other messages follow the one before it, the branch goes on with those, to the leaf that was added last. A reply that is streaming stops.',

  parent:
    'The message that this one follows on its branch. Null for the first one. Messages that follow the same one are versions of each other.',

  siblings:
    'The versions of this message: those that follow the same one, itself among them. A question that was edited, or an answer that was written once more, has several.',

  messageSiblings:
    "The versions of a message of one of the caller's conversations, the 20 around it at most, oldest first; the same as the nodes of `Message.siblings`.",

  selectBranch:
    "Makes the branch through a message the current one of its conversation, to the leaf below it that was added last: `messages` lists it, and the model is given it. The conversation's `updatedAt` stays.",

  forkConversation:
    "Begins a conversation with a copy of the branch that ends with a message, under the title and with the settings of its conversation; the old one stays as it is. A reply that is streaming is copied as far as it is stored, as PARTIAL. QUOTA_EXCEEDED at the plan's `maxConversations`.",

  currentLeaf:
    "The last message of the conversation's current branch; null where it has no messages. FORBIDDEN where the conversation is another user's, whom an admin was shown.",

  lastMessage: 'The same as `currentLeaf`, for lists of conversations.',

  replyTo: 'The message that this one answers. Null where it answers none, or that was deleted.',

  toolCalls:
    'The tools that the model called for this reply, in order, as far as they are stored. While `waitsUntil` is set, those without a result wait for the client.',

  reasoning:
    'What the model thought before its answer, as far as it is stored; no part of `text`. Null where its provider tells nothing of that, and once the reply was edited.',

  conversationEvents:
    "What happens in one of the caller's conversations from now on, or after `after`, until it is deleted.",

  messagesOfConversation:
    "Those on the current branch, oldest first; `last`/`before` read from the newest end. FORBIDDEN where the conversation is another user's, whom an admin was shown.",
} as const;
