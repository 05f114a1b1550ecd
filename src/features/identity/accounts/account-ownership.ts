import type { Client } from '../../../kernel/caller.js';
import type { Clock } from '../../../kernel/clock.js';
import { Unauthenticated } from '../../../kernel/errors.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Sql } from '../../../ports/database.js';
import { eventsOfCreation, recordAll } from './account-events.js';
import { EVERYTHING, type ClearForOwner } from './account-handover.js';
import type { AccountNotices } from './account-notices.js';
import type { AccountChange, AccountSessions } from './account-sessions.js';
import type { AccountsRepository, UserEdit } from './accounts.repository.js';
import type { SignUps } from './sign-ups.js';
import type { AccountPlans } from './accounts.service.js';
import type { PasswordHasher } from './password-hasher.js';
import { guardedDefaults, type LoginRow, type UserRow } from './user.js';

export interface AccountOwnershipNeeds {
  readonly users: AccountsRepository;
  readonly plans: AccountPlans;
  readonly passwords: Pick<PasswordHasher, 'hash'>;
  readonly sessions: AccountSessions;
  readonly notices: AccountNotices;
  /** What hands an account over, feature by feature. */
  readonly handover: readonly ClearForOwner[];
  readonly signUps: SignUps;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** Who has found out something about the user's mailbox, for the audit log. */
const BY_PROVIDER = { by: 'provider' } as const;

/** Checks the proof that the caller is the user, while the user's row is locked; throws if it is invalid. */
type Confirmation = (user: UserRow, sql: Sql) => Promise<void>;

/** What an account had before its address was changed. */
export type EarlierAddress = Pick<UserRow, 'isVerified' | 'verifiedAt' | 'mailboxProvenAt'> & {
  readonly email: string;
};

/** An account whose row is locked. */
export interface HeldAccount {
  readonly sql: Sql;
  /** Marks the mailbox and the account as one person's, by the word of a login provider. */
  readonly markProven: () => Promise<void>;
}

/**
 * Changes that other features make to an account whose user has proved their identity to those features. Anyone can make
 * an account with another person's address, so reading the mailbox and holding the account are two proofs. As long as
 * nobody has given both together, the one who proves the mailbox gets an account that is cleared of everything by which
 * the other could get in. See docs/decisions/0021-whose-mailbox-whose-account.md.
 */
export class AccountOwnership {
  constructor(private readonly needs: AccountOwnershipNeeds) {}

  /**
   * Sets the password of a user who has proved to receive mail at the account's address, and ends all of the user's
   * sessions.
   * @param confirm consumes the proof in the same transaction; if it throws, everything is rolled back
   * @returns false when there is no such user
   * @throws Unavailable when too many passwords are being hashed; the proof is not consumed then
   */
  async resetPassword(id: string, password: string, client: Client, confirm: Confirmation): Promise<boolean> {
    const passwordHash = await this.needs.passwords.hash(password, { lane: 'change', whose: id });
    const user = await this.needs.users.change(id, async (present, edit) => {
      await confirm(present, edit.sql);
      await this.#handOver(present, edit, 'PASSWORD_RESET', client);
      const now = this.needs.clock.now();
      return edit.write({ ...present, mailboxProvenAt: present.mailboxProvenAt ?? now }, passwordHash, now);
    });
    this.needs.sessions.recheckStreams();
    return user !== null;
  }

