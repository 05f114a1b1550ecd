import type { Clock } from '../../../kernel/clock.js';
import { Conflict } from '../../../kernel/errors.js';
import { connectionOf, pageRequest, type Connection, type PageArguments } from '../../../kernel/page.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { AccountActor } from './account-actor.js';
import { eventOf, eventsOfCreation, recordAll } from './account-events.js';
import { adminsOnly, requireAdmin } from './accounts.policy.js';
import type { AccountsRepository } from './accounts.repository.js';
import { found, type AccountPlans, type AccountsService } from './accounts.service.js';
import type { PasswordHasher } from './password-hasher.js';
import {
  guardedDefaults,
  isActingAdmin,
  type DeletedUserRow,
  type NewUser,
  type UserChanges,
  type UserRow,
} from './user.js';

export interface AdminAccountsServiceNeeds {
  readonly users: AccountsRepository;
  readonly accounts: Pick<AccountsService, 'create' | 'get' | 'update' | 'delete'>;
  readonly plans: AccountPlans;
  readonly passwords: Pick<PasswordHasher, 'hash'>;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** What admins alone may do. Each act is refused to anyone else, on one's own account too. */
export class AdminAccountsService {
  constructor(private readonly needs: AdminAccountsServiceNeeds) {}

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

  /** @throws Forbidden; else as AccountsService.get */
  async get(viewer: AccountActor, id: string): Promise<UserRow> {
    if (!viewer.isAdmin) throw adminsOnly();
    return this.needs.accounts.get(viewer, id);
  }

  /** Also the fields that admins alone may set. @throws Forbidden; else as AccountsService.create */
  async create(viewer: AccountActor, input: NewUser): Promise<UserRow> {
    if (!viewer.isAdmin) throw adminsOnly();
    return this.needs.accounts.create(input, { viewer: () => Promise.resolve(viewer), client: viewer.client });
  }

  /** @throws Forbidden; else as AccountsService.update */
  async update(viewer: AccountActor, id: string, changes: UserChanges): Promise<UserRow> {
    if (!viewer.isAdmin) throw adminsOnly();
    return this.needs.accounts.update(viewer, id, changes);
  }

  /** @throws Forbidden; else as AccountsService.delete */
  async delete(viewer: AccountActor, id: string): Promise<UserRow> {
    if (!viewer.isAdmin) throw adminsOnly();
    return this.needs.accounts.delete(viewer, id);
  }

  /** Deleted users who had this e-mail address, in any case, the last deleted first; at most 100. @throws Forbidden */
  async findDeleted(viewer: AccountActor, email: string): Promise<readonly DeletedUserRow[]> {
    requireAdmin(viewer);
    return this.needs.users.findDeleted(email);
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
        (user, sql) => recordAll(this.needs.audit, eventsOfCreation(null, user, null), sql),
      );
      return 'created';
    } catch (error) {
      // Another instance was quicker: see what it made.
      if (error instanceof Conflict) return this.ensureAdmin(email, password);
      throw error;
    }
  }
}
