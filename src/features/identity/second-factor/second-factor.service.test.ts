import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AccountsFixture, PASSWORD } from '../../../../test/support/accounts.js';
import { Authenticator } from '../../../../test/support/authenticator.js';
import { testDatabases } from '../../../../test/support/database.js';
import { StoredAuditLog } from '../../operations/audit/audit-log.js';
import { AuditRepository } from '../../operations/audit/audit.repository.js';
import { LoginChallenges } from './login-challenges.js';
import { LoginChallengesRepository } from './login-challenges.repository.js';
import { SecretBox } from '../../../kernel/secret-box.js';
import { SecondFactorCodes } from './second-factor-codes.js';
import { SecondFactorRepository } from './second-factor.repository.js';
import { SecondFactorService } from './second-factor.service.js';

const OLD = 'a secret of thirty-two bytes, or more';
const NEW = 'another secret of thirty-two bytes too';
const MINUTE = 60_000;

describe.each(testDatabases())('the second factor ($name)', (kind) => {
  let database: Awaited<ReturnType<typeof kind.open>>;
  let fixture: AccountsFixture;
  beforeAll(async () => {
    database = await kind.open();
    fixture = new AccountsFixture(database);
  });
  afterAll(() => database.drop());

  const logged: { readonly fields: object; readonly message: string }[] = [];
  const note = (fields: object, message: string) => void logged.push({ fields, message });

  /** The services of an instance with these keys. */
  function servicesWith(...secrets: string[]) {
    const { accounts, admins, ownership, directory, clock } = fixture;
    const audit = new StoredAuditLog(new AuditRepository(database));
    const repository = new SecondFactorRepository(database);
    const box = new SecretBox(secrets, 'second factors');
    const codes = new SecondFactorCodes({ database, repository, box, audit, clock });
    const freshProof = { require: () => Promise.resolve() };
    const log = { info: note, warn: note };
    const limiter = () => Promise.resolve();
    const notices = { notify: () => Promise.resolve() };
    const stores = { database, repository, codes, box, audit, clock, log };
    const parts = { ...stores, accounts, admins, ownership, notices, freshProof, limiter };
    const challenges = new LoginChallenges({
      repository: new LoginChallengesRepository(database),
      factors: repository,
      codes,
      directory,
      clock,
    });
    return { service: new SecondFactorService(parts), codes, challenges };
  }

  const proof = { password: PASSWORD, code: null };
  const anyAct = () => Promise.resolve(true);

  async function protectedPerson() {
    const person = await fixture.person();
    const { service } = servicesWith(OLD);
    const app = new Authenticator((await service.enrol(person.viewer, proof)).uri, fixture.clock);
    return { ...person, app, recoveryCodes: await service.confirm(person.viewer, app.code()) };
  }

  it('goes on under a new key, which needs the old one no more after a start', async () => {
    const { viewer, app } = await protectedPerson();
    const use = (...secrets: string[]) =>
      servicesWith(...secrets).codes.use(viewer.userId, app.code(), viewer.client, anyAct);
    fixture.clock.time += MINUTE;
    await expect(use(NEW)).rejects.toThrow('a key that is not in SECRET_KEY any more');
    await expect(use(NEW, OLD)).resolves.toBe('TOTP');
    logged.length = 0;
    await servicesWith(NEW, OLD).service.reseal();
    expect(logged).toEqual([
      { fields: { resealed: 1, unreadable: 0 }, message: 'encrypted the secrets of second factors with the new key' },
    ]);
    fixture.clock.time += MINUTE;
    await expect(use(NEW)).resolves.toBe('TOTP');
    logged.length = 0;
    await servicesWith(NEW).service.reseal();
    expect(logged).toEqual([]);
  });

  it('without its key leaves the recovery codes, and tells the operator', async () => {
    const { viewer, recoveryCodes } = await protectedPerson();
    logged.length = 0;
    const { service, codes } = servicesWith(NEW);
    await service.reseal();
    expect(logged).toMatchObject([{ fields: { resealed: 0, unreadable: 1 } }]);
    await expect(codes.use(viewer.userId, recoveryCodes[0] ?? '', viewer.client, anyAct)).resolves.toBe(
      'RECOVERY_CODE',
    );
    await service.disable(viewer, recoveryCodes[1] ?? '');
  });

  it('is not enrolled in after 15 minutes, and what nobody confirmed is forgotten', async () => {
    const { viewer } = await fixture.person();
    const { service } = servicesWith(OLD);
    const app = new Authenticator((await service.enrol(viewer, proof)).uri, fixture.clock);
    fixture.clock.time += 15 * MINUTE;
    await expect(service.confirm(viewer, app.code())).rejects.toThrow('Invalid code');
    fixture.clock.time += 1;
    const other = await protectedPerson();
    const stored = (userId: string) =>
      database.query('SELECT pending_secret FROM second_factors WHERE user_id = $1', [userId]);
    expect((await stored(viewer.userId)).rows).toEqual([]);
    expect((await stored(other.viewer.userId)).rows).toEqual([{ pending_secret: null }]);
  });

  it('starts no enrolment without a code when it was turned on meanwhile', async () => {
    const { viewer, app } = await protectedPerson();
    const repository = new SecondFactorRepository(database);
    const { enabledAt } = await repository.status(viewer.userId);
    const start = (found: Date | null) =>
      repository.startEnrolment(database, viewer.userId, Buffer.alloc(52), fixture.clock.now(), found);
    await expect(start(null)).resolves.toBe(false);
    await expect(start(new Date(0))).resolves.toBe(false);
    await expect(start(enabledAt)).resolves.toBe(true);
    const { service } = servicesWith(OLD);
    await expect(service.enrol(viewer, proof)).rejects.toThrow('Validation error');
    await service.enrol(viewer, { ...proof, code: app.code(1) });
  });

  it('turns one enrolment on, of two confirmations at once', async () => {
    const { viewer } = await fixture.person();
    const { service } = servicesWith(OLD);
    const app = new Authenticator((await service.enrol(viewer, proof)).uri, fixture.clock);
    const results = await Promise.allSettled([1, 2, 3].map(() => service.confirm(viewer, app.code())));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    await expect(service.status(viewer)).resolves.toMatchObject({ recoveryCodesLeft: 10 });
  });

  it('is blocked for a quarter of an hour after five failures, then twice as long each time, at most a day', async () => {
    const { viewer, app } = await protectedPerson();
    const { codes } = servicesWith(OLD);
    const blocks: number[] = [];
    for (let round = 0; round < 9; round++) {
      for (let count = 0; count < 5; count++) {
        await expect(codes.use(viewer.userId, app.wrongCode(), viewer.client, anyAct)).resolves.toBeNull();
      }
      const refused = await codes
        .use(viewer.userId, app.code(), viewer.client, anyAct)
        .catch((error: unknown) => error);
      const { retryAfterSeconds } = refused as { readonly retryAfterSeconds: number };
      blocks.push(retryAfterSeconds / 60);
      fixture.clock.time += retryAfterSeconds * 1000;
    }
    expect(blocks).toEqual([15, 30, 60, 120, 240, 480, 960, 1440, 1440]);
    await expect(codes.use(viewer.userId, app.code(), viewer.client, anyAct)).resolves.toBe('TOTP');
    // A right code resets the count: the next five failures count from one again.
    for (let count = 0; count < 5; count++) await codes.use(viewer.userId, app.wrongCode(), viewer.client, anyAct);
    await expect(codes.use(viewer.userId, app.code(1), viewer.client, anyAct)).rejects.toMatchObject({
      retryAfterSeconds: 900,
    });
  });

  it('uses no code up for what was not done', async () => {
    const { viewer, app, recoveryCodes } = await protectedPerson();
    const { codes } = servicesWith(OLD);
    fixture.clock.time += MINUTE;
    const undone = () => Promise.resolve(false);
    for (const code of [app.code(), recoveryCodes[0] ?? '']) {
      await expect(codes.use(viewer.userId, code, viewer.client, undone)).resolves.toBeNull();
      await expect(codes.use(viewer.userId, code, viewer.client, anyAct)).resolves.not.toBeNull();
    }
  });

  it('forgets the challenges of logins that went no further', async () => {
    const { user } = await protectedPerson();
    const waiting = async () =>
      (await database.query('SELECT FROM login_challenges WHERE user_id = $1', [user.id])).rowCount;
    await expect(fixture.login(user)).rejects.toThrow('Second factor required');
    expect(await waiting()).toBe(1);
    fixture.clock.time += 5 * MINUTE + 1;
    const other = await protectedPerson();
    await expect(fixture.login(other.user)).rejects.toThrow('Second factor required');
    expect(await waiting()).toBe(0);
  });
});
