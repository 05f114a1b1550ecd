import type { RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { path } from '../../../rest/sources.js';
import { conversationVersion } from '../conversations/conversation.js';

const tag = 'Messages';
const NOT_FOUND: RestError = { code: 'NOT_FOUND', message: 'Message not found' };
const ofMessage = { messageId: path('message_id') };

export const routes = {
  listSiblings: {
    method: 'GET',
    path: '/messages/{message_id}/siblings',
    operationId: 'listSiblings',
    summary: 'List the versions of a message, oldest first',
    tag,
    arguments: ofMessage,
    errors: [NOT_FOUND],
  },

  selectBranch: {
    method: 'POST',
    path: '/messages/{message_id}/select',
    operationId: 'selectBranch',
    summary: 'Show the branch of the conversation that a message is on',
    tag,
    arguments: ofMessage,
    version: conversationVersion,
    errors: [NOT_FOUND],
  },

  forkConversation: {
    method: 'POST',
    path: '/messages/{message_id}/fork',
    operationId: 'forkConversation',
    summary: 'Begin a conversation with a copy of a branch',
    tag,
    arguments: ofMessage,
    version: conversationVersion,
    errors: [NOT_FOUND, { code: 'QUOTA_EXCEEDED', message: 'Upgrade required' }],
  },
} satisfies Record<string, RestRoute>;
