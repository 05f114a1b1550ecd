import type { RestRoute } from '../../../rest/route.js';
import { body, paging, path } from '../../../rest/sources.js';
import { ADMIN_ERRORS } from '../accounts/accounts.routes.js';

export const routes = {
  createInvitation: {
    method: 'POST',
    path: '/admin/invitations',
    operationId: 'createInvitation',
    summary: 'Invite someone to make an account',
    tag: 'Admin',
    arguments: { input: body() },
    errors: ADMIN_ERRORS,
  },

  listInvitations: {
    method: 'GET',
    path: '/admin/invitations',
    operationId: 'listInvitations',
    summary: 'List invitations, newest first',
    tag: 'Admin',
    arguments: paging,
    errors: ADMIN_ERRORS,
  },

  revokeInvitation: {
    method: 'DELETE',
    path: '/admin/invitations/{invitation_id}',
    operationId: 'revokeInvitation',
    summary: 'Revoke an invitation',
    tag: 'Admin',
    arguments: { id: path('invitation_id') },
    errors: [...ADMIN_ERRORS, { code: 'NOT_FOUND', message: 'Invitation not found' }],
  },
} satisfies Record<string, RestRoute>;
