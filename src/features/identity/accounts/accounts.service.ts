import type { Clock } from '../../../kernel/clock.js';
import { Conflict, Invalid, NotFound, Unauthenticated } from '../../../kernel/errors.js';
import type { Client } from '../../../kernel/caller.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Sql } from '../../../ports/database.js';
import { emailTaken, type AccountsRepository, type UserEdit } from './accounts.repository.js';
import { adminsOnly, maySee, requireOwnOrAdmin, touchesGuarded } from './accounts.policy.js';
import { operator, type AccountActor } from './account-actor.js';
import type { AccountNotices, SecondFactorProof } from './account-notices.js';
import type { AccountSessions } from './account-sessions.js';
import type { SignUps } from './sign-ups.js';
import { eventOf, eventsOfChange, eventsOfCreation, recordAll } from './account-events.js';
import { isSameMailbox } from './email-address.js';
import { hashingFor, type Hashing, type PasswordHasher } from './password-hasher.js';
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
  readonly signUps: SignUps;
  readonly notices: AccountNotices;
  readonly secondFactorProof: SecondFactorProof;
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

/** What was found out before the user's row is locked. */
interface Proven {
  /** Whether the viewer has proved to be the user as a new password or address requires. */
  readonly isProven: boolean;
  /** Whether the guarded fields may be changed. */
  readonly vouches: boolean;
  /** Whether the viewer has proved to read the mailbox of the address that the account gets. */
  readonly provesMailbox?: boolean;
  /** The hash of the password that the viewer has proved to know; null for a user who had none. */
  readonly passwordHash?: string | null;
  readonly confirm?: (sql: Sql) => Promise<void>;
}

/** Operations on one's own account, which admins may use on any account by the same rules. */
export class AccountsService {
  constructor(private readonly needs: AccountsServiceNeeds) {}

