import { isDeepStrictEqual } from 'node:util';
import type { Viewer } from '../../kernel/viewer.js';
import type { AuditAction, AuditEvent } from '../audit/audit-event.js';
import type { UserRow } from './user.js';

/** Fields with an event of their own are not among these. */
const FIELDS = [
  'email',
  'phoneNumber',
  'provider',
  'providerId',
  'profile',
  'isVerified',
  'verifiedAt',
  'isActive',
] as const;
/** Whose change by the user is of no interest to an admin: what a client keeps about them. */
const OWN_BUSINESS: readonly string[] = ['provider', 'providerId', 'profile'];

/** Something that a viewer did to a user's account. */
export function eventOf(
  action: AuditAction,
  { userId: actorId, client }: Viewer,
  subjectId: string,
  details: AuditEvent['details'] = {},
): AuditEvent {
  return { action, actorId, subjectId, client, details };
}

/**
 * What the audit log has of a change: an event for each kind of it, none where nothing changed. Names of fields and what is
 * true or false of an account, never an address or a password.
 */
export function eventsOfChange(
  viewer: Viewer,
  before: UserRow,
  after: UserRow,
  hasNewPassword: boolean,
): readonly AuditEvent[] {
  const events: AuditEvent[] = [];
  const add = (action: AuditAction, details?: AuditEvent['details']) => {
    events.push(eventOf(action, viewer, after.id, details));
  };
  if (before.isAdmin !== after.isAdmin) add(after.isAdmin ? 'ADMIN_GRANTED' : 'ADMIN_REVOKED');
  if (before.isSuspended !== after.isSuspended) add(after.isSuspended ? 'USER_SUSPENDED' : 'USER_REINSTATED');
  if (before.plan !== after.plan) add('PLAN_CHANGED', { from: before.plan, to: after.plan });
  if (hasNewPassword) add('PASSWORD_CHANGED');
  const isOwn = viewer.userId === after.id;
  const fields = FIELDS.filter(
    (name) => !isDeepStrictEqual(before[name], after[name]) && !(isOwn && OWN_BUSINESS.includes(name)),
  );
  const flags = (['isVerified', 'isActive'] as const).filter((name) => before[name] !== after[name]);
  if (fields.length > 0) {
    add('USER_UPDATED', { fields, ...Object.fromEntries(flags.map((name) => [name, after[name]])) });
  }
  return events;
}

/** What the audit log has of a new account. @param creator null for one who signed up, or for the service itself */
export function eventsOfCreation(
  creator: Viewer | null,
  user: UserRow,
  client: AuditEvent['client'],
): readonly AuditEvent[] {
  const event = { actorId: creator?.userId ?? null, subjectId: user.id, ...(client === undefined ? {} : { client }) };
  const created: AuditEvent = { action: 'USER_CREATED', ...event, details: { plan: user.plan } };
  return user.isAdmin ? [created, { action: 'ADMIN_GRANTED', ...event }] : [created];
}
