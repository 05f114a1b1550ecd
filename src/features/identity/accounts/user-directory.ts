import type { AccountsRepository } from './accounts.repository.js';
import { addressIdentity } from './email-address.js';
import type { LoginRow, UserRow } from './user.js';

/** Finding users on behalf of the service itself, not of a viewer: whoever asks sees to it that the viewer may know. */
export class UserDirectory {
  constructor(
    private readonly users: Pick<AccountsRepository, 'findMany' | 'findByEmail' | 'findLogin' | 'findLoginById'>,
  ) {}

  /** For the fields of other objects that give a user: in the order of the ids, null for one that is deleted. */
  async loadMany(ids: readonly string[]): Promise<readonly (UserRow | null)[]> {
    const users = new Map((await this.users.findMany(ids)).map((user) => [user.id, user]));
    return ids.map((id) => users.get(id) ?? null);
  }

  /** The user with this e-mail address, in any case. */
  findByEmail(email: string): Promise<UserRow | null> {
    return this.users.findByEmail(email);
  }

  /** What a login needs to know of the user with this e-mail address, in any case. */
  async findLogin(email: string): Promise<LoginRow | null> {
    const user = await this.users.findLogin(email);
    // Databases fold case in their own ways: a spelling that tries are counted for by itself may not find the user too.
    return user !== null && addressIdentity(user.email) === addressIdentity(email) ? user : null;
  }

  /** What a login needs to know of the user with this id. */
  findLoginById(id: string): Promise<LoginRow | null> {
    return this.users.findLoginById(id);
  }
}
