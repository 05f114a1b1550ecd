import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AccountsFixture, PASSWORD } from '../../../../test/support/accounts.js';
import { testDatabases } from '../../../../test/support/database.js';
import { Conflict, Forbidden, Invalid, NotFound } from '../../../kernel/errors.js';
import { newId } from '../../../kernel/ids.js';

describe.each(testDatabases())('accounts ($name)', (kind) => {
  let database: Awaited<ReturnType<typeof kind.open>>;
  let fixture: AccountsFixture;
  beforeAll(async () => {
    database = await kind.open();
    fixture = new AccountsFixture(database);
  });
  afterAll(() => database.drop());

  const codesOf = (results: readonly PromiseSettledResult<unknown>[]) =>
    Map.groupBy(results, (result) => (result.status === 'rejected' ? String(result.reason) : 'done'));

  describe('the admins', () => {
    it('are seeded once by any number of instances, and are told apart from a user who has the address', async () => {
      const email = fixture.uniqueEmail('seed');
      const outcomes = await Promise.all(Array.from({ length: 8 }, () => fixture.admins.ensureAdmin(email, PASSWORD)));
      expect(outcomes.sort()).toEqual(['created', ...Array.from({ length: 7 }, () => 'present')]);
      await expect(fixture.admins.ensureAdmin(email.toUpperCase(), 'other password')).resolves.toBe('present');
      const seeded = await fixture.directory.findByEmail(email);
      const { rows: events } = await database.query(
        'SELECT action, actor_id AS actor, ip_address AS address FROM audit_events WHERE subject_id = $1 ORDER BY id',
        [seeded?.id],
      );
      expect(events).toEqual([
        { action: 'USER_CREATED', actor: null, address: null },
        { action: 'ADMIN_GRANTED', actor: null, address: null },
      ]);
      const user = await fixture.create();
      await expect(fixture.admins.ensureAdmin(user.email ?? '', PASSWORD)).resolves.toBe('taken');
      await expect(fixture.admins.ensureAdmin(email, 'other password')).resolves.toBe('present');
      const tokens = await fixture.logins.login(email, PASSWORD, { ipAddress: null, userAgent: null });
      const viewer = await fixture.authenticate(tokens.accessToken);
      expect(viewer.isAdmin).toBe(true);
      for (const changes of [{ isAdmin: false }, { isSuspended: true }, { isActive: false }]) {
        await expect(fixture.accounts.update(viewer, viewer.userId, changes)).rejects.toThrow(Conflict);
      }
      await expect(fixture.accounts.delete(viewer, viewer.userId)).rejects.toThrow(Conflict);
      await expect(fixture.authenticate(tokens.accessToken)).resolves.toMatchObject({ isAdmin: true });
    });

    it('keep one of them, when all leave at once', async () => {
      const [one, two, three] = [await fixture.admin(), await fixture.admin(), await fixture.admin()];
      const everyone = await fixture.admins.list(one.viewer, null, { first: 100 });
      const admins = everyone.nodes.filter(({ isAdmin }) => isAdmin);
      const results = await Promise.allSettled(
        admins.map(({ id }, index) =>
          index % 2 === 0
            ? fixture.accounts.update(two.viewer, id, { isAdmin: false })
            : fixture.accounts.delete(three.viewer, id),
        ),
      );
      expect(results.filter(({ status }) => status === 'rejected')).toEqual([
        { status: 'rejected', reason: expect.any(Conflict) },
      ]);
    });
  });

  describe('creating a user', () => {
    it('answers with the row, defaults filled in, and without a trace of the password', async () => {
      const user = await fixture.create({ email: 'Ada@Example.org', phoneNumber: null, profile: { colour: 'red' } });
      expect(user).toMatchObject({
        email: 'Ada@Example.org',
        phoneNumber: null,
        provider: 'email',
        profile: { colour: 'red' },
        ...{ isAdmin: false, isActive: true, isSuspended: false, isVerified: false, verifiedAt: null, plan: 'free' },
        lastLogin: null,
      });
      expect(JSON.stringify(user)).not.toMatch(/argon2|password/i);
    });

    it('refuses an e-mail address that is taken, in any case', async () => {
      await fixture.create({ email: 'Taken@example.org' });
      await expect(fixture.create({ email: 'tAKEN@example.org' })).rejects.toThrow(new Conflict('User already exists'));
    });

    it('takes any number of users without an e-mail address', async () => {
      await fixture.create({ email: null });
      await expect(fixture.create({ email: null })).resolves.toMatchObject({ email: null });
    });

    it('makes exactly one of a hundred at once with one address', async () => {
      const email = fixture.uniqueEmail('rush');
      const results = await Promise.allSettled(Array.from({ length: 100 }, () => fixture.create({ email })));
      const counts = [...codesOf(results)].map(([outcome, { length }]) => [outcome, length]);
      expect(Object.fromEntries(counts)).toEqual({ done: 1, 'Conflict: User already exists': 99 });
    });

    it.each([
      [
        'Prisma takes for raw parameters',
        '{"values":{"$type":"Enum","value":"JsonNull"},"__prismaRawParameters__":true}',
      ],
      ['Prisma takes for a value with a type', '{"born":{"$type":"DateTime","value":"2000"}}'],
      ['JavaScript takes for a prototype', '{"colours":{"__proto__":{"red":1}}}'],
    ])('keeps a profile as it was sent with what %s, also when it is changed', async (_, text) => {
      const profile = JSON.parse(text) as Record<string, unknown>;
      const stored = async (id: string) =>
        (await database.query('SELECT profile = $2::jsonb AS same FROM users WHERE id = $1', [id, text])).rows;
      const created = await fixture.create({ profile });
      await expect(stored(created.id)).resolves.toEqual([{ same: true }]);
      const { viewer } = await fixture.person();
      const changed = await fixture.accounts.update(viewer, viewer.userId, { profile });
      await expect(stored(viewer.userId)).resolves.toEqual([{ same: true }]);
      expect([JSON.stringify(created.profile), JSON.stringify(changed.profile)]).toEqual([text, text]);
    });

    it('accepts guarded fields with their defaults from a stranger, and refuses other values', async () => {
      const defaults = { isAdmin: false, plan: 'free', isVerified: false, isActive: true, isSuspended: false };
      await expect(fixture.create(defaults)).resolves.toMatchObject(defaults);
      const { viewer } = await fixture.person();
      for (const guarded of [
        { isAdmin: true },
        { plan: 'pro' },
        { isVerified: true },
        { isActive: false },
        { isSuspended: true },
      ]) {
        const refusal = new Forbidden('Admin privileges required');
        await expect(fixture.create(guarded)).rejects.toThrow(refusal);
        await expect(fixture.create(guarded, viewer)).rejects.toThrow(refusal);
      }
    });

    it('lets an admin set them, and checks the plan', async () => {
      const { viewer } = await fixture.admin();
      const user = await fixture.create({ isVerified: true, plan: 'pro', isAdmin: true }, viewer);
      expect(user).toMatchObject({ isVerified: true, verifiedAt: expect.any(Date), plan: 'pro', isAdmin: true });
      await expect(fixture.create({ plan: 'gold' }, viewer)).rejects.toThrow(Invalid);
    });
  });

  describe('reading', () => {
    it("answers one's own, and another's to an admin alone", async () => {
      const [ada, eve, admin] = [await fixture.person(), await fixture.person(), await fixture.admin()];
      await expect(fixture.accounts.get(ada.viewer, ada.user.id)).resolves.toMatchObject({ id: ada.user.id });
      await expect(fixture.accounts.get(admin.viewer, ada.user.id)).resolves.toMatchObject({ id: ada.user.id });
      await expect(fixture.accounts.get(eve.viewer, ada.user.id)).rejects.toThrow(new Forbidden());
      await expect(fixture.accounts.get(eve.viewer, newId())).rejects.toThrow(new Forbidden());
      await expect(fixture.accounts.get(admin.viewer, newId())).rejects.toThrow(new NotFound('User'));
      await expect(fixture.accounts.findVisible(eve.viewer, ada.user.id)).resolves.toBeNull();
      await expect(fixture.accounts.findVisible(ada.viewer, ada.user.id)).resolves.toMatchObject({ id: ada.user.id });
    });

    it('loads many in the order asked, null for who is not there', async () => {
      const [ada, eve] = [await fixture.create(), await fixture.create()];
      const users = await fixture.directory.loadMany([eve.id, newId(), ada.id, eve.id]);
      expect(users.map((user) => user?.id)).toEqual([eve.id, undefined, ada.id, eve.id]);
    });

    it('lists users for admins alone, newest first, page by page', async () => {
      const { viewer } = await fixture.admin();
      const made = [];
      for (const name of ['lista', 'listb', 'listc'])
        made.push(await fixture.create({ email: fixture.uniqueEmail(name) }));
      const emails = made.map(({ email }) => email).reverse();
      const first = await fixture.admins.list(viewer, 'LIST', { first: 2 });
      expect(first.nodes.map(({ email }) => email)).toEqual(emails.slice(0, 2));
      expect(first.pageInfo.hasNextPage).toBe(true);
      await expect(first.countAll()).resolves.toBe(3);
      const second = await fixture.admins.list(viewer, 'LIST', { first: 2, after: first.pageInfo.endCursor });
      expect(second.nodes.map(({ email }) => email)).toEqual(emails.slice(2));
      expect(second.pageInfo.hasNextPage).toBe(false);
      const skipped = await fixture.admins.list(viewer, 'list', { offset: 1 });
      expect(skipped.nodes.map(({ email }) => email)).toEqual(emails.slice(1));
      const { viewer: other } = await fixture.person();
      await expect(fixture.admins.list(other, null, {})).rejects.toThrow(new Forbidden());
      await expect(fixture.admins.list(viewer, null, { first: 101 })).rejects.toThrow(Invalid);
    });

    it('searches e-mail and phone, and takes % and _ and \\ literally', async () => {
      const { viewer } = await fixture.admin();
      const email = `${newId()}_per%cent\\@example.org`;
      const { id } = await fixture.create({ phoneNumber: '+49 (30) 4711-0815' });
      // A spelling from before addresses were checked.
      await database.query('UPDATE users SET email = $2 WHERE id = $1', [id, email]);
      const found = async (search: string) => (await fixture.admins.list(viewer, search, {})).nodes.map((u) => u.email);
      for (const search of ['_per%', 'PER%CENT', 'cent\\', '4711-08']) expect(await found(search)).toEqual([email]);
      for (const search of ['p%r', 'per_cent', '%%', '4711%']) expect(await found(search)).toEqual([]);
    });
  });

  describe('changing', () => {
    it('changes what is sent, clears what is null and keeps the rest', async () => {
      const { user, viewer } = await fixture.person();
      const before = await fixture.accounts.get(viewer, user.id);
      const after = await fixture.accounts.update(viewer, user.id, { phoneNumber: '+1 555', profile: { a: 1 } });
      expect(after).toEqual({ ...before, phoneNumber: '+1 555', profile: { a: 1 }, updatedAt: expect.any(Date) });
      await expect(fixture.accounts.update(viewer, user.id, { phoneNumber: null })).resolves.toMatchObject({
        phoneNumber: null,
        profile: { a: 1 },
      });
    });

    it('takes a whole object back, and refuses a guarded field that differs', async () => {
      const { user, viewer } = await fixture.person();
      await expect(fixture.accounts.update(viewer, user.id, { ...user, provider: 'other' })).resolves.toMatchObject({
        provider: 'other',
      });
      await expect(fixture.accounts.update(viewer, user.id, { provider: 'third', plan: 'pro' })).rejects.toThrow(
        new Forbidden('Admin privileges required'),
      );
      await expect(fixture.accounts.get(viewer, user.id)).resolves.toMatchObject({ provider: 'other', plan: 'free' });
    });

    it("refuses another's to anyone but an admin, existing or not", async () => {
      const [ada, eve, admin] = [await fixture.person(), await fixture.person(), await fixture.admin()];
      for (const id of [ada.user.id, newId()]) {
        await expect(fixture.accounts.update(eve.viewer, id, {})).rejects.toThrow(new Forbidden());
        await expect(fixture.accounts.delete(eve.viewer, id)).rejects.toThrow(new Forbidden());
      }
      await expect(fixture.accounts.update(admin.viewer, newId(), {})).rejects.toThrow(new NotFound('User'));
      await expect(fixture.admins.update(ada.viewer, ada.user.id, {})).rejects.toThrow(
        new Forbidden('Admin privileges required'),
      );
      await expect(
        fixture.admins.update(admin.viewer, ada.user.id, { isVerified: true, plan: 'pro' }),
      ).resolves.toMatchObject({ isVerified: true, verifiedAt: expect.any(Date), plan: 'pro' });
      await expect(fixture.accounts.update(admin.viewer, ada.user.id, { plan: 'gold' })).rejects.toThrow(Invalid);
    });

    it('refuses an address that is taken, and changes nothing then', async () => {
      const [ada, eve] = [await fixture.person(), await fixture.person()];
      const taken = { email: ada.user.email?.toUpperCase() ?? '', provider: 'other' };
      await expect(fixture.accounts.update(eve.viewer, eve.user.id, taken)).rejects.toThrow(
        new Conflict('User already exists'),
      );
      await expect(fixture.accounts.get(eve.viewer, eve.user.id)).resolves.toMatchObject({
        email: eve.user.email,
        provider: 'email',
      });
    });

    it('loses none of many changes at once', async () => {
      const [{ viewer }, { user }] = [await fixture.admin(), await fixture.person()];
      await Promise.all([
        fixture.accounts.update(viewer, user.id, { phoneNumber: '+1 555' }),
        fixture.accounts.update(viewer, user.id, { providerId: 'p-1' }),
        fixture.accounts.update(viewer, user.id, { profile: { a: 1 } }),
        fixture.accounts.update(viewer, user.id, { plan: 'pro' }),
        fixture.accounts.update(viewer, user.id, { isVerified: true }),
      ]);
      await expect(fixture.accounts.get(viewer, user.id)).resolves.toMatchObject({
        phoneNumber: '+1 555',
        providerId: 'p-1',
        profile: { a: 1 },
        plan: 'pro',
        isVerified: true,
      });
    });

    it('lets the user in with the new password only', async () => {
      const { user, viewer } = await fixture.person();
      await fixture.accounts.update(viewer, user.id, { password: 'another password' });
      await expect(fixture.login(user)).rejects.toThrow('Invalid credentials');
      await expect(fixture.login(user, 'another password')).resolves.toMatchObject({ expiresIn: 3600 });
    });
  });

  describe('deleting', () => {
    it('answers with the user inactive, hides it from every read and frees the address', async () => {
      const [{ user, viewer }, admin] = [await fixture.person(), await fixture.admin()];
      await expect(fixture.accounts.delete(viewer, user.id)).resolves.toMatchObject({ id: user.id, isActive: false });
      await expect(fixture.accounts.get(admin.viewer, user.id)).rejects.toThrow(new NotFound('User'));
      await expect(fixture.accounts.delete(admin.viewer, user.id)).rejects.toThrow(new NotFound('User'));
      await expect(fixture.directory.loadMany([user.id])).resolves.toEqual([null]);
      const listed = await fixture.admins.list(admin.viewer, user.email, {});
      expect(listed.nodes).toEqual([]);
      await expect(fixture.login(user)).rejects.toThrow('Invalid credentials');
      await expect(fixture.create({ email: user.email })).resolves.toMatchObject({ email: user.email });
    });
  });
});
