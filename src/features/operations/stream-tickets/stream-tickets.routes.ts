import type { RestRoute } from '../../../rest/route.js';
import { path } from '../../../rest/sources.js';

export const routes = {
  createStreamTicket: {
    method: 'POST',
    path: '/messages/{message_id}/stream-ticket',
    operationId: 'createStreamTicket',
    summary: "Get a ticket for a browser's EventSource to follow a reply with",
    description:
      "A ticket for the stream of a reply, for a browser's `EventSource`, which can send no header. 404; 422 for a message that the model did not write.",
    tag: 'Messages',
    arguments: { messageId: path('message_id') },
    errors: [{ code: 'NOT_FOUND', message: 'Message not found' }],
  },
} satisfies Record<string, RestRoute>;
