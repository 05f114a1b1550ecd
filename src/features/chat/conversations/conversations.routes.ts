import type { RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { body, paging, path, query } from '../../../rest/sources.js';

const tag = 'Conversations';
const NOT_FOUND: RestError = { code: 'NOT_FOUND', message: 'Conversation not found' };
const readOnly = ['conversation_id', 'user_id', 'created_at', 'updated_at'];

export const routes = {
  listConversations: {
    method: 'GET',
    path: '/conversations',
    operationId: 'listConversations',
    summary: "List the caller's conversations, newest first",
    tag,
    arguments: { query: query('q'), ...paging },
  },

  getConversation: {
    method: 'GET',
    path: '/conversations/{conversation_id}',
    operationId: 'getConversation',
    summary: 'Read a conversation',
    tag,
    arguments: { id: path('conversation_id') },
    errors: [NOT_FOUND],
  },

  createConversation: {
    method: 'POST',
    path: '/conversations',
    operationId: 'createConversation',
    summary: 'Begin a conversation',
    tag,
    arguments: { input: body({ readOnly }) },
    errors: [{ code: 'QUOTA_EXCEEDED', message: 'Upgrade required' }],
  },

  updateConversation: {
    method: 'PATCH',
    path: '/conversations/{conversation_id}',
    operationId: 'updateConversation',
    summary: 'Change a conversation',
    tag,
    arguments: { id: path('conversation_id'), input: body({ readOnly }) },
    errors: [NOT_FOUND],
  },

  deleteConversation: {
    method: 'DELETE',
    path: '/conversations/{conversation_id}',
    operationId: 'deleteConversation',
    summary: 'Delete a conversation and its messages',
    tag,
    arguments: { id: path('conversation_id') },
    errors: [NOT_FOUND],
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
        type: 'object',
        additionalProperties: false,
        required: ['deleted'],
        properties: { deleted: { type: 'integer', description: 'How many were deleted.' } },
      },
      example: { deleted: 2 },
      from: (deleted: number) => ({ deleted }),
    },
  },
} satisfies Record<string, RestRoute>;