  /**
   * Creates an account. Anyone may do so; only admins may set guarded fields to other values than their defaults.
   * @param creator invalid credentials count as none, unless a guarded field differs from its default
   * @throws RateLimited `Too many requests`; Conflict `User already exists`; Forbidden `Admin privileges required`; Invalid;
   * Unavailable when too many passwords are being hashed
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
    const byAdmin = viewer?.isAdmin === true;
    const { email = null, invitation = null } = input;
    const admission = byAdmin
      ? null
      : await this.needs.signUps.admit({ email, isEmailVerified: false, invitation }, creator.client);
    const plan = admission?.plan ?? defaults.plan;
    const unproven = applyChanges({ ...blank, ...defaults, plan, mailboxProvenAt: null }, changes, needsAdmin, now);
    // Who sets the password at the command line is trusted with the mailbox too.
    const user = viewer === operator && unproven.isVerified ? { ...unproven, mailboxProvenAt: now } : unproven;
    // The insert decides; this spares the work of a hash.
    if (user.email !== null && (await this.needs.users.findByEmail(user.email)) !== null) throw emailTaken();
    const hashing = byAdmin ? hashingOf(viewer) : hashingFor('signUp', creator.client);
    const passwordHash = await this.needs.passwords.hash(input.password, hashing);
    return this.needs.users.insert(user, passwordHash, now, async (row, sql) => {
      await this.needs.notices.refuseReserved(sql, row);
      const details = await admission?.use(sql);
      await recordAll(this.needs.audit, eventsOfCreation(viewer, row, creator.client, details), sql);
    });
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
   * all but the viewer's. A mail to the address from before tells of a new password or address; if users change their
   * own, it can be undone, and needs a code of their second factor, if they have one.
   * @throws Forbidden; NotFound, which only admins get; Conflict `User already exists`, or for the last admin; Invalid,
   * also `Invalid code`; RateLimited; Unauthenticated `Invalid token` when the viewer's session has ended meanwhile
   */
  async update(viewer: AccountActor, id: string, changes: UserChanges, code: string | null = null): Promise<UserRow> {
    requireOwnOrAdmin(viewer, id);
    const isProven = viewer.userId === id && (await this.#proveChange(viewer, id, changes, code));
    return this.#update(viewer, id, changes, { isProven, vouches: viewer.isAdmin });
  }

  /**
   * Sets the viewer's own password after the viewer has proved their identity to another feature.
   * @param passwordHash of the password from before that proof, or null: of changes at once, which all know it, one succeeds
   * @throws as {@link update}; Conflict when there is another password by now
   */
  async setPassword(
    viewer: AccountActor & { readonly userId: string },
    password: string,
    passwordHash: string | null,
  ): Promise<UserRow> {
    return this.#update(viewer, viewer.userId, { password }, { isProven: true, vouches: viewer.isAdmin, passwordHash });
  }

  /**
   * Gives the viewer's own account an address, verified, whose mailbox the viewer has proved to read.
   * @param confirm consumes the proof in the same transaction; if it throws, nothing is changed
   * @throws as {@link update}
   */
  async setProvenEmail(
    viewer: AccountActor & { readonly userId: string },
    email: string,
    confirm: (sql: Sql) => Promise<void>,
  ): Promise<UserRow> {
    const changes = { email, isVerified: true, verifiedAt: this.needs.clock.now() };
    const proven = { isProven: true, vouches: true, provesMailbox: true, confirm };
    return this.#update(viewer, viewer.userId, changes, proven);
  }

  async #update(
    viewer: AccountActor,
    id: string,
    changes: UserChanges,
    { isProven, vouches, provesMailbox = false, passwordHash: provenHash, confirm }: Proven,
  ): Promise<UserRow> {
    const passwordHash =
      changes.password === undefined ? null : await this.needs.passwords.hash(changes.password, hashingOf(viewer));
    const updated = await this.needs.users.change(id, async (present, edit) => {
      if (viewer.userId === id) await this.#requireLive(viewer, edit.sql);
      if (!vouches && touchesGuarded(present, changes)) throw adminsOnly();
      if (changes.plan !== present.plan) this.#requirePlan(changes.plan);
      const now = this.needs.clock.now();
      const changed = { ...present, ...applyChanges(present, changes, vouches, now) };
      const next = provesMailbox ? { ...changed, mailboxProvenAt: now } : changed;
      const isNewEmail = !isSameAddress(present.email, next.email);
      const isNewPassword = passwordHash !== null;
      const isStale = provenHash !== undefined && !(await edit.hasPasswordHash(provenHash));
      if (isStale || (viewer.userId === id && (isNewEmail || isNewPassword) && !isProven)) {
        throw new Conflict('The account was changed meanwhile');
      }
      await confirm?.(edit.sql);
      if (isActingAdmin(present) && !isActingAdmin(next)) await requireAnotherAdmin(edit);
      const row = await edit.write(next, passwordHash, now);
      if (isNewEmail) await this.needs.notices.refuseReserved(edit.sql, row);
      if (isEnabled(present) && !isEnabled(next)) {
        await this.needs.sessions.endAllOf(edit.sql, id, 'ACCOUNT_DISABLED', null);
      } else if (isNewPassword) {
        await this.needs.sessions.endAllOf(edit.sql, id, 'PASSWORD_CHANGED', viewer.sessionId);
      }
      await recordAll(this.needs.audit, eventsOfChange(viewer, present, row, isNewPassword), edit.sql);
      if (isNewEmail || isNewPassword) {
        await this.needs.notices.noteChange(edit.sql, { actor: viewer, before: present, isNewEmail, isNewPassword });
      }
      return row;
    });
    this.needs.sessions.recheckStreams();
    return found(updated);
  }

  /** @returns whether there is a new password or address, for which the viewer has given the proof that it needs */
  async #proveChange(viewer: AccountActor, id: string, changes: UserChanges, code: string | null): Promise<boolean> {
    if (changes.password === undefined && changes.email === undefined) return false;
    const present = found(await this.needs.users.find(id));
    const isNewEmail = changes.email !== undefined && !isSameAddress(present.email, changes.email);
    if (changes.password === undefined && !isNewEmail) return false;
    if (!viewer.isAdmin && touchesGuarded(present, changes)) throw adminsOnly();
    await this.needs.secondFactorProof.require(viewer, code);
    return true;
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

  /** With the viewer's own row locked: a reset that ends the session is not followed by a change that it sent before. */
  async #requireLive({ userId, sessionId }: AccountActor, sql: Sql): Promise<void> {
    if (userId === null || sessionId === null) return;
    if (!(await this.needs.sessions.isLive(sql, userId, sessionId))) throw new Unauthenticated('Invalid token');
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

function isSameAddress(one: string | null, other: string | null): boolean {
  return one === other || isSameMailbox(one, other);
}

function hashingOf({ userId }: AccountActor): Hashing {
  return { lane: 'change', whose: userId ?? '' };
}

export function found(user: UserRow | null): UserRow {
  if (user === null) throw new NotFound('User');
  return user;
}

/** Drops null fields: for a new user, null means the same as an omitted field. */
function givenOf(input: NewUser): UserChanges {
  return Object.fromEntries(Object.entries(input).filter(([, value]) => value !== null));
}