  /**
   * Marks a user as verified who has proved to receive mail at the account's address, and the mailbox as proven if the
   * one who proves it also holds the account.
   * @param viewer who sends the proof; null for someone without a session
   * @param confirm as for {@link resetPassword}
   * @returns false when there is no such user
   */
  async verifyEmail(id: string, viewer: Viewer | null, confirm: Confirmation): Promise<boolean> {
    const user = await this.needs.users.change(id, async (present, edit) => {
      await confirm(present, edit.sql);
      const now = this.needs.clock.now();
      const isHolder = viewer?.userId === id && (await this.#hasLiveSession(edit.sql, viewer));
      const mailboxProvenAt = present.mailboxProvenAt ?? (isHolder ? now : null);
      return edit.write({ ...verified(present, now), mailboxProvenAt }, null, now);
    });
    return user !== null;
  }

  /**
   * Gives the account an earlier address back, for whoever reads that mailbox: takes the password away, and ends every
   * session and all by which somebody could get in that came since; that came ever, unless the mailbox had been proven.
   * @param confirm as for {@link resetPassword}
   * @returns false when there is no such user
   * @throws Conflict `User already exists` when another user has the address by now
   */
  async setBack(
    id: string,
    earlier: EarlierAddress,
    since: Date,
    client: Client,
    confirm: Confirmation,
  ): Promise<boolean> {
    const user = await this.needs.users.change(id, async (present, edit) => {
      await confirm(present, edit.sql);
      await this.needs.sessions.endAllOf(edit.sql, id, 'PASSWORD_RESET', null);
      await edit.clearCredentials();
      const { email, isVerified, verifiedAt, mailboxProvenAt } = earlier;
      const from = mailboxProvenAt === null ? EVERYTHING : since;
      for (const clear of this.needs.handover) await clear(edit.sql, id, client, from);
      return edit.write({ ...present, email, isVerified, verifiedAt, mailboxProvenAt }, null, this.needs.clock.now());
    });
    this.needs.sessions.recheckStreams();
    return user !== null;
  }

  /**
   * Creates an account without a password for someone whom a login provider vouches for.
   * @param attach runs in the same transaction; if it throws, everything is rolled back
   * @throws Conflict `User already exists`; and as SignUps.admit
   */
  async createVouchedFor(
    given: Pick<UserRow, 'provider' | 'providerId' | 'email' | 'isVerified'>,
    client: Client,
    attach: (user: UserRow, sql: Sql) => Promise<void>,
  ): Promise<UserRow> {
    const now = this.needs.clock.now();
    const admission = await this.needs.signUps.admit(
      { email: given.email, isEmailVerified: given.isVerified, invitation: null },
      client,
    );
    const defaults = guardedDefaults(admission.plan ?? this.needs.plans.defaultPlan);
    const since = given.isVerified ? now : null;
    const user = { phoneNumber: null, profile: {}, ...defaults, ...given, verifiedAt: since, mailboxProvenAt: since };
    return this.needs.users.insert(user, null, now, async (row, sql) => {
      await this.needs.notices.refuseReserved(sql, row);
      await recordAll(this.needs.audit, eventsOfCreation(null, row, client, await admission.use(sql)), sql);
      await attach(row, sql);
    });
  }

  /**
   * Lets someone into an account whom a login provider vouches for as the reader of its mailbox.
   * @param confirm checks that in the same transaction; if it throws, everything is rolled back
   * @param attach adds the new way to log in; as `confirm`
   * @returns null when there is no such user
   */
  async letInByMailbox<Result>(
    id: string,
    client: Client,
    confirm: Confirmation,
    attach: (sql: Sql) => Promise<Result>,
  ): Promise<Result | null> {
    const result = await this.needs.users.change(id, async (present, edit) => {
      await confirm(present, edit.sql);
      if (present.mailboxProvenAt === null) {
        const event = { actorId: id, subjectId: id, client, details: BY_PROVIDER } as const;
        const { hadPassword } = await this.#handOver(present, edit, 'PASSWORD_CHANGED', client);
        if (hadPassword) await this.needs.audit.record({ action: 'PASSWORD_CHANGED', ...event }, edit.sql);
      }
      await this.#prove(present, edit, client);
      return attach(edit.sql);
    });
    this.needs.sessions.recheckStreams();
    return result;
  }

  /**
   * Replaces the hash of the user's password by another hash of the same password. Sessions stay.
   * @param user with the hash that is to be replaced
   * @returns false when the user has another hash by now, or no longer exists
   */
  renewPasswordHash(user: Pick<LoginRow, 'id' | 'passwordHash'>, passwordHash: string): Promise<boolean> {
    return this.needs.users.replacePasswordHash(user, passwordHash);
  }

  /**
   * Runs `work` in a transaction that locks the viewer's row: what a session has begun is not finished after it was ended.
   * @returns null when there is no such user
   * @throws Unauthenticated `Invalid token` when the viewer's session has meanwhile ended
   */
  hold<Result>(viewer: Viewer, work: (user: UserRow, held: HeldAccount) => Promise<Result>): Promise<Result | null> {
    return this.needs.users.change(viewer.userId, async (user, edit) => {
      if (viewer.sessionId !== null && !(await this.#hasLiveSession(edit.sql, viewer))) {
        throw new Unauthenticated('Invalid token');
      }
      return work(user, { sql: edit.sql, markProven: () => this.#prove(user, edit, viewer.client) });
    });
  }

  /** By the word of a login provider. */
  async #prove(user: UserRow, edit: UserEdit, client: Client): Promise<void> {
    const now = this.needs.clock.now();
    if (!user.isVerified) {
      const event = { action: 'EMAIL_VERIFIED', actorId: user.id, subjectId: user.id, client } as const;
      await this.needs.audit.record({ ...event, details: BY_PROVIDER }, edit.sql);
    }
    await edit.write({ ...verified(user, now), mailboxProvenAt: user.mailboxProvenAt ?? now }, null, now);
  }

  /** Ends the user's sessions, and unless the account is the mailbox owner's already, clears it for them. */
  async #handOver(
    user: UserRow,
    edit: UserEdit,
    reason: AccountChange,
    client: Client,
  ): Promise<{ readonly hadPassword: boolean }> {
    await this.needs.sessions.endAllOf(edit.sql, user.id, reason, null);
    if (user.mailboxProvenAt !== null) return { hadPassword: true };
    const hadPassword = await edit.clearCredentials();
    for (const clear of this.needs.handover) await clear(edit.sql, user.id, client, EVERYTHING);
    return { hadPassword };
  }

  async #hasLiveSession(sql: Sql, { userId, sessionId }: Viewer): Promise<boolean> {
    return sessionId !== null && this.needs.sessions.isLive(sql, userId, sessionId);
  }
}

function verified(user: UserRow, now: Date): UserRow {
  return { ...user, isVerified: true, verifiedAt: user.verifiedAt ?? now };
}
