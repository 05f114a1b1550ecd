import type { RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { body, paging, path, query } from '../../../rest/sources.js';

const tag = 'Messages';
const NOT_FOUND: RestError = { code: 'NOT_FOUND', message: 'Message not found' };

export const routes = {
  getMessage: {
    method: 'GET',
    path: '/messages/{message_id}',
    operationId: 'getMessage',
    summary: 'Read a message',
    tag,
    arguments: { id: path('message_id') },
    errors: [NOT_FOUND],
  },

  listMessages: {
    method: 'GET',
    path: '/conversations/{conversation_id}/messages',
    operationId: 'listMessages',
    summary: 'List the messages of a conversation, oldest first',
    tag,
    arguments: { conversationId: path('conversation_id'), ...paging },
    errors: [{ code: 'NOT_FOUND', message: 'Conversation not found' }],
  },

  searchMessages: {
    method: 'GET',
    path: '/messages/search',
    operationId: 'searchMessages',
    summary: "Find messages in the caller's conversations, newest first",
    tag,
    arguments: { query: query('q'), ...paging },
  },

  updateMessage: {
    method: 'PATCH',
    path: '/messages/{message_id}',
    operationId: 'updateMessage',
    summary: 'Change a message',
    tag,
    arguments: {
      id: path('message_id'),
      input: body({ readOnly: ['message_id', 'conversation_id', 'user_id', 'timestamp'] }),
    },
    errors: [NOT_FOUND],
  },

  deleteMessage: {
    method: 'DELETE',
    path: '/messages/{message_id}',
    operationId: 'deleteMessage',
    summary: 'Delete a message',
    tag,
    arguments: { id: path('message_id') },
    errors: [NOT_FOUND],
  },
} satisfies Record<string, RestRoute>;
