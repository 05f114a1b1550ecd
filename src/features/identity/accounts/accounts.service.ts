import type { Clock } from '../../../kernel/clock.js';
import { Conflict, Invalid, NotFound } from '../../../kernel/errors.js';
import { connectionOf, pageRequest, type Connection, type PageArguments } from '../../../kernel/page.js';
import type { Client } from '../../../kernel/caller.js';
import type { Sql } from '../../../ports/database.js';
import type { AuditEvent } from '../../../ports/audit-log.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { AccountsRepository, UserEdit } from './accounts.repository.js';
import { adminsOnly, maySee, requireAdmin, requireOwnOrAdmin, touchesGuarded } from './accounts.policy.js';
import type { AccountActor } from './account-actor.js';
import type { AccountSessions } from './account-sessions.js';
import { eventOf, eventsOfChange, eventsOfCreation } from './account-events.js';
import { addressIdentity } from './email-address.js';
import type { PasswordHasher } from './password-hasher.js';
import {
  applyChanges,
  guardedDefaults,
  isActingAdmin,
  isEnabled,
  type DeletedUserRow,
  type LoginRow,
  type NewUser,
  type UserChanges,
  type UserRow,
} from './user.js';

/** The plans that an account can have. */
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

/** Who makes an account. */
export interface Creator {
  /** Null for a stranger. Throws what is wrong with credentials that were sent. */
  viewer(): Promise<AccountActor | null>;
  /** Null where there is none, as at the command line. */
  readonly client: Client | null;
}

/** Throws unless what proves that someone is the user is good, given the user as they are while their row is held. */
type Confirmation = (user: UserRow, sql: Sql) => Promise<void>;

export class AccountsService {
  constructor(private readonly needs: AccountsServiceNeeds) {}

  /**
   * Makes an account. Open to anyone; guarded fields other than their defaults are for admins.
   * @param creator bad credentials count as none, unless a guarded field differs from its default
   * @throws Conflict `User already exists`; Forbidden `Admin privileges required`; Invalid
   */
  async create(input: NewUser, creator: Creator): Promise<UserRow> {
    const changes = givenOf(input);
    const defaults = guardedDefaults(this.needs.plans.defaultPlan);
    const needsAdmin = touchesGuarded(defaults, changes);
    // Where a stranger would do, who it is matters to the audit log alone: bad credentials are a stranger's.
    const viewer = needsAdmin ? await creator.viewer() : await creator.viewer().catch(() => null);
    if (needsAdmin && !viewer?.isAdmin) throw adminsOnly();
    this.#requirePlan(changes.plan);
    const blank = { email: null, phoneNumber: null, provider: input.provider, providerId: null, profile: {} };
    const now = this.needs.clock.now();
    const user = applyChanges({ ...blank, ...defaults }, changes, needsAdmin, now);
    return this.needs.users.insert(user, await this.needs.passwords.hash(input.password), now, (row, sql) =>
      this.#record(eventsOfCreation(viewer, row, creator.client), sql),
    );
  }

  /** @throws Forbidden for another's account; NotFound, to an admin */
  async get(viewer: AccountActor, id: string): Promise<UserRow> {
    requireOwnOrAdmin(viewer, id);
    return found(await this.needs.users.find(id));
  }

  /** What `node` finds: null where the viewer may not see it, as where it is not there. */
  async findVisible(viewer: AccountActor, id: string): Promise<UserRow | null> {
    return maySee(viewer, id) ? this.needs.users.find(id) : null;
  }

  /** For the fields of other objects that give a user: in the order of the ids, null for one that is deleted. */
  async loadMany(ids: readonly string[]): Promise<readonly (UserRow | null)[]> {
    const users = new Map((await this.needs.users.findMany(ids)).map((user) => [user.id, user]));
    return ids.map((id) => users.get(id) ?? null);
  }

  /**
   * Newest first; for admins.
   * @param search a part of the e-mail address or phone number, in any case
   * @throws Forbidden; Invalid
   */
  async list(viewer: AccountActor, search: string | null, page: PageArguments): Promise<Connection<UserRow>> {
    requireAdmin(viewer);
    const part = search === '' ? null : search;
    return connectionOf(await this.needs.users.page(part, pageRequest(page)), () => this.needs.users.count(part));
  }

