import { isDeepStrictEqual } from 'node:util';
import type { AuditAction, AuditEvent, AuditLog } from '../../../ports/audit-log.js';
import type { Sql } from '../../../ports/database.js';
import { operator, type AccountActor } from './account-actor.js';
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

/** Something that was done to a user's account. */
export function eventOf(
  action: AuditAction,
  actor: AccountActor,
  subjectId: string,
  details: AuditEvent['details'] = {},
): AuditEvent {
  const { userId: actorId, client } = actor;
  return { action, actorId, subjectId, ...clientOf(client), details: { ...details, ...wayOf(actor) } };
}

const clientOf = (client: AccountActor['client']) => (client === null ? {} : { client });

const wayOf = (actor: AccountActor | null) => (actor === operator ? { by: 'command line' } : {});

/**
 * What the audit log has of a change: an event for each kind of it, none where nothing changed. Names of fields and what is
 * true or false of an account, never an address or a password.
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

/** What the audit log has of a new account. @param creator null for one who signed up, or for the service itself */
export function eventsOfCreation(
  creator: AccountActor | null,
  user: UserRow,
  client: AccountActor['client'],
): readonly AuditEvent[] {
  const event = { actorId: creator?.userId ?? null, subjectId: user.id, ...clientOf(client) };
  const way = wayOf(creator);
  const created: AuditEvent = { action: 'USER_CREATED', ...event, details: { plan: user.plan, ...way } };
  return user.isAdmin ? [created, { action: 'ADMIN_GRANTED', ...event, details: way }] : [created];
}

/** Records the events in the transaction of what they tell of. */
export async function recordAll(audit: AuditLog, events: readonly AuditEvent[], sql: Sql): Promise<void> {
  for (const event of events) await audit.record(event, sql);
}
