import { Forbidden } from '../../../kernel/errors.js';
import type { AccountActor } from './account-actor.js';
import type { GuardedFields, UserChanges } from './user.js';

export function maySee(viewer: Pick<AccountActor, 'userId' | 'isAdmin'>, userId: string): boolean {
  return viewer.isAdmin || viewer.userId === userId;
}

/** @throws Forbidden for another user's account, existing or not, so that nobody learns which accounts exist */
export function requireOwnOrAdmin(viewer: Pick<AccountActor, 'userId' | 'isAdmin'>, userId: string): void {
  if (!maySee(viewer, userId)) throw new Forbidden();
}

/** @throws Forbidden `Forbidden` */
export function requireAdmin(viewer: Pick<AccountActor, 'isAdmin'>): void {
  if (!viewer.isAdmin) throw new Forbidden();
}

/** The error of fields and routes that are for admins only. */
export function adminsOnly(): Forbidden {
  return new Forbidden('Admin privileges required');
}

/** Whether the changes give a guarded field a new value, which only an admin may do. */
export function touchesGuarded(present: GuardedFields, changes: UserChanges): boolean {
  return (
    differs(present.isAdmin, changes.isAdmin) ||
    differs(present.plan, changes.plan) ||
    differs(present.isVerified, changes.isVerified) ||
    differs(present.verifiedAt?.getTime() ?? null, timeOf(changes.verifiedAt)) ||
    differs(present.isActive, changes.isActive) ||
    differs(present.isSuspended, changes.isSuspended)
  );
}

function differs<Value>(present: Value, sent: Value | undefined): boolean {
  return sent !== undefined && sent !== present;
}

function timeOf(date: Date | null | undefined): number | null | undefined {
  return date instanceof Date ? date.getTime() : date;
}