  /**
   * Changes the fields given. A suspension or deactivation ends every session of the user; a new password every session but
   * the viewer's.
   * @throws Forbidden; NotFound, to an admin; Conflict `User already exists`, or for the last admin; Invalid
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
      if (isEnabled(present) && !isEnabled(next))
        await this.needs.sessions.endAllOf(edit.sql, id, 'ACCOUNT_DISABLED', null);
      else if (passwordHash !== null) {
        await this.needs.sessions.endAllOf(edit.sql, id, 'PASSWORD_CHANGED', viewer.sessionId);
      }
      await this.#record(eventsOfChange(viewer, present, row, passwordHash !== null), edit.sql);
      return row;
    });
    this.needs.sessions.recheckStreams();
    return found(updated);
  }

  /** The same as {@link update}, refused to anyone but an admin, for one's own account too. */
  async updateAsAdmin(viewer: AccountActor, id: string, changes: UserChanges): Promise<UserRow> {
    if (!viewer.isAdmin) throw adminsOnly();
    return this.update(viewer, id, changes);
  }

  /**
   * Deletes softly: the user is gone from every later read and every session ends. The e-mail address is free again.
   * @returns the user, inactive
   * @throws Forbidden; NotFound, to an admin; Conflict for the last admin
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

  /** For the service itself, not for a viewer: the user with this e-mail address, in any case. */
  findByEmail(email: string): Promise<UserRow | null> {
    return this.needs.users.findByEmail(email);
  }

  /** Deleted users who had this e-mail address, in any case, the last deleted first; at most 100. @throws Forbidden */
  async findDeleted(viewer: AccountActor, email: string): Promise<readonly DeletedUserRow[]> {
    requireAdmin(viewer);
    return this.needs.users.findDeleted(email);
  }

  /**
   * Sets the password for someone who has proved to be the user, and ends every session of theirs.
   * @param confirm uses the proof up, in the same transaction; what it throws undoes all
   * @returns false when there is no such user
   * @throws Unavailable when too many passwords are being hashed; the proof is not used up then
   */
  async resetPassword(id: string, password: string, confirm: Confirmation): Promise<boolean> {
    const passwordHash = await this.needs.passwords.hash(password);
    const user = await this.needs.users.change(id, async (present, edit) => {
      await confirm(present, edit.sql);
      await this.needs.sessions.endAllOf(edit.sql, id, 'PASSWORD_RESET', null);
      return edit.write(present, passwordHash, this.needs.clock.now());
    });
    this.needs.sessions.recheckStreams();
    return user !== null;
  }

  /**
   * Marks a user as verified who has proved to read the mail of the account's address.
   * @param confirm as for {@link resetPassword}
   * @returns false when there is no such user
   */
  async verifyEmail(id: string, confirm: Confirmation): Promise<boolean> {
    const user = await this.needs.users.change(id, async (present, edit) => {
      await confirm(present, edit.sql);
      const now = this.needs.clock.now();
      return edit.write({ ...present, isVerified: true, verifiedAt: present.verifiedAt ?? now }, null, now);
    });
    return user !== null;
  }

  /** The same as {@link create} with the fields that admins may set, refused to anyone but an admin. */
  async createAsAdmin(viewer: AccountActor, input: NewUser): Promise<UserRow> {
    if (!viewer.isAdmin) throw adminsOnly();
    return this.create(input, { viewer: () => Promise.resolve(viewer), client: viewer.client });
  }

  /** The same as {@link delete}, refused to anyone but an admin, for one's own account too. */
  async deleteAsAdmin(viewer: AccountActor, id: string): Promise<UserRow> {
    if (!viewer.isAdmin) throw adminsOnly();
    return this.delete(viewer, id);
  }

  /** The same as {@link get}, refused to anyone but an admin, for one's own account too. */
  async getAsAdmin(viewer: AccountActor, id: string): Promise<UserRow> {
    if (!viewer.isAdmin) throw adminsOnly();
    return this.get(viewer, id);
  }

