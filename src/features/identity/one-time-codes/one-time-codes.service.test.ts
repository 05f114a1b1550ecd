import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AccountsFixture, CLIENT } from '../../../../test/support/accounts.js';
import { testDatabases } from '../../../../test/support/database.js';
import { RateLimited, Unauthenticated } from '../../../kernel/errors.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { Mail } from '../../../ports/mailer.js';
import type { UserRow } from '../accounts/user.js';
import { CodeHasher, type CodeBinding } from './code-hasher.js';
import { CODE_MAIL_QUEUE, OneTimeCodesService } from './one-time-codes.service.js';
import { OneTimeCodesRepository } from './one-time-codes.repository.js';

const MINUTE = 60_000;
const NEW_PASSWORD = 'a battery of horses';

/** Counts comparisons. */
class CountingHasher extends CodeHasher {
  compares = 0;

  override matches(hash: Buffer, binding: CodeBinding, code: string): boolean {
    this.compares++;
    return super.matches(hash, binding, code);
  }
}

describe.each(testDatabases())('one-time codes ($name)', (kind) => {
  let database: Awaited<ReturnType<typeof kind.open>>;
  let fixture: AccountsFixture;
  let service: OneTimeCodesService;
  let hasher: CountingHasher;
  const jobs: object[] = [];
  const mails: Mail[] = [];
  const counted: string[] = [];
  let mailOutcome: () => 'sent' | 'refused';
  const warnings: object[] = [];

  beforeAll(async () => {
    database = await kind.open();
    fixture = new AccountsFixture(database);
    hasher = new CountingHasher(['a secret of thirty-two bytes, or more']);
    const limiter = (name: string) => (identity: string) => {
      counted.push(`${name} ${identity}`);
      return Promise.resolve();
    };
    service = new OneTimeCodesService({
      repository: new OneTimeCodesRepository(database),
      directory: fixture.directory,
      ownership: fixture.ownership,
      audit: fixture.audit,
      hasher,
      jobs: {
        add: (queue, data) => {
          expect(queue).toBe(CODE_MAIL_QUEUE);
          jobs.push(data);
          return Promise.resolve();
        },
      },
      mailer: {
        send: (mail) => {
          mails.push(mail);
          return Promise.resolve(mailOutcome());
        },
      },
      limiters: { address: limiter('address'), client: limiter('client') },
      clock: fixture.clock,
      log: { warn: (fields) => warnings.push(fields) },
    });
    mailOutcome = () => 'sent';
  });
  afterEach(() => {
    fixture.clock.time = Date.now();
    for (const list of [jobs, mails, counted, warnings]) list.length = 0;
    hasher.compares = 0;
    mailOutcome = () => 'sent';
  });
  afterAll(() => database.drop());

  const INVALID_CODE = expect.objectContaining({ code: 'BAD_USER_INPUT', message: 'Invalid OTP' });

  /** Requests a code and reads it from the resulting mail. */
  async function codeFor(email: string, purpose: 'PASSWORD_RESET' | 'EMAIL_VERIFICATION' = 'PASSWORD_RESET') {
    await service.request(purpose, email, CLIENT);
    await service.deliver(jobs.at(-1));
    const code = /\b\d{6}\b/.exec(mails.at(-1)?.text ?? '')?.[0];
    if (code === undefined) throw new Error('no code was mailed');
    return code;
  }
  const wrong = (code: string) => (code === '111111' ? '222222' : '111111');
  const addressOf = (user: UserRow) => user.email ?? '';
  const verify = (email: string, code: string, viewer: Viewer | null = null) =>
    service.verifyEmail({ email, code, client: CLIENT }, viewer);
  const reset = (email: string, code: string) => service.resetPassword({ email, code, client: CLIENT }, NEW_PASSWORD);

  it('set a new password once, in any case of the address and with spaces in the code', async () => {
    const { user, tokens } = await fixture.person();
    const code = await codeFor(addressOf(user).toUpperCase());
    expect(mails).toEqual([expect.objectContaining({ to: user.email })]);
    await reset(` ${addressOf(user)}`, ` ${code.slice(0, 3)} ${code.slice(3)}`);
    await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow(new Unauthenticated('Invalid token'));
    await expect(fixture.login(user)).rejects.toThrow('Invalid credentials');
    await expect(fixture.login(user, NEW_PASSWORD)).resolves.toMatchObject({ expiresIn: 3600 });
    await expect(reset(addressOf(user), code)).rejects.toEqual(INVALID_CODE);
    const { rows } = await database.query('SELECT revocation_reason AS reason FROM sessions WHERE user_id = $1', [
      user.id,
    ]);
    expect(rows).toContainEqual({ reason: 'PASSWORD_RESET' });
  });

  it('mark an address as verified, and are sent until someone with a session has proved it too', async () => {
    const { user, viewer } = await fixture.person();
    const since = fixture.clock.now();
    await verify(addressOf(user), await codeFor(addressOf(user), 'EMAIL_VERIFICATION'));
    const verified = { isVerified: true, verifiedAt: since };
    expect(await fixture.accounts.get(viewer, user.id)).toMatchObject({ ...verified, mailboxProvenAt: null });
    fixture.clock.time += 1000;
    await verify(addressOf(user), await codeFor(addressOf(user), 'EMAIL_VERIFICATION'), viewer);
    const proven = { ...verified, mailboxProvenAt: fixture.clock.now() };
    expect(await fixture.accounts.get(viewer, user.id)).toMatchObject(proven);
    mails.length = 1;
    await service.request('EMAIL_VERIFICATION', addressOf(user), CLIENT);
    await service.deliver(jobs.at(-1));
    expect(mails).toHaveLength(1);
  });

  it('leave nothing to finish of what began before a reset', async () => {
    const { user, viewer } = await fixture.person();
    const before = await fixture.directory.findLoginById(user.id);
    await reset(addressOf(user), await codeFor(addressOf(user)));
    const ended = new Unauthenticated('Invalid token');
    const change = { password: 'yet another password' };
    await expect(fixture.ownership.hold(viewer, () => Promise.resolve('done'))).rejects.toEqual(ended);
    await expect(fixture.accounts.update(viewer, user.id, change)).rejects.toEqual(ended);
    expect(before && (await fixture.sessions.open(before, CLIENT, {}))).toBeNull();
    // Somebody without a password, who is told from another by the epoch alone.
    const person = { provider: 'house', issuer: 'https://house.example', subject: user.id, isEmailVerified: true };
    const other = (await fixture.person()).user;
    await database.query('UPDATE users SET password_hash = NULL WHERE id = $1', [other.id]);
    const waiting = await fixture.directory.findLoginById(other.id);
    await fixture.identities.resolve({ ...person, email: other.email }, CLIENT);
    const present = await fixture.directory.findLoginById(other.id);
    expect(waiting && (await fixture.sessions.open(waiting, CLIENT, {}))).toBeNull();
    expect(present && (await fixture.sessions.open(present, CLIENT, {}))).not.toBeNull();
  });

  it('are good for their own purpose alone', async () => {
    const user = await fixture.create();
    const code = await codeFor(addressOf(user), 'EMAIL_VERIFICATION');
    await expect(reset(addressOf(user), code)).rejects.toEqual(INVALID_CODE);
    await codeFor(addressOf(user), 'PASSWORD_RESET');
    await expect(reset(addressOf(user), code)).rejects.toEqual(INVALID_CODE);
    await verify(addressOf(user), code);
  });

  it('are good for five minutes', async () => {
    const user = await fixture.create();
    const code = await codeFor(addressOf(user));
    fixture.clock.time += 5 * MINUTE;
    await expect(reset(addressOf(user), code)).rejects.toEqual(INVALID_CODE);
    fixture.clock.time -= 1;
    await reset(addressOf(user), code);
  });

  it('replace one another', async () => {
    const user = await fixture.create();
    const [first, second] = [await codeFor(addressOf(user)), await codeFor(addressOf(user))];
    if (first !== second) await expect(reset(addressOf(user), first)).rejects.toEqual(INVALID_CODE);
    await reset(addressOf(user), second);
  });

  it('take five tries in fifteen minutes, over any number of codes', async () => {
    const user = await fixture.create();
    for (let round = 0; round < 4; round++) {
      const code = await codeFor(addressOf(user));
      await expect(reset(addressOf(user), wrong(code))).rejects.toEqual(INVALID_CODE);
    }
    const code = await codeFor(addressOf(user));
    await expect(reset(addressOf(user), wrong(code))).rejects.toEqual(INVALID_CODE);
    await expect(reset(addressOf(user), code)).rejects.toEqual(INVALID_CODE);
    expect(hasher.compares).toBe(5);
    expect(mails).toHaveLength(5);
    fixture.clock.time += 15 * MINUTE - 1;
    await service.request('PASSWORD_RESET', addressOf(user), CLIENT);
    await service.deliver(jobs.at(-1));
    expect(mails).toHaveLength(5);
    fixture.clock.time += 1;
    await reset(addressOf(user), await codeFor(addressOf(user)));
  });

  it('are compared five times at the most, whatever comes at once', async () => {
    const user = await fixture.create();
    const code = await codeFor(addressOf(user));
    const guesses = await Promise.allSettled(
      Array.from({ length: 1000 }, (_, number) => reset(addressOf(user), String(number).padStart(6, '0'))),
    );
    expect(hasher.compares).toBe(5);
    const failures = guesses.filter((guess) => guess.status === 'rejected');
    if (Number(code) >= 1000) expect(failures).toHaveLength(1000);
    for (const { reason } of failures) expect(reason).toEqual(INVALID_CODE);
  });

  it('are used once, whatever comes at once', async () => {
    const user = await fixture.create();
    const code = await codeFor(addressOf(user));
    const uses = await Promise.allSettled(Array.from({ length: 5 }, () => reset(addressOf(user), code)));
    expect(uses.filter((use) => use.status === 'fulfilled')).toHaveLength(1);
  });

  it.each<[string, (user: UserRow) => Promise<unknown>]>([
    [
      'was suspended',
      async ({ id }) => fixture.accounts.update((await fixture.admin()).viewer, id, { isSuspended: true }),
    ],
    ['was deleted', async ({ id }) => fixture.accounts.delete((await fixture.admin()).viewer, id)],
    [
      'has another address',
      async ({ id }) =>
        fixture.accounts.update((await fixture.admin()).viewer, id, { email: fixture.uniqueEmail('moved') }),
    ],
  ])('are of no use to a user who %s meanwhile', async (_, change) => {
    const user = await fixture.create();
    const code = await codeFor(addressOf(user));
    await change(user);
    await expect(reset(addressOf(user), code)).rejects.toEqual(INVALID_CODE);
  });

  it('leave an unknown address the same traces, and send nothing', async () => {
    const email = fixture.uniqueEmail('stranger');
    await service.request('PASSWORD_RESET', email, CLIENT);
    expect(jobs).toEqual([{ purpose: 'PASSWORD_RESET', email }]);
    await service.deliver(jobs[0]);
    expect(mails).toEqual([]);
    await expect(reset(email, '123456')).rejects.toEqual(INVALID_CODE);
    expect(hasher.compares).toBe(1);
    const { rows } = await database.query<{ row: string }>('SELECT c::text AS row FROM one_time_codes c');
    expect(JSON.stringify(rows)).not.toContain('stranger');
  });

  it('are stored as a keyed hash alone', async () => {
    const user = await fixture.create();
    const code = await codeFor(addressOf(user));
    const { rows } = await database.query<{ codeHash: Buffer }>(
      'SELECT code_hash AS "codeHash" FROM one_time_codes WHERE user_id = $1',
      [user.id],
    );
    expect(rows[0]?.codeHash).toHaveLength(32);
    const other = new CodeHasher(['another secret of thirty-two bytes!!']);
    const key = {
      purpose: 'PASSWORD_RESET',
      addressHash: hasher.hashAddress(addressOf(user)),
      userId: user.id,
    } as const;
    expect(other.matches(rows[0]?.codeHash ?? Buffer.alloc(32), key, code)).toBe(false);
    expect(hasher.matches(rows[0]?.codeHash ?? Buffer.alloc(32), key, code)).toBe(true);
  });

  it('are asked for within limits for each address and each client, which count before anything is done', async () => {
    const email = fixture.uniqueEmail();
    await service.request('PASSWORD_RESET', email, { ipAddress: '2001:db8::1' });
    await service.request('EMAIL_VERIFICATION', email.toUpperCase(), { ipAddress: '2001:db8:0:0:1::1' });
    expect(counted[0]).toBe('client 2001:db8:0:0::/64');
    expect(counted[2]).toBe(counted[0]);
    expect(counted[1]).toBe(counted[3]);
    expect(counted.join()).not.toContain(email);
    const refusing = new OneTimeCodesService({
      repository: new OneTimeCodesRepository(database),
      directory: fixture.directory,
      ownership: fixture.ownership,
      audit: fixture.audit,
      hasher,
      jobs: { add: () => Promise.reject(new Error('the request went on')) },
      mailer: { send: () => Promise.reject(new Error('the request went on')) },
      limiters: {
        address: () => Promise.reject(new RateLimited('Too many requests', 3)),
        client: () => Promise.resolve(),
      },
      clock: fixture.clock,
      log: { warn: () => undefined },
    });
    await expect(refusing.request('PASSWORD_RESET', email, CLIENT)).rejects.toThrow('Too many requests');
  });

  it('say in the log when an address is refused, and throw when the mail could not be sent', async () => {
    const user = await fixture.create();
    mailOutcome = () => 'refused';
    await codeFor(addressOf(user));
    expect(warnings).toEqual([{ userId: user.id }]);
    mailOutcome = () => {
      throw new Error('no connection');
    };
    await expect(service.deliver(jobs[0])).rejects.toThrow('no connection');
  });

  it('are forgotten when neither code nor count is of use any more', async () => {
    const user = await fixture.create();
    await codeFor(addressOf(user));
    const stored = async () =>
      (await database.query('SELECT 1 FROM one_time_codes WHERE user_id = $1', [user.id])).rowCount;
    fixture.clock.time += 16 * MINUTE;
    expect(await stored()).toBe(1);
    await service.deliver({ purpose: 'PASSWORD_RESET', email: fixture.uniqueEmail() });
    expect(await stored()).toBe(0);
  });
});
