import type { RestFileRoute } from '../../../rest/route.js';

export const routes = {
  exportConversations: {
    method: 'GET',
    path: '/conversations/export',
    operationId: 'exportConversations',
    summary: "Save all of the caller's conversations with their messages",
    tag: 'Conversations',
    filename: 'conversations',
    item: { event: 'ExportedConversation', field: 'conversation' },
    rows: { event: 'ExportedMessages', field: 'messages' },
  },
} satisfies Record<string, RestFileRoute>;
