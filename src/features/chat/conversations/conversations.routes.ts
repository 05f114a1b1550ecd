import type { RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { body, ifMatch, paging, path, query } from '../../../rest/sources.js';
import { conversationVersion } from './conversation.js';

const tag = 'Conversations';
const NOT_FOUND: RestError = { code: 'NOT_FOUND', message: 'Conversation not found' };
const UPGRADE: RestError = { code: 'QUOTA_EXCEEDED', message: 'Upgrade required' };
const CHANGED: RestError = { code: 'PRECONDITION_FAILED', message: 'Precondition failed' };

export const routes = {
  listConversations: {
    method: 'GET',
    path: '/conversations',
    operationId: 'listConversations',
    summary: "List the caller's conversations, newest first",
    tag,
    arguments: {
      query: query('q'),
      isPinned: query('is_pinned'),
      isArchived: query('is_archived'),
      label: query('label'),
      isUnread: query('is_unread'),
      ...paging,
    },
  },

  getConversation: {
    method: 'GET',
    path: '/conversations/{conversation_id}',
    operationId: 'getConversation',
    summary: 'Read a conversation',
    tag,
    arguments: { id: path('conversation_id') },
    version: conversationVersion,
    errors: [NOT_FOUND],
  },

  createConversation: {
    method: 'POST',
    path: '/conversations',
    operationId: 'createConversation',
    summary: 'Begin a conversation',
    tag,
    arguments: { input: body() },
    version: conversationVersion,
    errors: [UPGRADE],
  },

  updateConversation: {
    method: 'PATCH',
    path: '/conversations/{conversation_id}',
    operationId: 'updateConversation',
    summary: 'Change a conversation',
    tag,
    arguments: { id: path('conversation_id'), ifVersion: ifMatch, input: body() },
    version: conversationVersion,
    errors: [NOT_FOUND, CHANGED, UPGRADE],
  },

  markRead: {
    method: 'POST',
    path: '/conversations/{conversation_id}/read',
    operationId: 'markRead',
    summary: 'Mark a conversation as read up to a message',
    description:
      'Notes that the caller has read one of their conversations up to a message, whichever branch that is on: `unread_count` counts what the model wrote later. A mark never goes back. 404.',
    tag,
    arguments: { conversationId: path('conversation_id'), upTo: body() },
    version: conversationVersion,
    errors: [NOT_FOUND, { code: 'NOT_FOUND', message: 'Message not found' }],
  },

  deleteConversation: {
    method: 'DELETE',
    path: '/conversations/{conversation_id}',
    operationId: 'deleteConversation',
    summary: 'Delete a conversation and its messages',
    tag,
    arguments: { id: path('conversation_id'), ifVersion: ifMatch },
    errors: [NOT_FOUND, CHANGED],
  },

  deleteConversations: {
    method: 'DELETE',
    path: '/conversations',
    operationId: 'deleteConversations',
    summary: 'Delete several conversations',
    tag,
    arguments: { ids: query('ids') },
    data: {
      schema: {
        title: 'DeletedCount',
        type: 'object',
        additionalProperties: false,
        required: ['deleted'],
        properties: { deleted: { type: 'integer', format: 'int32', description: 'How many were deleted.' } },
      },
      example: { deleted: 2 },
      from: (deleted: number) => ({ deleted }),
    },
  },
} satisfies Record<string, RestRoute>;
