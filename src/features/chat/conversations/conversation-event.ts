import type { EventFeed, FeedEvents } from '../feeds/event-feed.js';

/** An event in a conversation. It has only the message's id: subscriptions load the message in its present state. */
export type ConversationEvent =
  | { readonly type: 'created' | 'deleted' | 'reply-started'; readonly messageId: string }
  | {
      readonly type: 'updated';
      readonly messageId: string;
      /** The current branch is another one, and ends with this message. The release before takes it for a change of the message. */
      readonly selects?: true;
    }
  | { readonly type: 'conversation-deleted' };

/** The current branch is another one. */
export function selectionOf(leafId: string): ConversationEvent {
  return { type: 'updated', messageId: leafId, selects: true };
}

/** What happens in a conversation. */
export function conversationFeed(conversationId: string): EventFeed {
  return { id: conversationId, topic: `conversation:${conversationId}` };
}

/** An event in a user's list of conversations. It has only the id: subscriptions load the conversation in its present state. */
export interface ConversationListEvent {
  readonly type: 'created' | 'updated' | 'deleted';
  readonly conversationId: string;
}

/** What the owner's list is told when something was said in a conversation, or it was changed. */
export function updateOf(userId: string, conversationId: string): FeedEvents<ConversationListEvent> {
  return { feed: conversationListFeed(userId), events: [{ type: 'updated', conversationId }] };
}

/** What happens in a user's list of conversations. */
export function conversationListFeed(userId: string): EventFeed {
  return { id: userId, topic: `conversations:${userId}` };
}
