import type { AccountsRepository } from './accounts.repository.js';
import type { LoginRow, UserRow } from './user.js';

/** Finds users for the service itself, without a permission check: callers decide what the viewer may see. */
export class UserDirectory {
  constructor(
    private readonly users: Pick<AccountsRepository, 'find' | 'findByEmail' | 'findLogin' | 'findLoginById'>,
  ) {}

  /** For fields of other objects that refer to users: in the order of `ids`, null for a deleted user. */
  loadMany(ids: readonly string[]): Promise<readonly (UserRow | null)[]> {
    return Promise.all(ids.map((id) => this.users.find(id)));
  }

  /** The user with this e-mail address, in any case. */
  findByEmail(email: string): Promise<UserRow | null> {
    return this.users.findByEmail(email);
  }

  /** The login fields of the user with this e-mail address, in any case. */
  findLogin(email: string): Promise<LoginRow | null> {
    return this.users.findLogin(email);
  }

  /** The login fields of the user with this id. */
  findLoginById(id: string): Promise<LoginRow | null> {
    return this.users.findLoginById(id);
  }
}
