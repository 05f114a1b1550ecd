import type { Viewer } from '../../../kernel/viewer.js';

/** Conversations and their messages are private to their user: admins, too, see only their own here. */
export function ownsConversation(viewer: Viewer, conversation: { readonly userId: string }): boolean {
  return conversation.userId === viewer.userId;
}
