/** An event in a conversation. It has only the message's id: subscriptions load the message in its present state. */
export type ConversationEvent =
  | { readonly type: 'created' | 'updated' | 'deleted' | 'reply-started'; readonly messageId: string }
  | { readonly type: 'conversation-deleted' };

/** Key of a conversation's stream in the event log. */
export function conversationStream(conversationId: string): string {
  return `conversation:${conversationId}`;
}
