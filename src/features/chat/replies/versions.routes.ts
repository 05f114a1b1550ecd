import type { RestRoute } from '../../../rest/route.js';
import { body, path } from '../../../rest/sources.js';
import { messageVersion, type MessageRow } from '../messages/message.js';
import { STALE_LEAF } from '../messages/stale-leaf.routes.js';

const tag = 'Messages';

export const routes = {
  editMessage: {
    method: 'POST',
    path: '/messages/{message_id}/edit',
    operationId: 'editMessage',
    summary: 'Add another version of a message, and ask the model to answer it',
    tag,
    arguments: { id: path('message_id'), input: body() },
    field: 'message',
    version: ({ message }: { readonly message: MessageRow }) => messageVersion(message),
    errors: [
      { code: 'RATE_LIMITED', message: 'Too many messages' },
      { code: 'QUOTA_EXCEEDED', message: 'Upgrade required' },
      { code: 'NOT_FOUND', message: 'Message not found' },
      STALE_LEAF,
    ],
  },

  regenerateReply: {
    method: 'POST',
    path: '/messages/{message_id}/regenerate',
    operationId: 'regenerateReply',
    summary: 'Have the model answer a question once more',
    tag,
    arguments: { messageId: path('message_id'), waitForReply: body(), expectedLeafId: body(), model: body() },
    version: messageVersion,
    errors: [
      { code: 'RATE_LIMITED', message: 'Too many requests' },
      { code: 'QUOTA_EXCEEDED', message: 'Upgrade required' },
      { code: 'NOT_FOUND', message: 'Message not found' },
      { code: 'CONFLICT', message: 'The question of this reply was deleted' },
      STALE_LEAF,
    ],
  },
} satisfies Record<string, RestRoute>;
