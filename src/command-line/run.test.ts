import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AccountsFixture, PASSWORD } from '../../test/support/accounts.js';
import { testDatabases, type TestDatabase } from '../../test/support/database.js';
import { operator } from '../features/identity/accounts/account-actor.js';
import { OperatorService } from '../features/identity/accounts/operator.service.js';
import type { UserRow } from '../features/identity/accounts/user.js';
import { removeSecondFactor } from '../features/identity/second-factor/remove-second-factor.js';
import { SecondFactorRepository } from '../features/identity/second-factor/second-factor.repository.js';
import { UsageError } from './failures.js';
import { runCommand } from './run.js';

const NEW_PASSWORD = 'a battery of horses';

describe.each(testDatabases())('the command line, on $name:', ({ open }) => {
  let database: TestDatabase;
  let fixture: AccountsFixture;
  let printed: string[];
  let said: string[];
  let asked: string[];
  let answer: boolean | Error;

  beforeAll(async () => {
    database = await open();
    fixture = new AccountsFixture(database);
    await fixture.admin();
  });
  afterAll(() => database.drop());
  beforeEach(() => {
    printed = [];
    said = [];
    asked = [];
    answer = true;
  });

  const secondFactors = {
    removeByOperator: (userId: string) =>
      database.transaction((sql) =>
        removeSecondFactor(
          { repository: new SecondFactorRepository(database), audit: fixture.audit },
          sql,
          operator,
          userId,
        ),
      ),
  };
  const run = (...words: string[]) =>
    runCommand(words, {
      prompts: {
        newPassword: () => {
          asked.push('password');
          return Promise.resolve(NEW_PASSWORD);
        },
        confirm: (question) => {
          asked.push(question);
          return answer instanceof Error ? Promise.reject(answer) : Promise.resolve(answer);
        },
      },
      print: (text) => printed.push(text),
      say: (text) => said.push(text),
      withOperator: (work) =>
        work(
          new OperatorService({
            accounts: fixture.accounts,
            admins: fixture.admins,
            directory: fixture.directory,
            secondFactors,
          }),
        ),
    });
  const stateOf = async ({ id }: UserRow) => {
    const { rows } = await database.query<{ isAdmin: boolean; isSuspended: boolean; isDeleted: boolean }>(
      `SELECT is_admin AS "isAdmin", is_suspended AS "isSuspended", deleted_at IS NOT NULL AS "isDeleted"
       FROM users WHERE id = $1`,
      [id],
    );
    return rows[0];
  };
  const eventsOf = async ({ id }: UserRow) => {
    const { rows } = await database.query<{ action: string }>(
      `SELECT action::text, actor_id, ip_address, details FROM audit_events
       WHERE subject_id = $1 AND action NOT IN ('LOGIN', 'USER_CREATED') ORDER BY id`,
      [id],
    );
    return rows;
  };
  const byOperator = (action: string) => ({
    action,
    actor_id: null,
    ip_address: null,
    details: { by: 'command line' },
  });

  it('create makes an admin, whose address counts as verified, with the password asked for', async () => {
    const email = fixture.uniqueEmail();
    expect(await run('create', ` ${email} `)).toBe(0);
    const [user] = (await fixture.admins.list((await fixture.admin()).viewer, email, {})).nodes;
    if (user === undefined) throw new Error('no user');
    expect(user).toMatchObject({ email, isAdmin: true, isVerified: true, plan: 'free', provider: 'email' });
    expect(said).toEqual([`${email} (${user.id}) is a new admin`]);
    expect(printed).toEqual([]);
    await fixture.login(user, NEW_PASSWORD);
    expect(await eventsOf(user)).toEqual([byOperator('ADMIN_GRANTED')]);
  });

  it('create makes an ordinary user with another plan, and a password that it prints', async () => {
    const email = fixture.uniqueEmail();
    expect(await run('create', email, '--no-admin', '--plan', 'pro', '--generate')).toBe(0);
    expect(asked).toEqual([]);
    const [password = ''] = printed;
    expect(password).toMatch(/^[\w-]{20}$/);
    expect(said.join()).not.toContain(password);
    const { accessToken } = await fixture.logins.login(email, password, { ipAddress: null, userAgent: null });
    expect(await fixture.authenticate(accessToken)).toMatchObject({ isAdmin: false, plan: 'pro' });
  });

  it('create refuses, before it asks for a password, an address that is taken or none', async () => {
    const { email } = await fixture.create();
    expect(await run('create', email?.toUpperCase() ?? '')).toBe(1);
    expect(await run('create', 'ada')).toBe(2);
    expect(said).toEqual(['error: User already exists', 'error: "ada" must be an e-mail address']);
    expect(asked).toEqual([]);
    expect(await run('create', fixture.uniqueEmail(), '--plan', 'gold')).toBe(2);
    expect(said.at(-1)).toBe('error: plan is not the name of a plan');
  });

  it('promote and demote, by address in any case or by id, and say when there is nothing to do', async () => {
    const user = await fixture.create();
    expect(await run('promote', user.email?.toUpperCase() ?? '')).toBe(0);
    expect(await stateOf(user)).toMatchObject({ isAdmin: true });
    expect(await run('promote', user.id)).toBe(0);
    expect(said.at(-1)).toContain('is an admin already: nothing was changed');
    expect(await run('demote', user.id)).toBe(0);
    expect(asked).toEqual([`${user.email ?? ''} (${user.id}) will be no admin any more.`]);
    expect(await stateOf(user)).toMatchObject({ isAdmin: false });
    expect(await eventsOf(user)).toEqual([byOperator('ADMIN_GRANTED'), byOperator('ADMIN_REVOKED')]);
  });

  it('suspend ends every session, and reinstate lets the user in again', async () => {
    const { user, tokens } = await fixture.person();
    expect(await run('suspend', user.id)).toBe(0);
    expect(await stateOf(user)).toMatchObject({ isSuspended: true });
    await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow('Account disabled');
    expect(await run('reinstate', user.id)).toBe(0);
    await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow('Invalid token');
    await fixture.login(user);
    expect(await eventsOf(user)).toEqual([byOperator('USER_SUSPENDED'), byOperator('USER_REINSTATED')]);
  });

  it('delete and restore, by the address that the user had', async () => {
    const { user, tokens } = await fixture.person();
    expect(await run('delete', user.id)).toBe(0);
    expect(await stateOf(user)).toMatchObject({ isDeleted: true });
    expect(await run('promote', user.id)).toBe(1);
    expect(said.at(-1)).toMatch(/^error: there is no such user/);
    expect(await run('restore', user.email ?? '')).toBe(0);
    expect(await stateOf(user)).toMatchObject({ isDeleted: false });
    await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow('Invalid token');
    await fixture.login(user);
    expect(await run('restore', user.id)).toBe(0);
    expect(said.at(-1)).toContain('is not deleted: nothing was changed');
    expect(await eventsOf(user)).toEqual([byOperator('USER_DELETED'), byOperator('USER_RESTORED')]);
  });

  it('restore asks which one, where several deleted users had the address', async () => {
    const email = fixture.uniqueEmail();
    const users = [];
    for (let number = 0; number < 2; number++) {
      users.push(await fixture.create({ email }));
      await run('delete', email, '--yes');
    }
    expect(await run('restore', email)).toBe(1);
    for (const { id } of users) expect(said.at(-1)).toContain(id);
    expect(await run('restore', users[0]?.id ?? '')).toBe(0);
    expect(await run('restore', users[1]?.id ?? '')).toBe(1);
    expect(said.at(-1)).toBe('error: User already exists');
  });

  it('reset sets the password that was asked for, and ends every session', async () => {
    const { user, tokens } = await fixture.person();
    expect(await run('reset', user.id)).toBe(0);
    await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow('Invalid token');
    await expect(fixture.login(user, PASSWORD)).rejects.toThrow('Invalid credentials');
    await fixture.login(user, NEW_PASSWORD);
    expect(await run('reset', user.id, '--generate')).toBe(0);
    await fixture.login(user, printed[0]);
    expect(await eventsOf(user)).toMatchObject([
      byOperator('PASSWORD_CHANGED'),
      { action: 'LOGIN_FAILED' },
      byOperator('PASSWORD_CHANGED'),
    ]);
    expect(await run('reset', 'nobody@example.com')).toBe(1);
  });

  it('remove-second-factor lets a user who has lost it log in with the password alone', async () => {
    const { user } = await fixture.person();
    await database.query(`INSERT INTO second_factors (user_id, secret, enabled_at) VALUES ($1, '\\x00', now())`, [
      user.id,
    ]);
    await expect(fixture.login(user)).rejects.toThrow('Second factor required');
    expect(await run('remove-second-factor', user.id)).toBe(0);
    expect(asked).toEqual([`${user.email ?? ''} (${user.id}) will log in without a second factor.`]);
    await fixture.login(user);
    expect(await run('remove-second-factor', user.id)).toBe(0);
    expect(said.at(-1)).toContain('has no second factor: nothing was changed');
    expect(await eventsOf(user)).toEqual([byOperator('SECOND_FACTOR_DISABLED')]);
  });

  it('what takes something away changes nothing without a yes', async () => {
    const admin = (await fixture.admin()).user;
    answer = false;
    for (const command of ['demote', 'suspend', 'delete']) expect(await run(command, admin.id)).toBe(130);
    expect(said).toEqual(Array(3).fill('Canceled: nothing was changed'));
    answer = new UsageError('Nobody can be asked');
    expect(await run('suspend', admin.id)).toBe(2);
    expect(await stateOf(admin)).toEqual({ isAdmin: true, isSuspended: false, isDeleted: false });
    expect(await run('suspend', admin.id, '--yes')).toBe(0);
  });

  it('the last admin cannot be taken away', async () => {
    const { rows } = await database.query<{ id: string }>(
      'SELECT id FROM users WHERE is_admin AND NOT is_suspended AND is_active AND deleted_at IS NULL',
    );
    for (const { id } of rows) await run('demote', id, '--yes');
    const last = rows.at(-1)?.id ?? '';
    for (const command of ['demote', 'suspend', 'delete']) {
      expect(await run(command, last, '--yes')).toBe(1);
      expect(said.at(-1)).toBe('error: This is the last admin; make another user an admin first');
    }
  });

  it('list shows users and their state, and no character that a terminal obeys', async () => {
    const name = fixture.uniqueEmail('listed');
    const user = await fixture.create({ email: `\u001bc\u202e${name}` });
    await fixture.accounts.update((await fixture.admin()).viewer, user.id, { isSuspended: true });
    expect(await run('list', name)).toBe(0);
    const [head, line, ...rest] = (printed[0] ?? '').split('\n');
    expect(head).toMatch(/^ADDRESS +ID +STATE +PLAN +CREATED +LAST LOGIN$/);
    expect(line).toContain(`\ufffdc\ufffd${name}  ${user.id}  suspended, unverified  free`);
    expect(rest).toEqual([]);
    expect(await run('list', name, '--json')).toBe(0);
    expect(JSON.parse(printed[1] ?? '')).toMatchObject([{ id: user.id, isSuspended: true, lastLogin: null }]);
  });

  it.each([
    [[], /Usage: npm run admin/],
    [['frobnicate'], /unknown command 'frobnicate'/],
    [['promote'], /missing required argument 'user'/],
    [['create', 'a@example.com', 'hunter2'], /never an argument/],
    [['create', 'a@example.com', '--password', 'hunter2'], /never an argument/],
  ])('%j is a wrong command', async (words, explanation) => {
    expect(await run(...words)).toBe(2);
    expect(said.join('\n')).toMatch(explanation);
    expect(said.join('\n')).not.toContain('hunter2');
  });

  it('help is no failure', async () => {
    expect(await run('--help')).toBe(0);
    expect(await run('help', 'create')).toBe(0);
    expect(printed.join('\n')).toContain('--no-admin');
  });
});
