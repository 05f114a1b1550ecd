import { isDeepStrictEqual } from 'node:util';
import type { AuditAction, AuditEvent, AuditLog } from '../../../ports/audit-log.js';
import type { Sql } from '../../../ports/database.js';
import { operator, type AccountActor } from './account-actor.js';
import type { UserRow } from './user.js';

/** Fields whose changes are recorded as `USER_UPDATED`. Changes of other fields have an action of their own. */
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
/** Not recorded when users change them on their own account: this data of clients does not concern admins. */
const OWN_BUSINESS: readonly string[] = ['provider', 'providerId', 'profile'];

/** An event of an actor. @param subjectId the user that it concerns; null where it concerns nobody's account */
export function eventOf(
  action: AuditAction,
  actor: AccountActor,
  subjectId: string | null,
  details: AuditEvent['details'] = {},
): AuditEvent {
  const { userId: actorId, client } = actor;
  return { action, actorId, subjectId, ...clientOf(client), details: { ...details, ...wayOf(actor) } };
}

const clientOf = (client: AccountActor['client']) => (client === null ? {} : { client });

const wayOf = (actor: AccountActor | null) => (actor === operator ? { by: 'command line' } : {});

/**
 * The audit events of a change: one for each kind of change, none if nothing changed. They contain names of fields and
 * values of flags, but no e-mail address and no password.
 */
export function eventsOfChange(
  viewer: AccountActor,
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

/** The audit events of a new account. @param creator null for a user who signed up, and for the service itself */
export function eventsOfCreation(
  creator: AccountActor | null,
  user: UserRow,
  client: AccountActor['client'],
  details: AuditEvent['details'] = {},
): readonly AuditEvent[] {
  const event = { actorId: creator?.userId ?? null, subjectId: user.id, ...clientOf(client) };
  const way = wayOf(creator);
  const created: AuditEvent = { action: 'USER_CREATED', ...event, details: { plan: user.plan, ...details, ...way } };
  return user.isAdmin ? [created, { action: 'ADMIN_GRANTED', ...event, details: way }] : [created];
}

/** Records the events in the transaction of the change that they describe. */
export async function recordAll(audit: AuditLog, events: readonly AuditEvent[], sql: Sql): Promise<void> {
  for (const event of events) await audit.record(event, sql);
}
