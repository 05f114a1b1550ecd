import type { RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { body, ifMatch, paging, path, query } from '../../../rest/sources.js';
import { messageVersion } from './message.js';

const tag = 'Messages';
const NOT_FOUND: RestError = { code: 'NOT_FOUND', message: 'Message not found' };
const CHANGED: RestError = { code: 'PRECONDITION_FAILED', message: 'Precondition failed' };

export const routes = {
  getMessage: {
    method: 'GET',
    path: '/messages/{message_id}',
    operationId: 'getMessage',
    summary: 'Read a message',
    tag,
    arguments: { id: path('message_id') },
    version: messageVersion,
    errors: [NOT_FOUND],
  },

  listMessages: {
    method: 'GET',
    path: '/conversations/{conversation_id}/messages',
    operationId: 'listMessages',
    summary: 'List the messages of a conversation, oldest first',
    description: "The messages of one of the caller's conversations that are on its current branch, oldest first.",
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
    arguments: { id: path('message_id'), ifVersion: ifMatch, input: body() },
    version: messageVersion,
    errors: [NOT_FOUND, { code: 'CONFLICT', message: 'The reply is still streaming' }, CHANGED],
  },

  deleteMessage: {
    method: 'DELETE',
    path: '/messages/{message_id}',
    operationId: 'deleteMessage',
    summary: 'Delete a message',
    tag,
    arguments: { id: path('message_id'), ifVersion: ifMatch },
    errors: [NOT_FOUND, CHANGED],
  },
} satisfies Record<string, RestRoute>;
