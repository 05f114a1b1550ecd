import type { RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { body, paging, path } from '../../../rest/sources.js';
import { ADMIN_ERRORS } from '../../identity/accounts/accounts.routes.js';

const NO_SUCH_MAIL: RestError = { code: 'NOT_FOUND', message: 'Mail not found' };

export const routes = {
  adminListDeadMail: {
    method: 'GET',
    path: '/admin/dead-mail',
    operationId: 'adminListDeadMail',
    summary: 'List the mails that were given up, the latest first',
    tag: 'Admin',
    arguments: { ...paging },
    errors: ADMIN_ERRORS,
  },

  adminRetryDeadMail: {
    method: 'POST',
    path: '/admin/dead-mail/{mail_id}/retry',
    operationId: 'adminRetryDeadMail',
    summary: 'Have a mail that was given up sent after all',
    tag: 'Admin',
    arguments: { id: path('mail_id') },
    errors: [...ADMIN_ERRORS, NO_SUCH_MAIL],
  },

  adminRetryAllDeadMail: {
    method: 'POST',
    path: '/admin/dead-mail/retry',
    operationId: 'adminRetryAllDeadMail',
    summary: 'Have the mails of a queue that were given up sent after all',
    tag: 'Admin',
    arguments: { queue: body() },
    errors: ADMIN_ERRORS,
  },

  adminDropDeadMail: {
    method: 'DELETE',
    path: '/admin/dead-mail/{mail_id}',
    operationId: 'adminDropDeadMail',
    summary: 'Drop a mail that was given up',
    tag: 'Admin',
    arguments: { id: path('mail_id') },
    errors: [...ADMIN_ERRORS, NO_SUCH_MAIL],
  },
} satisfies Record<string, RestRoute>;
