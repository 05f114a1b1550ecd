import type { RestRoute } from '../../../rest/route.js';
import { body, paging, path } from '../../../rest/sources.js';
import { ADMIN_ERRORS } from '../../identity/accounts/accounts.routes.js';

export const routes = {
  adminListRunningReplies: {
    method: 'GET',
    path: '/admin/running-replies',
    operationId: 'adminListRunningReplies',
    summary: 'List the replies that run, newest first',
    tag: 'Admin',
    arguments: { ...paging },
    errors: ADMIN_ERRORS,
  },

  adminStopReply: {
    method: 'POST',
    path: '/admin/running-replies/{message_id}/stop',
    operationId: 'adminStopReply',
    summary: "Stop a user's reply",
    description:
      'Stops a reply as its user could: what had come is kept and charged, and its stream ends. One that has ended stays as it is.',
    tag: 'Admin',
    arguments: { messageId: path('message_id'), reason: body() },
    errors: [...ADMIN_ERRORS, { code: 'NOT_FOUND', message: 'Reply not found' }],
  },
} satisfies Record<string, RestRoute>;
