import type { Clock } from '../../../kernel/clock.js';
import { Conflict, Invalid, NotFound } from '../../../kernel/errors.js';
import type { Client } from '../../../kernel/caller.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { AccountsRepository, UserEdit } from './accounts.repository.js';
import { adminsOnly, maySee, requireOwnOrAdmin, touchesGuarded } from './accounts.policy.js';
import type { AccountActor } from './account-actor.js';
import type { AccountSessions } from './account-sessions.js';
import { eventOf, eventsOfChange, eventsOfCreation, recordAll } from './account-events.js';
import type { PasswordHasher } from './password-hasher.js';
import {
  applyChanges,
  guardedDefaults,
  isActingAdmin,
  isEnabled,
  type NewUser,
  type UserChanges,
  type UserRow,
} from './user.js';

/** The plans that an account may have. */
export interface AccountPlans {
  readonly defaultPlan: string;
  isPlan(name: string): boolean;
}

export interface AccountsServiceNeeds {
  readonly users: AccountsRepository;
  readonly plans: AccountPlans;
  readonly passwords: Pick<PasswordHasher, 'hash'>;
  readonly sessions: AccountSessions;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** The caller who creates an account. */
export interface Creator {
  /** Null for a caller without credentials. Throws when the credentials are invalid. */
  viewer(): Promise<AccountActor | null>;
  /** Null when there is no client, as at the command line. */
  readonly client: Client | null;
}

/** Operations on one's own account, which admins may use on any account by the same rules. */
export class AccountsService {
  constructor(private readonly needs: AccountsServiceNeeds) {}

  /**
   * Creates an account. Anyone may do so; only admins may set guarded fields to other values than their defaults.
   * @param creator invalid credentials count as none, unless a guarded field differs from its default
   * @throws Conflict `User already exists`; Forbidden `Admin privileges required`; Invalid
   */
  async create(input: NewUser, creator: Creator): Promise<UserRow> {
    const changes = givenOf(input);
    const defaults = guardedDefaults(this.needs.plans.defaultPlan);
    const needsAdmin = touchesGuarded(defaults, changes);
    // If anyone may do this, the caller matters only for the audit log: invalid credentials count as none.
    const viewer = needsAdmin ? await creator.viewer() : await creator.viewer().catch(() => null);
    if (needsAdmin && !viewer?.isAdmin) throw adminsOnly();
    this.#requirePlan(changes.plan);
    const blank = { email: null, phoneNumber: null, provider: input.provider, providerId: null, profile: {} };
    const now = this.needs.clock.now();
    const user = applyChanges({ ...blank, ...defaults }, changes, needsAdmin, now);
    return this.needs.users.insert(user, await this.needs.passwords.hash(input.password), now, (row, sql) =>
      recordAll(this.needs.audit, eventsOfCreation(viewer, row, creator.client), sql),
    );
  }

  /** @throws Forbidden for another user's account; NotFound, which only admins get */
  async get(viewer: AccountActor, id: string): Promise<UserRow> {
    requireOwnOrAdmin(viewer, id);
    return found(await this.needs.users.find(id));
  }

  /** For the `node` field: null when the user does not exist or the viewer may not see it. */
  async findVisible(viewer: AccountActor, id: string): Promise<UserRow | null> {
    return maySee(viewer, id) ? this.needs.users.find(id) : null;
  }

  /**
   * Changes the given fields. Suspending or deactivating a user ends all of the user's sessions; a new password ends
   * all but the viewer's.
   * @throws Forbidden; NotFound, which only admins get; Conflict `User already exists`, or for the last admin; Invalid
   */
  async update(viewer: AccountActor, id: string, changes: UserChanges): Promise<UserRow> {
    requireOwnOrAdmin(viewer, id);
    const passwordHash = changes.password === undefined ? null : await this.needs.passwords.hash(changes.password);
    const updated = await this.needs.users.change(id, async (present, edit) => {
      if (!viewer.isAdmin && touchesGuarded(present, changes)) throw adminsOnly();
      if (changes.plan !== present.plan) this.#requirePlan(changes.plan);
      const now = this.needs.clock.now();
      const next = { ...present, ...applyChanges(present, changes, viewer.isAdmin, now) };
      if (isActingAdmin(present) && !isActingAdmin(next)) await requireAnotherAdmin(edit);
      const row = await edit.write(next, passwordHash, now);
      if (isEnabled(present) && !isEnabled(next)) {
        await this.needs.sessions.endAllOf(edit.sql, id, 'ACCOUNT_DISABLED', null);
      } else if (passwordHash !== null) {
        await this.needs.sessions.endAllOf(edit.sql, id, 'PASSWORD_CHANGED', viewer.sessionId);
      }
      await recordAll(this.needs.audit, eventsOfChange(viewer, present, row, passwordHash !== null), edit.sql);
      return row;
    });
    this.needs.sessions.recheckStreams();
    return found(updated);
  }

  /**
   * Soft-deletes a user: no later read finds it, all sessions end, and the e-mail address is free again.
   * @returns the user, now inactive
   * @throws Forbidden; NotFound, which only admins get; Conflict for the last admin
   */
  async delete(viewer: AccountActor, id: string): Promise<UserRow> {
    requireOwnOrAdmin(viewer, id);
    const deleted = await this.needs.users.change(id, async (present, edit) => {
      if (isActingAdmin(present)) await requireAnotherAdmin(edit);
      await this.needs.sessions.endAllOf(edit.sql, id, 'ACCOUNT_DELETED', null);
      await this.needs.audit.record(eventOf('USER_DELETED', viewer, id), edit.sql);
      return edit.markDeleted(this.needs.clock.now());
    });
    this.needs.sessions.recheckStreams();
    return found(deleted);
  }

  #requirePlan(plan: string | undefined): void {
    if (plan !== undefined && !this.needs.plans.isPlan(plan)) {
      throw new Invalid([{ field: 'input.plan', message: 'is not the name of a plan' }]);
    }
  }
}

async function requireAnotherAdmin(edit: UserEdit): Promise<void> {
  if (await edit.isLastAdmin()) throw new Conflict('This is the last admin; make another user an admin first');
}

export function found(user: UserRow | null): UserRow {
  if (user === null) throw new NotFound('User');
  return user;
}

/** Drops null fields: for a new user, null means the same as an omitted field. */
function givenOf(input: NewUser): UserChanges {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null));
}