  /**
   * Brings a deleted user back as it was, but active. Its sessions stay ended. A user that is not deleted stays as it is.
   * @throws Forbidden; NotFound; Conflict `User already exists` when the e-mail address was taken meanwhile
   */
  async restore(viewer: AccountActor, id: string): Promise<UserRow> {
    if (!viewer.isAdmin) throw adminsOnly();
    const restored = await this.needs.users.restore(id, this.needs.clock.now(), (_user, sql) =>
      this.needs.audit.record(eventOf('USER_RESTORED', viewer, id), sql),
    );
    return restored ?? found(await this.needs.users.find(id));
  }

  /**
   * Makes the account of someone whom a provider of logins vouches for. It has no password.
   * @param attach runs in the same transaction; what it throws undoes all
   * @throws Conflict `User already exists`
   */
  createVouchedFor(
    given: Pick<UserRow, 'provider' | 'providerId' | 'email' | 'isVerified'>,
    client: Client,
    attach: (user: UserRow, sql: Sql) => Promise<void>,
  ): Promise<UserRow> {
    const now = this.needs.clock.now();
    const defaults = guardedDefaults(this.needs.plans.defaultPlan);
    const verification = { verifiedAt: given.isVerified ? now : null };
    const user = { phoneNumber: null, profile: {}, ...defaults, ...given, ...verification };
    return this.needs.users.insert(user, null, now, async (row, sql) => {
      await this.#record(eventsOfCreation(null, row, client), sql);
      await attach(row, sql);
    });
  }

  /** Does `work` in a transaction that holds the user's row. @returns null when there is no such user */
  hold<Result>(id: string, work: (user: UserRow, sql: Sql) => Promise<Result>): Promise<Result | null> {
    return this.needs.users.change(id, (user, edit) => work(user, edit.sql));
  }

  /** What a login needs to know of the user with this e-mail address, in any case. */
  async findLogin(email: string): Promise<LoginRow | null> {
    const user = await this.needs.users.findLogin(email);
    // Databases fold case in their own ways: a spelling that tries are counted for by itself may not find the user too.
    return user !== null && addressIdentity(user.email) === addressIdentity(email) ? user : null;
  }

  /**
   * Keeps another hash of the same password. Sessions stay.
   * @param user with the hash that the new one replaces
   * @returns false when the user has another hash by now, or is gone
   */
  renewPasswordHash(user: Pick<LoginRow, 'id' | 'passwordHash'>, passwordHash: string): Promise<boolean> {
    return this.needs.users.replacePasswordHash(user, passwordHash);
  }

  /** The same of the user with this id. */
  findLoginById(id: string): Promise<LoginRow | null> {
    return this.needs.users.findLoginById(id);
  }

  /**
   * Makes the first admin, unless the address is taken. Any number of instances may do this at once.
   * @returns `taken`: the address belongs to a user who cannot act as an admin, and nothing was changed
   */
  async ensureAdmin(email: string, password: string): Promise<'created' | 'present' | 'taken'> {
    const present = await this.needs.users.findByEmail(email);
    if (present !== null) return isActingAdmin(present) ? 'present' : 'taken';
    const now = this.needs.clock.now();
    const blank = { email, phoneNumber: null, provider: 'email', providerId: null, profile: {} };
    const guarded = {
      ...guardedDefaults(this.needs.plans.defaultPlan),
      isAdmin: true,
      isVerified: true,
      verifiedAt: now,
    };
    try {
      await this.needs.users.insert(
        { ...blank, ...guarded },
        await this.needs.passwords.hash(password),
        now,
        (user, sql) => this.#record(eventsOfCreation(null, user, null), sql),
      );
      return 'created';
    } catch (error) {
      // Another instance was quicker: see what it made.
      if (error instanceof Conflict) return this.ensureAdmin(email, password);
      throw error;
    }
  }

  async #record(events: readonly AuditEvent[], sql: Sql): Promise<void> {
    for (const event of events) await this.needs.audit.record(event, sql);
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

function found(user: UserRow | null): UserRow {
  if (user === null) throw new NotFound('User');
  return user;
}

/** Null is the same as left out for a new user. */
function givenOf(input: NewUser): UserChanges {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null));
}
