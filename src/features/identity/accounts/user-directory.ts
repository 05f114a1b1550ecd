import type { AccountsRepository } from './accounts.repository.js';
import { addressIdentity } from './email-address.js';
import type { LoginRow, UserRow } from './user.js';

/** Finds users for the service itself, without a permission check: callers decide what the viewer may see. */
export class UserDirectory {
  constructor(
    private readonly users: Pick<AccountsRepository, 'findMany' | 'findByEmail' | 'findLogin' | 'findLoginById'>,
  ) {}

  /** For fields of other objects that refer to users: in the order of `ids`, null for a deleted user. */
  async loadMany(ids: readonly string[]): Promise<readonly (UserRow | null)[]> {
    const users = new Map((await this.users.findMany(ids)).map((user) => [user.id, user]));
    return ids.map((id) => users.get(id) ?? null);
  }

  /** The user with this e-mail address, in any case. */
  findByEmail(email: string): Promise<UserRow | null> {
    return this.users.findByEmail(email);
  }

  /** The login fields of the user with this e-mail address, in any case. */
  async findLogin(email: string): Promise<LoginRow | null> {
    const user = await this.users.findLogin(email);
    // Databases fold case by different rules: a spelling that rate limits count as another address must find nobody.
    return user !== null && addressIdentity(user.email) === addressIdentity(email) ? user : null;
  }

  /** The login fields of the user with this id. */
  findLoginById(id: string): Promise<LoginRow | null> {
    return this.users.findLoginById(id);
  }
}
