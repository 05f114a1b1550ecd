import type { RestError } from '../../../rest/answers.js';
import type { RestRoute } from '../../../rest/route.js';
import { body, paging, path } from '../../../rest/sources.js';
import { ADMIN_ERRORS } from '../../identity/accounts/accounts.routes.js';

const NO_SUCH_ANNOUNCEMENT: RestError = { code: 'NOT_FOUND', message: 'Announcement not found' };

export const routes = {
  listAnnouncements: {
    method: 'GET',
    path: '/announcements',
    operationId: 'listAnnouncements',
    summary: 'List what the operator tells everyone at present',
    tag: 'Announcements',
  },

  adminListAnnouncements: {
    method: 'GET',
    path: '/admin/announcements',
    operationId: 'adminListAnnouncements',
    summary: 'List all announcements, newest first',
    tag: 'Admin',
    arguments: paging,
    errors: ADMIN_ERRORS,
  },

  createAnnouncement: {
    method: 'POST',
    path: '/admin/announcements',
    operationId: 'createAnnouncement',
    summary: 'Tell everyone something',
    tag: 'Admin',
    arguments: { input: body() },
    errors: [...ADMIN_ERRORS, { code: 'CONFLICT', message: 'There are too many announcements: end some' }],
  },

  updateAnnouncement: {
    method: 'PATCH',
    path: '/admin/announcements/{announcement_id}',
    operationId: 'updateAnnouncement',
    summary: 'Change an announcement',
    tag: 'Admin',
    arguments: { id: path('announcement_id'), input: body() },
    errors: [...ADMIN_ERRORS, NO_SUCH_ANNOUNCEMENT, { code: 'CONFLICT', message: 'The announcement has ended' }],
  },

  endAnnouncement: {
    method: 'POST',
    path: '/admin/announcements/{announcement_id}/end',
    operationId: 'endAnnouncement',
    summary: 'End an announcement now',
    tag: 'Admin',
    arguments: { id: path('announcement_id') },
    errors: [...ADMIN_ERRORS, NO_SUCH_ANNOUNCEMENT],
  },
} satisfies Record<string, RestRoute>;
