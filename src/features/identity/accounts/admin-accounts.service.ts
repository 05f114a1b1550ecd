import type { Clock } from '../../../kernel/clock.js';
import { Conflict } from '../../../kernel/errors.js';
import { connectionOf, pageRequest, type Connection, type PageArguments } from '../../../kernel/page.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { AccountActor } from './account-actor.js';
import type { AccountNotices } from './account-notices.js';
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
  readonly notices: AccountNotices;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** Operations that are for admins only: anyone else is refused, even on their own account. */
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

  /** @throws Forbidden unless the viewer is an admin; otherwise as AccountsService.get */
  async get(viewer: AccountActor, id: string): Promise<UserRow> {
    if (!viewer.isAdmin) throw adminsOnly();
    return this.needs.accounts.get(viewer, id);
  }

  /**
   * May also set the guarded fields.
   * @throws Forbidden unless the viewer is an admin; otherwise as AccountsService.create
   */
  async create(viewer: AccountActor, input: NewUser): Promise<UserRow> {
    if (!viewer.isAdmin) throw adminsOnly();
    return this.needs.accounts.create(input, { viewer: () => Promise.resolve(viewer), client: viewer.client });
  }

  /** @throws Forbidden unless the viewer is an admin; otherwise as AccountsService.update */
  async update(viewer: AccountActor, id: string, changes: UserChanges, code: string | null = null): Promise<UserRow> {
    if (!viewer.isAdmin) throw adminsOnly();
    return this.needs.accounts.update(viewer, id, changes, code);
  }

  /** @throws Forbidden unless the viewer is an admin; otherwise as AccountsService.delete */
  async delete(viewer: AccountActor, id: string): Promise<UserRow> {
    if (!viewer.isAdmin) throw adminsOnly();
    return this.needs.accounts.delete(viewer, id);
  }

  /**
   * Deleted users with this e-mail address, in any case, most recently deleted first; at most 100.
   * @throws Forbidden
   */
  async findDeleted(viewer: AccountActor, email: string): Promise<readonly DeletedUserRow[]> {
    requireAdmin(viewer);
    return this.needs.users.findDeleted(email);
  }

  /**
   * Restores a deleted user and makes it active. Its sessions stay ended. Does nothing to a user that is not deleted.
   * @throws Forbidden; NotFound; Conflict `User already exists` when another user has the e-mail address by now
   */
  async restore(viewer: AccountActor, id: string): Promise<UserRow> {
    if (!viewer.isAdmin) throw adminsOnly();
    const restored = await this.needs.users.restore(id, this.needs.clock.now(), async (user, sql) => {
      await this.needs.notices.refuseReserved(sql, user);
      await this.needs.audit.record(eventOf('USER_RESTORED', viewer, id), sql);
    });
    return restored ?? found(await this.needs.users.find(id));
  }

  /**
   * Creates the first admin, unless the address is taken. Safe to call on several instances at once.
   * @returns `taken` when the address belongs to a user who is not an enabled admin; nothing is changed then
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
      mailboxProvenAt: now,
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
      // Another instance was faster: check the user that it created.
      if (error instanceof Conflict) return this.ensureAdmin(email, password);
      throw error;
    }
  }
}
