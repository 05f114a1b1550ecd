import type { Viewer } from '../../../kernel/viewer.js';

/** A conversation, and all that is said in it, is its user's alone: also an administrator sees only their own here. */
export function ownsConversation(viewer: Viewer, conversation: { readonly userId: string }): boolean {
  return conversation.userId === viewer.userId;
}
