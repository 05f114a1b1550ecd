import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { Actor, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import * as wire from '../support/wire.js';

const ADMIN = { email: 'admin@example.com', password: 'the password of the admin' };
const NOBODY = '01980f3e-8c1d-7a52-9d0e-6f2f4f2b6c11';
const users = z.array(wire.user);

/** Protected fields, with values that differ from those of a new account. */
const GUARDED = [
  { is_admin: true },
  { plan: 'pro' },
  { is_verified: true },
  { is_active: false },
  { is_suspended: true },
];
const DEFAULTS = { is_admin: false, plan: 'free', is_verified: false, is_active: true, is_suspended: false };

describe.each(stores)('the users of REST on %s', (on) => {
  let app: TestApp;
  let admin: Actor;
  let stranger: Actor;
  let owner: Actor & { readonly userId: string };
  let other: Actor;

  const newUser = () => ({ provider: 'email', ...new Actor(app.url).credentials });
  const userOf = async (actor: Actor) => wire.dataOf(await actor.rest('GET', '/users/me'), wire.user);

  beforeAll(async () => {
    const settings = { ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password };
    app = await startTestApp({ stores: on, settings });
    stranger = new Actor(app.url);
    admin = new Actor(app.url, ADMIN);
    await admin.login();
    [owner, other] = await Promise.all([signUp(app), signUp(app)]);
  });
  afterAll(() => app.close());

  describe('POST /users', () => {
    it('makes an account with the defaults', async () => {
      const { email, ...rest } = newUser();
      const made = wire.dataOf(await stranger.rest('POST', '/users', { email, ...rest }), wire.user);
      expect(made).toEqual({
        ...DEFAULTS,
        user_id: expect.any(String),
        email,
        phone_number: null,
        provider: 'email',
        provider_id: null,
        verified_at: null,
        profile: {},
        last_login: null,
      });
    });

    it('keeps what it was given', async () => {
      const given = { phone_number: '+49 30 1234', provider_id: 'abc', profile: { name: 'Ada', nested: { a: [1] } } };
      const made = wire.dataOf(await stranger.rest('POST', '/users', { ...newUser(), ...given }), wire.user);
      expect(made).toMatchObject(given);
    });

    it('refuses an address that is taken, in any case', async () => {
      const taken = newUser();
      await stranger.rest('POST', '/users', taken);
      const again = await stranger.rest('POST', '/users', { ...taken, email: taken.email.toUpperCase() });
      wire.expectError(again, 400, 'User already exists');
    });

    it('tells all that is wrong at once', async () => {
      const body = { email: 'no', password: 'short', phone_number: 'x', profile: [], extra_field: 1 };
      wire.expectFaults(await stranger.rest('POST', '/users', body), {
        provider: 'is required',
        email: 'must be an e-mail address',
        password: 'must be at least 8 characters',
        phone_number: 'must be a phone number',
        profile: 'must be an object',
      });
    });

    it.each(GUARDED)('refuses %j to anyone but an admin, and stores nothing', async (guarded) => {
      const body = { ...newUser(), ...guarded };
      for (const actor of [stranger, owner]) {
        wire.expectError(await actor.rest('POST', '/users', body), 403, 'Admin privileges required');
      }
      const made = wire.dataOf(await admin.rest('POST', '/users', body), wire.user);
      expect(made).toMatchObject(guarded);
    });

    it('takes guarded fields that have their defaults', async () => {
      const made = wire.dataOf(await stranger.rest('POST', '/users', { ...newUser(), ...DEFAULTS }), wire.user);
      expect(made).toMatchObject(DEFAULTS);
    });
  });

  describe('/users/{user_id} and /users/me', () => {
    it.each(['GET', 'PUT', 'PATCH'])('%s is for the user and for admins', async (method) => {
      const body = method === 'GET' ? undefined : {};
      const path = `/users/${owner.userId}`;
      for (const actor of [owner, admin]) {
        expect(wire.dataOf(await actor.rest(method, path, body), wire.user).user_id).toBe(owner.userId);
      }
      wire.expectError(await other.rest(method, path, body), 403, 'Forbidden');
      wire.expectError(await other.rest(method, `/users/${NOBODY}`, body), 403, 'Forbidden');
      wire.expectError(await admin.rest(method, `/users/${NOBODY}`, body), 404, 'User not found');
      wire.expectError(await stranger.rest(method, path, body), 401, 'Missing credentials');
      wire.expectFaults(await owner.rest(method, '/users/7', body), { user_id: 'must be a UUID' });
    });

    it.each(['PUT /users/{user_id}', 'PATCH /users/{user_id}', 'PATCH /users/me'])(
      '%s changes what was sent, and takes a whole object back',
      async (route) => {
        const actor = await signUp(app);
        const [method = '', template = ''] = route.split(' ');
        const path = template.replace('{user_id}', actor.userId);
        const changes = {
          phone_number: '+1 555 0100',
          provider: 'other',
          provider_id: 'p1',
          profile: { a: 1 },
          email: new Actor(app.url).credentials.email,
        };
        const changed = wire.dataOf(await actor.rest(method, path, changes), wire.user);
        expect(changed).toMatchObject(changes);
        const again = wire.dataOf(await actor.rest(method, path, { ...changed, phone_number: null }), wire.user);
        expect(again).toEqual({ ...changed, phone_number: null });
        expect(await userOf(actor)).toEqual(again);
      },
    );

    it.each([...GUARDED, { verified_at: '2026-01-31T12:00:00Z' }])(
      'a user who sends %j is refused, and nothing changes',
      async (guarded) => {
        const before = await userOf(owner);
        const body = { ...guarded, provider: 'changed' };
        for (const [method, path] of [
          ['PUT', `/users/${owner.userId}`],
          ['PATCH', `/users/${owner.userId}`],
          ['PATCH', '/users/me'],
        ] as const) {
          wire.expectError(await owner.rest(method, path, body), 403, 'Admin privileges required');
        }
        expect(await userOf(owner)).toEqual(before);
      },
    );

    it('an admin changes guarded fields', async () => {
      const { userId } = await signUp(app);
      const changes = { plan: 'pro', is_verified: true, is_admin: true };
      const changed = wire.dataOf(await admin.rest('PATCH', `/users/${userId}`, changes), wire.user);
      expect(changed).toMatchObject(changes);
      expect(changed.verified_at).not.toBeNull();
    });

    it("another's address is refused", async () => {
      const body = { email: other.credentials.email };
      for (const path of [`/users/${owner.userId}`, '/users/me']) {
        wire.expectError(await owner.rest('PATCH', path, body), 400, 'User already exists');
      }
    });

    it('a new password ends the other sessions, and the old one is no good', async () => {
      const actor = await signUp(app);
      const elsewhere = new Actor(app.url, actor.credentials);
      await elsewhere.login();
      const password = 'another password';
      wire.dataOf(await actor.rest('PATCH', '/users/me', { password }), wire.user);
      wire.dataOf(await actor.rest('GET', '/users/me'), wire.user);
      wire.expectError(await elsewhere.rest('GET', '/users/me'), 401, 'Invalid token');
      const { email } = actor.credentials;
      wire.expectError(await stranger.rest('POST', '/auth/login', actor.credentials), 401, 'Invalid credentials');
      wire.dataOf(await stranger.rest('POST', '/auth/login', { email, password }), wire.tokens);
    });

    it.each(['/users/me', '/users/{user_id}'])('DELETE %s takes the user from every later read', async (template) => {
      const actor = await signUp(app);
      const before = await userOf(actor);
      const path = template.replace('{user_id}', actor.userId);
      const deleted = wire.dataOf(await actor.rest('DELETE', path), wire.user);
      expect(deleted).toEqual({ ...before, is_active: false });
      wire.expectError(await actor.rest('GET', '/users/me'), 404, 'User not found');
      wire.expectError(await admin.rest('GET', `/users/${actor.userId}`), 404, 'User not found');
      wire.expectError(await admin.rest('DELETE', `/users/${actor.userId}`), 404, 'User not found');
      wire.expectError(await stranger.rest('POST', '/auth/login', actor.credentials), 401, 'Invalid credentials');
      const { email } = actor.credentials;
      expect(wire.dataOf(await admin.rest('GET', `/users?search=${email}`), users)).toEqual([]);
    });

    it("DELETE is refused for another's account", async () => {
      wire.expectError(await other.rest('DELETE', `/users/${owner.userId}`), 403, 'Forbidden');
      expect((await userOf(owner)).is_active).toBe(true);
    });
  });

  it.each([
    ['/users', 'Missing credentials', 'Forbidden'],
    ['/admin/users', 'Missing admin header', 'Admin privileges required'],
  ])('GET %s is for admins', async (path, missing, forbidden) => {
    wire.expectError(await stranger.rest('GET', path), 401, missing);
    wire.expectError(await owner.rest('GET', path), 403, forbidden);
    const invalid = await admin.rest('GET', path, undefined, { authorization: 'Bearer x' });
    wire.expectError(invalid, 401, 'Invalid token');
  });

  it.each(['/users', '/admin/users'])('GET %s lists accounts, newest first, by pages and by search', async (path) => {
    const phone = path === '/users' ? '+44 1111 22' : '+44 3333 44';
    const made: string[] = [];
    for (const place of ['first', 'second', 'third']) {
      const email = `${place}.${phone.slice(-2)}@Paged.example.com`;
      const body = { ...newUser(), email, phone_number: phone };
      made.unshift(wire.dataOf(await stranger.rest('POST', '/users', body), wire.user).user_id);
    }
    const list = async (query: string) =>
      wire.dataOf(await admin.rest('GET', `${path}?${query}`), users).map(({ user_id }) => user_id);
    const search = `search=${encodeURIComponent(phone.slice(3))}`;
    expect(await list(search)).toEqual(made);
    expect(await list(`${search}&limit=2`)).toEqual(made.slice(0, 2));
    expect(await list(`${search}&limit=2&skip=2`)).toEqual(made.slice(2));
    expect(await list(`search=SECOND.${phone.slice(-2)}@pAGED`)).toEqual([made[1]]);
    expect((await list('')).slice(0, 3)).toEqual(made);
    expect(await list('search=%25')).toEqual([]);
    expect(await list('search=_')).toEqual([]);
  });

  it.each(['/users', '/admin/users'])('GET %s refuses pages beyond the limits', async (path) => {
    const answer = await admin.rest('GET', `${path}?limit=101&skip=-1`);
    wire.expectFaults(answer, { limit: 'must be from 1 to 100', skip: 'must be from 0 to 1000000' });
    wire.expectFaults(await admin.rest('GET', `${path}?limit=ten&skip=1.5`), {
      limit: 'must be an integer',
      skip: 'must be an integer',
    });
    wire.expectFaults(await admin.rest('GET', `${path}?limit=0`), { limit: 'must be from 1 to 100' });
  });

  describe('PATCH /admin/users/{user_id}', () => {
    it('is for admins, whose account it may be', async () => {
      const path = `/admin/users/${owner.userId}`;
      wire.expectError(await stranger.rest('PATCH', path, {}), 401, 'Missing admin header');
      for (const actor of [owner, other]) {
        wire.expectError(await actor.rest('PATCH', path, {}), 403, 'Admin privileges required');
      }
      const changed = wire.dataOf(await admin.rest('PATCH', path, { profile: { by: 'admin' } }), wire.user);
      expect(changed).toMatchObject({ user_id: owner.userId, profile: { by: 'admin' } });
      wire.expectError(await admin.rest('PATCH', `/admin/users/${NOBODY}`, {}), 404, 'User not found');
    });

    it('sets guarded fields and the password', async () => {
      const actor = await signUp(app);
      const password = 'chosen by the admin';
      const changes = { plan: 'pro', is_suspended: true, password };
      wire.dataOf(await admin.rest('PATCH', `/admin/users/${actor.userId}`, changes), wire.user);
      const { email } = actor.credentials;
      wire.expectError(await stranger.rest('POST', '/auth/login', { email, password }), 403, 'Account disabled');
      wire.expectError(await actor.rest('GET', '/users/me'), 403, 'Account disabled');
    });
  });

  it('no answer and no line of the log has a password or its hash', async () => {
    const text = JSON.stringify([
      (await admin.rest('GET', '/users')).body,
      (await owner.rest('GET', '/users/me')).body,
      app.logged,
    ]);
    for (const secret of ['argon2', owner.credentials.password, ADMIN.password]) expect(text).not.toContain(secret);
  });
});
