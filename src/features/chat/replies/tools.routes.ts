import type { RestRoute } from '../../../rest/route.js';
import { body, path } from '../../../rest/sources.js';
import { messageVersion } from '../messages/message.js';

export const routes = {
  submitToolResults: {
    method: 'POST',
    path: '/messages/{message_id}/tool-results',
    operationId: 'submitToolResults',
    summary: 'Answer the tools that a reply has called',
    tag: 'Messages',
    arguments: { messageId: path('message_id'), results: body() },
    version: messageVersion,
    errors: [
      { code: 'QUOTA_EXCEEDED', message: 'Upgrade required' },
      { code: 'NOT_FOUND', message: 'Message not found' },
      { code: 'CONFLICT', message: 'The reply does not wait for tool results' },
    ],
  },
} satisfies Record<string, RestRoute>;
