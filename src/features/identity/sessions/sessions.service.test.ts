import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import argon2 from 'argon2';
import { AccountsFixture, CLIENT, PASSWORD } from '../../../../test/support/accounts.js';
import { testDatabases } from '../../../../test/support/database.js';
import { Forbidden, MissingCredentials, NotFound, RateLimited, Unauthenticated } from '../../../kernel/errors.js';
import { newId } from '../../../kernel/ids.js';
import type { UserChanges } from '../accounts/user.js';

const INVALID_TOKEN = new Unauthenticated('Invalid token');
const INVALID_CREDENTIALS = new Unauthenticated('Invalid credentials');
const DISABLED = new Forbidden('Account disabled');
const USER_GONE = new NotFound('User');
const HOUR = 3_600_000;

describe.each(testDatabases())('sessions ($name)', (kind) => {
  let database: Awaited<ReturnType<typeof kind.open>>;
  let fixture: AccountsFixture;
  let admin: Awaited<ReturnType<AccountsFixture['admin']>>;
  beforeAll(async () => {
    database = await kind.open();
    fixture = new AccountsFixture(database);
    admin = await fixture.admin();
  });
  afterEach(() => {
    fixture.limit = undefined;
    fixture.tries.length = 0;
    fixture.clock.time = Date.now();
  });
  afterAll(() => database.drop());

  const change = (userId: string, changes: UserChanges) => fixture.accounts.update(admin.viewer, userId, changes);

  describe('logging in', () => {
    it('takes the address in any case, and marks the login', async () => {
      const user = await fixture.create({ email: fixture.uniqueEmail('Ada') });
      const tokens = await fixture.login({ ...user, email: ` ${user.email?.toUpperCase() ?? ''}` });
      expect(tokens).toEqual({ accessToken: expect.any(String), refreshToken: expect.any(String), expiresIn: 3600 });
      const viewer = await fixture.authenticate(tokens.accessToken);
      expect(viewer).toMatchObject({ userId: user.id, isAdmin: false, plan: 'free', isInternal: false });
      const { lastLogin } = await fixture.accounts.get(viewer, user.id);
      expect(lastLogin).toEqual(fixture.clock.now());
    });

    it('answers an unknown address and a wrong password alike', async () => {
      const user = await fixture.create();
      await expect(fixture.login(user, 'wrong password')).rejects.toThrow(INVALID_CREDENTIALS);
      await expect(fixture.login({ ...user, email: 'nobody@example.org' })).rejects.toThrow(INVALID_CREDENTIALS);
      await expect(fixture.login({ ...user, email: '' })).rejects.toThrow(INVALID_CREDENTIALS);
    });

    it.each([{ isSuspended: true }, { isActive: false }])('shows %j to the right password alone', async (state) => {
      const user = await fixture.create();
      await change(user.id, state);
      await expect(fixture.login(user)).rejects.toThrow(DISABLED);
      await expect(fixture.login(user, 'wrong password')).rejects.toThrow(INVALID_CREDENTIALS);
    });

    it('counts a try by the address in lower case, before anything is looked up', async () => {
      const user = await fixture.create();
      fixture.limit = () => {
        throw new RateLimited('Too many login attempts', 7);
      };
      await expect(fixture.login({ ...user, email: ' ADA@Example.org ' })).rejects.toThrow('Too many login attempts');
      expect(fixture.tries).toEqual(['ada@example.org']);
    });

    it('hashes as much for an unknown address as for a wrong password', async () => {
      const user = await fixture.create();
      const verify = jest.spyOn(argon2, 'verify');
      // Records the parameters of each comparison, which decide how long it takes.
      const workFor = async (email: string | null) => {
        verify.mockClear();
        await expect(fixture.login({ ...user, email }, 'wrong password')).rejects.toThrow(INVALID_CREDENTIALS);
        return verify.mock.calls.map(([hash]) => hash.split('$').slice(1, 4).join().split(',').sort());
      };
      const known = await workFor(user.email);
      const unknown = await workFor(fixture.uniqueEmail('nobody'));
      verify.mockRestore();
      expect(known).toHaveLength(1);
      expect(unknown).toEqual(known);
    });

    it('opens no session for a password that is changed, or an account that is disabled, meanwhile', async () => {
      const user = await fixture.create();
      const before = await fixture.directory.findLogin(user.email ?? '');
      if (before === null) throw new Error('no such user');
      const client = { ipAddress: null, userAgent: null };
      await change(user.id, { isSuspended: true });
      await expect(fixture.sessions.open(before, client, {})).resolves.toBeNull();
      await change(user.id, { isSuspended: false, password: 'another password' });
      await expect(fixture.sessions.open(before, client, {})).resolves.toBeNull();
    });
  });

  describe('authenticating', () => {
    it('says what was wrong with the credentials', async () => {
      const { tokens } = await fixture.person();
      await expect(fixture.authenticateBy({})).rejects.toThrow(MissingCredentials);
      await expect(fixture.authenticateBy({ authorization: '' })).rejects.toThrow('Missing credentials');
      for (const authorization of [
        'Bearer',
        'Bearer ',
        'Bearer x',
        `Basic ${tokens.accessToken}`,
        tokens.accessToken,
        `Bearer ${tokens.accessToken} x`,
        `Bearer ${tokens.accessToken}, Bearer ${tokens.accessToken}`,
        `Bearer ${tokens.refreshToken}`,
      ]) {
        await expect(fixture.authenticateBy({ authorization })).rejects.toThrow(INVALID_TOKEN);
      }
      for (const scheme of ['bearer', 'BEARER', 'Bearer ']) {
        const authorization = `${scheme} ${tokens.accessToken}`;
        await expect(fixture.authenticateBy({ authorization })).resolves.toMatchObject({ isInternal: false });
      }
    });

    it('refuses an access token when it expires', async () => {
      const { tokens } = await fixture.person();
      fixture.clock.time += HOUR;
      await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow(INVALID_TOKEN);
    });

    it('answers 401 after a logout, and goes on doing so when the user is deleted', async () => {
      const { user, tokens, viewer } = await fixture.person();
      await fixture.sessions.logout(viewer, null);
      await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow(INVALID_TOKEN);
      await fixture.accounts.delete(admin.viewer, user.id);
      await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow(INVALID_TOKEN);
    });

    it('answers 404 after a deletion', async () => {
      const { user, tokens } = await fixture.person();
      await fixture.accounts.delete(admin.viewer, user.id);
      await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow(USER_GONE);
      await expect(fixture.sessions.refresh(tokens.refreshToken, CLIENT)).rejects.toThrow(INVALID_TOKEN);
    });

    it.each<[UserChanges, UserChanges]>([
      [{ isSuspended: true }, { isSuspended: false }],
      [{ isActive: false }, { isActive: true }],
    ])('answers 403 after %j, and 401 from the reinstatement on', async (disabling, enabling) => {
      const { user, tokens } = await fixture.person();
      await change(user.id, disabling);
      await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow(DISABLED);
      await expect(fixture.sessions.refresh(tokens.refreshToken, CLIENT)).rejects.toThrow(INVALID_TOKEN);
      await change(user.id, enabling);
      await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow(INVALID_TOKEN);
      await expect(fixture.sessions.refresh(tokens.refreshToken, CLIENT)).rejects.toThrow(INVALID_TOKEN);
      const { accessToken } = await fixture.login(user);
      await expect(fixture.authenticate(accessToken)).resolves.toMatchObject({ userId: user.id });
    });

    it('answers 404 for a user who was suspended and then deleted', async () => {
      const { user, tokens } = await fixture.person();
      await change(user.id, { isSuspended: true });
      await fixture.accounts.delete(admin.viewer, user.id);
      await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow(USER_GONE);
    });

    it("ends the user's other sessions with a new password, and all of them when an admin sets it", async () => {
      const { user, tokens, viewer } = await fixture.person();
      const other = await fixture.login(user);
      await fixture.accounts.update(viewer, user.id, { password: PASSWORD });
      await expect(fixture.authenticate(other.accessToken)).rejects.toThrow(INVALID_TOKEN);
      await expect(fixture.authenticate(tokens.accessToken)).resolves.toMatchObject({ userId: user.id });
      await change(user.id, { password: PASSWORD });
      await expect(fixture.authenticate(tokens.accessToken)).rejects.toThrow(INVALID_TOKEN);
    });
  });

  describe('an internal call', () => {
    const peerAddress = '10.1.2.3';

    it('is believed from a trusted network, or with the key', async () => {
      const { id: userId } = await fixture.create();
      const viewer = { userId, isAdmin: false, plan: 'free', sessionId: null, isInternal: true, client: CLIENT };
      await expect(fixture.authenticateBy({ userId, peerAddress })).resolves.toEqual(viewer);
      await expect(fixture.authenticateBy({ userId, internalKey: 'the key of the house' })).resolves.toEqual(viewer);
    });

    it('counts for nothing from anyone else', async () => {
      const { id: userId } = await fixture.create();
      for (const credentials of [{}, { peerAddress: '11.1.2.3' }, { internalKey: 'a guess' }]) {
        await expect(fixture.authenticateBy({ userId, ...credentials })).rejects.toThrow(MissingCredentials);
      }
    });

    it('names exactly one user, who exists and is enabled', async () => {
      const [one, two, three] = [await fixture.create(), await fixture.create(), await fixture.create()];
      for (const userId of [`${one.id}, ${two.id}`, '', 'admin', ` ${one.id}`]) {
        await expect(fixture.authenticateBy({ userId, peerAddress })).rejects.toThrow(INVALID_TOKEN);
      }
      await expect(fixture.authenticateBy({ userId: newId(), peerAddress })).rejects.toThrow(USER_GONE);
      await change(two.id, { isSuspended: true });
      await expect(fixture.authenticateBy({ userId: two.id, peerAddress })).rejects.toThrow(DISABLED);
      await fixture.accounts.delete(admin.viewer, three.id);
      await expect(fixture.authenticateBy({ userId: three.id, peerAddress })).rejects.toThrow(USER_GONE);
    });

    it('is not looked at beside an Authorization header', async () => {
      const [{ id: userId }, { user, tokens }] = [await fixture.create(), await fixture.person()];
      const both = { userId, peerAddress, authorization: `Bearer ${tokens.accessToken}` };
      await expect(fixture.authenticateBy(both)).resolves.toMatchObject({ userId: user.id, isInternal: false });
      await expect(fixture.authenticateBy({ ...both, authorization: 'Bearer x' })).rejects.toThrow(INVALID_TOKEN);
    });
  });

  describe('ending', () => {
    it("ends the session of the refresh token too, but never another's", async () => {
      const [ada, eve] = [await fixture.person(), await fixture.person()];
      const other = await fixture.login(ada.user);
      await fixture.sessions.logout(ada.viewer, eve.tokens.refreshToken);
      await expect(fixture.authenticate(eve.tokens.accessToken)).resolves.toMatchObject({ userId: eve.user.id });
      await expect(fixture.authenticate(ada.tokens.accessToken)).rejects.toThrow(INVALID_TOKEN);
      await expect(fixture.authenticate(other.accessToken)).resolves.toMatchObject({ userId: ada.user.id });
      await fixture.sessions.logout(ada.viewer, other.refreshToken);
      await expect(fixture.authenticate(other.accessToken)).rejects.toThrow(INVALID_TOKEN);
    });

    it('ends the session of a refresh token that was used, too', async () => {
      const ada = await fixture.person();
      const other = await fixture.login(ada.user);
      await fixture.sessions.refresh(other.refreshToken, CLIENT);
      await fixture.sessions.logout(ada.viewer, other.refreshToken);
      await expect(fixture.authenticate(other.accessToken)).rejects.toThrow(INVALID_TOKEN);
    });

    it('is recorded, once, with who did it from where', async () => {
      const { user, tokens, viewer } = await fixture.person();
      const [revoked, reused] = [await fixture.login(user), await fixture.login(user)];
      const sessionOf = async ({ accessToken }: { accessToken: string }) =>
        (await fixture.authenticate(accessToken)).sessionId ?? '';
      const [revokedId, reusedId] = [await sessionOf(revoked), await sessionOf(reused)];
      await fixture.sessions.revoke(viewer, revokedId);
      const next = await fixture.sessions.refresh(reused.refreshToken, CLIENT);
      await fixture.sessions.refresh(next.refreshToken, CLIENT);
      const thief = { ipAddress: '203.0.113.9', userAgent: 'another' };
      const thefts = [1, 2, 3].map(() => fixture.sessions.refresh(reused.refreshToken, thief));
      await Promise.allSettled(thefts);
      await Promise.all([1, 2].map(() => fixture.sessions.logout(viewer, tokens.refreshToken)));
      const { rows } = await database.query(
        `SELECT action, actor_id AS actor, ip_address AS address, details FROM audit_events
         WHERE subject_id = $1 AND action IN ('LOGOUT', 'SESSION_REVOKED', 'REFRESH_TOKEN_REUSED') ORDER BY id`,
        [user.id],
      );
      const own = { actor: user.id, address: CLIENT.ipAddress };
      expect(rows).toEqual([
        { action: 'SESSION_REVOKED', ...own, details: { sessionId: revokedId } },
        { action: 'REFRESH_TOKEN_REUSED', actor: null, address: thief.ipAddress, details: { sessionId: reusedId } },
        { action: 'LOGOUT', ...own, details: { sessionId: viewer.sessionId } },
      ]);
    });

    it("lists one's live sessions, newest first, and ends one of them", async () => {
      const [ada, eve] = [await fixture.person(), await fixture.person()];
      const other = await fixture.login(ada.user);
      const listed = await fixture.sessions.list(ada.viewer);
      expect(listed).toEqual([
        expect.objectContaining({ isCurrent: false, userAgent: 'a test', ipAddress: '192.0.2.7' }),
        expect.objectContaining({ isCurrent: true, id: ada.viewer.sessionId }),
      ]);
      const id = listed[0]?.id ?? '';
      await expect(fixture.sessions.findVisible(eve.viewer, id)).resolves.toBeNull();
      await expect(fixture.sessions.revoke(eve.viewer, id)).rejects.toThrow(new NotFound('Session'));
      await fixture.sessions.revoke(ada.viewer, id);
      await expect(fixture.authenticate(other.accessToken)).rejects.toThrow(INVALID_TOKEN);
      await expect(fixture.sessions.revoke(ada.viewer, id)).rejects.toThrow(new NotFound('Session'));
      await expect(fixture.sessions.list(ada.viewer)).resolves.toHaveLength(1);
    });

    it('forgets sessions a month after they are over, at the next login', async () => {
      const { user, viewer } = await fixture.person();
      const stored = async () =>
        (await database.query('SELECT 1 FROM sessions WHERE id = $1', [viewer.sessionId])).rowCount;
      fixture.clock.time += 36 * 24 * HOUR;
      await fixture.login(user);
      expect(await stored()).toBe(1);
      fixture.clock.time += 2 * 24 * HOUR;
      await fixture.login(user);
      expect(await stored()).toBe(0);
    });

    it('cuts what a client calls itself to 512 characters', async () => {
      const user = await fixture.create();
      const client = { ipAddress: null, userAgent: 'x'.repeat(2000) };
      const { accessToken } = await fixture.logins.login(user.email ?? '', PASSWORD, client);
      const [session] = await fixture.sessions.list(await fixture.authenticate(accessToken));
      expect(session).toMatchObject({ userAgent: 'x'.repeat(512), ipAddress: null });
    });
  });

  describe('an open stream', () => {
    /** A stream without any values that ends only when it is closed. */
    function silence(): AsyncIterable<never> & { closed: Promise<void> } {
      let close: () => void = () => undefined;
      const closed = new Promise<void>((resolve) => {
        close = resolve;
      });
      const done = { done: true, value: undefined } as const;
      const iterator = {
        next: () => closed.then(() => done),
        return: () => {
          close();
          return Promise.resolve(done);
        },
      };
      return { closed, [Symbol.asyncIterator]: () => iterator };
    }

    it.each<[string, (person: Awaited<ReturnType<AccountsFixture['person']>>) => Promise<unknown>]>([
      ['a logout', ({ viewer }) => fixture.sessions.logout(viewer, null)],
      ['a revocation', ({ viewer }) => fixture.sessions.revoke(viewer, viewer.sessionId ?? '')],
      ['a suspension', ({ user }) => change(user.id, { isSuspended: true })],
      ['a deletion', ({ user }) => fixture.accounts.delete(admin.viewer, user.id)],
      ["an admin's new password", ({ user }) => change(user.id, { password: PASSWORD })],
    ])('ends on %s, here and on another instance', async (_, end) => {
      const person = await fixture.person();
      const elsewhere = new AccountsFixture(database);
      const sources = [silence(), silence()] as const;
      const streams = [
        fixture.watch.endWhenRevoked(() => person.viewer, sources[0]),
        elsewhere.watch.endWhenRevoked(() => person.viewer, sources[1]),
      ].map((stream) => stream.next().catch((error: unknown) => error));
      await end(person);
      await expect(Promise.all(streams)).resolves.toEqual([INVALID_TOKEN, INVALID_TOKEN]);
      await Promise.all(sources.map(({ closed }) => closed));
    });

    it('of an internal call ends when the user is suspended', async () => {
      const { id: userId } = await fixture.create();
      const viewer = await fixture.authenticateBy({ userId, peerAddress: '10.0.0.1' });
      const next = fixture.watch.endWhenRevoked(() => viewer, silence()).next();
      const ended = expect(next).rejects.toThrow(INVALID_TOKEN);
      await change(userId, { isSuspended: true });
      await ended;
    });
  });
});
