import { Conflict, NotFound } from '../../../kernel/errors.js';
import { isUuid } from '../../../kernel/ids.js';
import type { Connection, PageArguments } from '../../../kernel/page.js';
import { operator, type AccountActor } from './account-actor.js';
import type { AccountsService } from './accounts.service.js';
import type { AdminAccountsService } from './admin-accounts.service.js';
import type { UserDirectory } from './user-directory.js';
import { isEnabled, type UserChanges, type UserRow } from './user.js';

export interface OperatorServiceNeeds {
  readonly accounts: Pick<AccountsService, 'create' | 'update' | 'delete' | 'findVisible'>;
  readonly admins: Pick<AdminAccountsService, 'list' | 'restore' | 'findDeleted'>;
  readonly directory: Pick<UserDirectory, 'findByEmail'>;
  readonly invitations: {
    create(actor: AccountActor, request: InvitationWish): Promise<OperatorInvitation>;
    list(actor: AccountActor, page: PageArguments): Promise<Connection<InvitationState>>;
    revoke(actor: AccountActor, id: string): Promise<InvitationState>;
  };
  readonly deadMail: {
    /** The latest first. */
    latest(size: number): Promise<{ readonly mails: readonly UnsentMail[]; readonly total: number }>;
  };
  readonly secondFactors: {
    /** Disables a user's second factor on behalf of {@link operator}. @returns whether it was enabled */
    removeByOperator(userId: string): Promise<boolean>;
  };
}

/** A mail that was given up. */
export interface UnsentMail {
  readonly id: string;
  readonly queue: string;
  readonly kind: string;
  readonly email: string | null;
  readonly reason: string;
  readonly tries: number;
  readonly requestedAt: Date;
  readonly failedAt: Date;
}

export interface InvitationWish {
  /** Null for an invitation that anyone may use. */
  readonly email: string | null;
  readonly plan: string | null;
  readonly uses: number;
  readonly expiresAt: Date;
}

export interface OperatorInvitation {
  readonly code: string;
  readonly expiresAt: Date;
}

/** An invitation that was made before; its code is not shown again. */
export interface InvitationState {
  readonly id: string;
  readonly email: string | null;
  readonly plan: string | null;
  readonly maxUses: number;
  readonly uses: number;
  readonly expiresAt: Date;
  readonly revokedAt: Date | null;
  readonly createdAt: Date;
}

export interface NewAccount {
  readonly email: string;
  readonly password: string;
  readonly isAdmin: boolean;
  /** Undefined for the default plan. */
  readonly plan: string | undefined;
}

/** A user after an operation, and whether the operation changed anything. */
export interface Outcome {
  readonly user: UserRow;
  readonly isChanged: boolean;
}

/**
 * Operations on accounts at the command line. They follow the same rules as for admins, including the one that protects
 * the last admin. A user is named by e-mail address, in any case, or by id.
 */
export class OperatorService {
  constructor(private readonly needs: OperatorServiceNeeds) {}

  /** @throws NotFound */
  async find(name: string): Promise<UserRow> {
    const user = await this.#findPresent(name);
    if (user === null) throw new NotFound('User');
    return user;
  }

  /** Newest first, at most 100. @param search a part of the e-mail address or phone number; null for everyone */
  async list(search: string | null): Promise<{ readonly users: readonly UserRow[]; readonly total: number }> {
    const { nodes, countAll } = await this.needs.admins.list(operator, search, { first: 100 });
    return { users: nodes, total: await countAll() };
  }

  /**
   * An admin's address counts as verified, since the operator vouches for it.
   * @throws Conflict `User already exists`; Invalid
   */
  create({ email, password, isAdmin, plan }: NewAccount): Promise<UserRow> {
    const input = { provider: 'email', email, password, isAdmin, isVerified: isAdmin, plan };
    return this.needs.accounts.create(input, { viewer: () => Promise.resolve(operator), client: null });
  }

  /** The mails that were given up, the latest first, at most 100. */
  deadMail(): Promise<{ readonly mails: readonly UnsentMail[]; readonly total: number }> {
    return this.needs.deadMail.latest(100);
  }

  /** Not mailed: the operator hands the code over. @throws Invalid */
  invite(wish: InvitationWish): Promise<OperatorInvitation> {
    return this.needs.invitations.create(operator, wish);
  }

  /** Newest first, at most 100. */
  async invitations(): Promise<{ readonly invitations: readonly InvitationState[]; readonly total: number }> {
    const { nodes, countAll } = await this.needs.invitations.list(operator, { first: 100 });
    return { invitations: nodes, total: await countAll() };
  }

  /** Accounts made with it stay. @throws NotFound */
  revokeInvitation(id: string): Promise<InvitationState> {
    return this.needs.invitations.revoke(operator, id);
  }

  /** @throws NotFound */
  promote(name: string): Promise<Outcome> {
    return this.#change(name, (user) => !user.isAdmin, { isAdmin: true });
  }

  /** @throws NotFound; Conflict for the last admin */
  demote(name: string): Promise<Outcome> {
    return this.#change(name, (user) => user.isAdmin, { isAdmin: false });
  }

  /** Ends every session of the user. @throws NotFound; Conflict for the last admin */
  suspend(name: string): Promise<Outcome> {
    return this.#change(name, (user) => !user.isSuspended, { isSuspended: true });
  }

  /** Enables a suspended or inactive user again. @throws NotFound */
  reinstate(name: string): Promise<Outcome> {
    return this.#change(name, (user) => !isEnabled(user), { isSuspended: false, isActive: true });
  }

  /** Sets a password and ends every session of the user. @throws NotFound */
  async reset(name: string, password: string): Promise<UserRow> {
    return (await this.#change(name, () => true, { password })).user;
  }

  /** Disables the second factor of a user who has lost app and recovery codes. Sessions stay. @throws NotFound */
  async removeSecondFactor(name: string): Promise<Outcome> {
    const user = await this.find(name);
    return { user, isChanged: await this.needs.secondFactors.removeByOperator(user.id) };
  }

  /** Soft-deletes a user and ends all of the user's sessions. @throws NotFound; Conflict for the last admin */
  async delete(name: string): Promise<UserRow> {
    return this.needs.accounts.delete(operator, (await this.find(name)).id);
  }

  /**
   * Restores a deleted user and makes it active.
   * @throws NotFound; Conflict when another user has the address by now, or several deleted users had it
   */
  async restore(name: string): Promise<Outcome> {
    const present = await this.#findPresent(name);
    if (present !== null) return { user: present, isChanged: false };
    return { user: await this.needs.admins.restore(operator, await this.#idOfDeleted(name)), isChanged: true };
  }

  #findPresent(name: string): Promise<UserRow | null> {
    return isUuid(name) ? this.needs.accounts.findVisible(operator, name) : this.needs.directory.findByEmail(name);
  }

  async #idOfDeleted(name: string): Promise<string> {
    if (isUuid(name)) return name;
    const deleted = await this.needs.admins.findDeleted(operator, name);
    const [only] = deleted;
    if (only === undefined) throw new NotFound('User');
    if (deleted.length === 1) return only.id;
    const lines = deleted.map(({ id, deletedAt }) => `  ${id}  deleted ${deletedAt.toISOString()}`);
    throw new Conflict(`Several deleted users had this address; name one by its id:\n${lines.join('\n')}`);
  }

  async #change(name: string, isNeeded: (user: UserRow) => boolean, changes: UserChanges): Promise<Outcome> {
    const user = await this.find(name);
    if (!isNeeded(user)) return { user, isChanged: false };
    return { user: await this.needs.accounts.update(operator, user.id, changes), isChanged: true };
  }
}
