import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AccountsFixture, PASSWORD } from '../../../../test/support/accounts.js';
import { testDatabases, type TestDatabase } from '../../../../test/support/database.js';
import { Unavailable } from '../../../kernel/errors.js';
import { PasswordHasher } from '../accounts/password-hasher.js';
import { LoginService } from './login.service.js';

/** Hash of {@link PASSWORD}, made by libxcrypt's `crypt(3)`. */
const BCRYPT = '$2y$08$DCq7YPn5Rq63x1Lad4cll.cmvRWXKIjlUU4.GmLDAW9QDFhrXC.Gm';
const CLIENT = { ipAddress: null, userAgent: null };

describe.each(testDatabases())('the first login with a hash of another service, on $name,', ({ open }) => {
  let database: TestDatabase;
  let fixture: AccountsFixture;
  const passwords = new PasswordHasher();

  beforeAll(async () => {
    database = await open();
    fixture = new AccountsFixture(database);
  });
  afterAll(() => database.drop());

  /** @param hash replaces the function that makes the new hash */
  const logins = (hash: (password: string) => Promise<string>) =>
    new LoginService({
      directory: fixture.directory,
      ownership: fixture.ownership,
      passwords: { compare: (present, password) => passwords.compare(present, password), hash },
      sessions: fixture.sessions,
      challenges: fixture.challenges,
      notices: { notify: () => Promise.resolve() },
      audit: { record: () => Promise.resolve() },
      limiters: { address: () => Promise.resolve(), client: () => Promise.resolve() },
    });
  const imported = async () => {
    const { id, email } = await fixture.create();
    await database.query('UPDATE users SET password_hash = $2 WHERE id = $1', [id, BCRYPT]);
    return { id, email: email ?? '' };
  };
  const hashOf = async (id: string) => {
    const { rows } = await database.query<{ hash: string }>('SELECT password_hash AS hash FROM users WHERE id = $1', [
      id,
    ]);
    return rows[0]?.hash ?? null;
  };

  it('does not undo a password that is set meanwhile, and is refused', async () => {
    const { id, email } = await imported();
    const admin = await fixture.admin();
    const login = logins(async (password) => {
      await fixture.accounts.update(admin.viewer, id, { password: 'a new password of theirs' });
      return passwords.hash(password);
    });
    await expect(login.login(email, PASSWORD, CLIENT)).rejects.toThrow('Invalid credentials');
    expect(await passwords.verify(await hashOf(id), 'a new password of theirs')).toBe(true);
  });

  it('succeeds when another one is quicker, and keeps the hash of that one', async () => {
    const { id, email } = await imported();
    let quicker: string | null = null;
    const login = logins(async (password) => {
      await fixture.logins.login(email, PASSWORD, CLIENT);
      quicker = await hashOf(id);
      return passwords.hash(password);
    });
    await expect(login.login(email, PASSWORD, CLIENT)).resolves.toMatchObject({ expiresIn: 3600 });
    expect(await hashOf(id)).toBe(quicker);
  });

  it('succeeds when too many hashes are being made, and leaves the new one to the next login', async () => {
    const { id, email } = await imported();
    const login = logins(() => Promise.reject(new Unavailable('Too many sign-ins at once')));
    await expect(login.login(email, PASSWORD, CLIENT)).resolves.toMatchObject({ expiresIn: 3600 });
    expect(await hashOf(id)).toBe(BCRYPT);
    await fixture.logins.login(email, PASSWORD, CLIENT);
    expect(await hashOf(id)).toMatch(/^\$argon2id\$/);
  });
});
