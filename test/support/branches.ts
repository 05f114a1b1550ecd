import type { Actor } from './actor.js';
import type { MessageStatus } from './replies.js';

export interface BranchMessage {
  readonly id: string;
  readonly text: string | null;
  readonly messageType: string;
  readonly status: MessageStatus;
  readonly parent: { readonly id: string } | null;
  readonly replyTo: { readonly id: string } | null;
  readonly siblings: {
    readonly index: number;
    readonly totalCount: number;
    readonly nodes: readonly { readonly id: string }[];
  };
}

const MESSAGE = `id text messageType status parent { id } replyTo { id } siblings { index totalCount nodes { id } }`;

export const EDIT = `mutation ($id: ID!, $input: EditMessageInput!) {
  editMessage(id: $id, input: $input) { message { id } reply { id } }
}`;
export const REGENERATE = `mutation ($id: ID!, $expectedLeafId: ID, $waitForReply: Boolean) {
  regenerateReply(messageId: $id, expectedLeafId: $expectedLeafId, waitForReply: $waitForReply) { id }
}`;
export const SELECT = `mutation ($id: ID!) { selectBranch(messageId: $id) { id currentLeaf { id } } }`;
export const FORK = `mutation ($id: ID!) { forkConversation(messageId: $id) { id title messageCount unreadCount } }`;

export interface Branch {
  readonly messages: readonly BranchMessage[];
  readonly totalCount: number;
  readonly currentLeaf: { readonly id: string } | null;
}

/** The current branch of a conversation, of at most 100 messages. */
export async function branchOf(actor: Actor, conversationId: string): Promise<Branch> {
  const { conversation } = await actor.ask<{
    conversation: {
      messages: { nodes: BranchMessage[]; totalCount: number };
      currentLeaf: { id: string } | null;
    };
  }>(
    `query ($id: ID!) { conversation(id: $id) { currentLeaf { id } messages(first: 100) { totalCount nodes { ${MESSAGE} } } } }`,
    { id: conversationId },
  );
  const { messages, currentLeaf } = conversation;
  return { messages: messages.nodes, totalCount: messages.totalCount, currentLeaf };
}
