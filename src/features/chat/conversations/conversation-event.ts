/** What happens in a conversation, as its subscribers are told; they load the message themselves. */
export type ConversationEvent =
  | { readonly type: 'created' | 'updated' | 'deleted' | 'reply-started'; readonly messageId: string }
  | { readonly type: 'conversation-deleted' };

/** The event log's key of a conversation's events. */
export function conversationStream(conversationId: string): string {
  return `conversation:${conversationId}`;
}
