import { MAX_PAGE_SIZE } from '../../../kernel/page.js';
import type { AnyRestRoute } from '../../../rest/route.js';

export const routes = {
  /** What the first version of this path answered. */
  listConversationSummaries: {
    method: 'GET',
    path: '/conversations/export',
    operationId: 'listConversationSummaries',
    summary: "List all of the caller's conversations with their sizes",
    description: "All of the caller's conversations, newest first, with how many messages each has.",
    tag: 'Conversations',
    pages: { size: MAX_PAGE_SIZE, first: 'first', after: 'afterId', key: 'conversation_id' },
  },

  exportConversations: {
    method: 'GET',
    path: '/conversations/export/file',
    beside: '/conversations/export',
    operationId: 'exportConversations',
    summary: "Save all of the caller's conversations with their messages",
    tag: 'Conversations',
    errors: [{ code: 'RATE_LIMITED', message: 'Too many open streams' }],
    filename: 'conversations',
    item: { event: 'ExportedConversation', field: 'conversation' },
    rows: { event: 'ExportedMessages', field: 'messages' },
  },
} satisfies Record<string, AnyRestRoute>;
