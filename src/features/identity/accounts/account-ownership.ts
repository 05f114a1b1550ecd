import type { Client } from '../../../kernel/caller.js';
import type { Clock } from '../../../kernel/clock.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Sql } from '../../../ports/database.js';
import { eventsOfCreation, recordAll } from './account-events.js';
import type { AccountSessions } from './account-sessions.js';
import type { AccountsRepository } from './accounts.repository.js';
import type { AccountPlans } from './accounts.service.js';
import type { PasswordHasher } from './password-hasher.js';
import { guardedDefaults, type LoginRow, type UserRow } from './user.js';

export interface AccountOwnershipNeeds {
  readonly users: AccountsRepository;
  readonly plans: AccountPlans;
  readonly passwords: Pick<PasswordHasher, 'hash'>;
  readonly sessions: AccountSessions;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** Checks the proof that the caller is the user, while the user's row is locked; throws if it is invalid. */
type Confirmation = (user: UserRow, sql: Sql) => Promise<void>;

/** Changes that other features make to an account whose user has proved their identity to those features. */
export class AccountOwnership {
  constructor(private readonly needs: AccountOwnershipNeeds) {}

  /**
   * Sets the password of a user who has proved their identity, and ends all of the user's sessions.
   * @param confirm consumes the proof in the same transaction; if it throws, everything is rolled back
   * @returns false when there is no such user
   * @throws Unavailable when too many passwords are being hashed; the proof is not consumed then
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
   * Marks a user as verified who has proved to receive mail at the account's address.
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

  /**
   * Creates an account without a password for someone whom a login provider vouches for.
   * @param attach runs in the same transaction; if it throws, everything is rolled back
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
      await recordAll(this.needs.audit, eventsOfCreation(null, row, client), sql);
      await attach(row, sql);
    });
  }

  /**
   * Replaces the hash of the user's password by another hash of the same password. Sessions stay.
   * @param user with the hash that is to be replaced
   * @returns false when the user has another hash by now, or no longer exists
   */
  renewPasswordHash(user: Pick<LoginRow, 'id' | 'passwordHash'>, passwordHash: string): Promise<boolean> {
    return this.needs.users.replacePasswordHash(user, passwordHash);
  }

  /** Runs `work` in a transaction that locks the user's row. @returns null when there is no such user */
  hold<Result>(id: string, work: (user: UserRow, sql: Sql) => Promise<Result>): Promise<Result | null> {
    return this.needs.users.change(id, (user, edit) => work(user, edit.sql));
  }
}
