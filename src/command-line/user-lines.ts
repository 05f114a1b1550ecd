import type { InvitationState } from '../features/identity/accounts/operator.service.js';
import type { UserRow } from '../features/identity/accounts/user.js';
import { columns, visible } from './columns.js';

/** One sentence that names a user. */
export function nameOf(user: Pick<UserRow, 'id' | 'email'>): string {
  return user.email === null ? user.id : `${visible(user.email)} (${user.id})`;
}

/** A table for people, one line per user. */
export function tableOf(users: readonly UserRow[]): string {
  const rows = users.map((user) => [
    visible(user.email ?? user.phoneNumber ?? '-'),
    user.id,
    stateOf(user),
    visible(user.plan),
    dayOf(user.createdAt),
    user.lastLogin === null ? 'never' : dayOf(user.lastLogin),
  ]);
  return columns([['ADDRESS', 'ID', 'STATE', 'PLAN', 'CREATED', 'LAST LOGIN'], ...rows]);
}

/** A table for people, one line per invitation. */
export function invitationTableOf(invitations: readonly InvitationState[], now: Date): string {
  const rows = invitations.map((invitation) => [
    visible(invitation.email ?? 'anyone'),
    invitation.id,
    invitationStateOf(invitation, now),
    visible(invitation.plan ?? '-'),
    `${invitation.uses} of ${invitation.maxUses}`,
    invitation.expiresAt.toISOString(),
  ]);
  return columns([['FOR', 'ID', 'STATE', 'PLAN', 'USED', 'GOOD UNTIL'], ...rows]);
}

/** The form of an invitation in `invitations --json`. */
export function invitationJsonOf(invitation: InvitationState): object {
  const { id, email, plan, maxUses, uses, expiresAt, revokedAt, createdAt } = invitation;
  return { id, email, plan, maxUses, uses, expiresAt, revokedAt, createdAt };
}

function invitationStateOf({ revokedAt, uses, maxUses, expiresAt }: InvitationState, now: Date): string {
  if (revokedAt !== null) return 'revoked';
  if (uses >= maxUses) return 'used up';
  return expiresAt <= now ? 'expired' : 'good';
}

/** The form of a user in `list --json`. */
export function jsonOf({ id, email, phoneNumber, plan, isAdmin, isActive, isSuspended, ...user }: UserRow): object {
  const { isVerified, createdAt, lastLogin } = user;
  return { id, email, phoneNumber, plan, isAdmin, isActive, isSuspended, isVerified, createdAt, lastLogin };
}

function stateOf({ isAdmin, isActive, isSuspended, isVerified }: UserRow): string {
  const words = [
    ...(isAdmin ? ['admin'] : []),
    ...(isSuspended ? ['suspended'] : []),
    ...(isActive ? [] : ['inactive']),
    ...(isVerified ? [] : ['unverified']),
  ];
  return words.length === 0 ? '-' : words.join(', ');
}

const dayOf = (date: Date) => date.toISOString().slice(0, 10);
