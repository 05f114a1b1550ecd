import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { AccessTokens } from '../../src/features/identity/sessions/access-tokens.js';
import { Actor, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import * as wire from '../support/wire.js';

const ADMIN = { email: 'admin@example.com', password: 'the password of the admin' };
const SECRET = 'a secret of at least thirty-two bytes for tests';
const userId = z.strictObject({ user_id: z.uuid() });
const loggedOut = z.strictObject({ detail: z.literal('logout successful') });
const session = z.strictObject({
  session_id: z.uuid(),
  created_at: z.iso.datetime(),
  last_used_at: z.iso.datetime(),
  user_agent: z.string().nullable(),
  ip_address: z.string().nullable(),
  is_current: z.boolean(),
});
const refreshing = (token: string) => ({ 'x-refresh-token': token });

type Person = Actor & { readonly userId: string };

describe.each(stores)('the credentials of REST on %s', (on) => {
  let app: TestApp;
  let stranger: Actor;
  let admin: Actor;

  beforeAll(async () => {
    const settings = {
      ADMIN_EMAIL: ADMIN.email,
      ADMIN_PASSWORD: ADMIN.password,
      SECRET_KEY: SECRET,
      RATE_LIMIT_LOGIN: undefined,
    };
    app = await startTestApp({ stores: on, settings });
    stranger = new Actor(app.url);
    admin = new Actor(app.url, ADMIN);
    await admin.login();
  });
  afterAll(() => app.close());

  const login = async (actor: Actor) =>
    wire.dataOf(await stranger.rest('POST', '/auth/login', actor.credentials), wire.tokens);
  const change = async ({ userId: id }: Person, changes: object) =>
    wire.dataOf(await admin.rest('PATCH', `/admin/users/${id}`, changes), wire.user);

  /** An expired token of the actor's own session. */
  const expiredToken = async (actor: Person) => {
    const { rows } = await app.database.query<{ id: string }>('SELECT id FROM sessions WHERE user_id = $1', [
      actor.userId,
    ]);
    const clock = { now: () => new Date(Date.now() - 86_400_000) };
    const tokens = new AccessTokens({ secrets: [SECRET], lifetimeMinutes: 60, clock });
    return tokens.issue({ userId: actor.userId, sessionId: rows[0]?.id ?? '' });
  };

  describe('the sessions of a user', () => {
    const sessionsOf = async (actor: Actor) => wire.dataOf(await actor.rest('GET', '/auth/sessions'), z.array(session));

    it('are listed newest first, and end one by one', async () => {
      const user = await signUp(app);
      const other = new Actor(app.url, user.credentials);
      await other.login();
      const [latest, first, ...rest] = await sessionsOf(user);
      expect(rest).toEqual([]);
      expect([latest?.is_current, first?.is_current]).toEqual([false, true]);

      const end = (actor: Actor, id: string | undefined) => actor.rest('DELETE', `/auth/sessions/${id ?? ''}`);
      wire.expectError(await end(await signUp(app), latest?.session_id), 404, 'Session not found');
      const ended = await end(user, latest?.session_id);
      expect(wire.dataOf(ended, z.strictObject({ detail: z.literal('session ended') }))).toBeDefined();
      wire.expectError(await end(user, latest?.session_id), 404, 'Session not found');
      wire.expectError(await other.rest('GET', '/users/me'), 401, 'Invalid token');
      expect(await sessionsOf(user)).toEqual([first]);
    });
  });

  describe('an operation for users refuses, in this order,', () => {
    it('a caller who sends nothing, or an empty header', async () => {
      wire.expectError(await stranger.rest('GET', '/users/me'), 401, 'Missing credentials');
      const empty = await stranger.rest('GET', '/users/me', undefined, { authorization: '' });
      wire.expectError(empty, 401, 'Missing credentials');
      expect(empty.headers.get('www-authenticate')).toBe('Bearer');
    });

    it.each(['Bearer x', 'Bearer', 'Basic dXNlcjpwYXNz', 'x', 'Bearer a.b.c', 'Bearer  ', 'Bearer a b'])(
      'the header %j',
      async (authorization) => {
        const answer = await stranger.rest('GET', '/users/me', undefined, { authorization });
        wire.expectError(answer, 401, 'Invalid token');
        expect(answer.headers.get('www-authenticate')).toBe('Bearer');
      },
    );

    it('a token that has expired, was tampered with, or was revoked', async () => {
      const actor = await signUp(app);
      const good = actor.token ?? '';
      const [head, body, signature] = good.split('.');
      const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`;
      for (const token of [await expiredToken(actor), unsigned, `${head}.${body}x.${signature}`]) {
        const answer = await stranger.rest('GET', '/users/me', undefined, { authorization: `Bearer ${token}` });
        wire.expectError(answer, 401, 'Invalid token');
      }
      wire.dataOf(await actor.rest('GET', '/users/me'), wire.user);
      await actor.rest('POST', '/auth/logout');
      wire.expectError(await actor.rest('GET', '/users/me'), 401, 'Invalid token');
    });

    it('a user who is gone', async () => {
      const actor = await signUp(app);
      await admin.rest('DELETE', `/users/${actor.userId}`);
      wire.expectError(await actor.rest('GET', '/conversations'), 404, 'User not found');
    });

    it.each([{ is_active: false }, { is_suspended: true }])('a user with %j', async (state) => {
      const actor = await signUp(app);
      await change(actor, state);
      for (const [method, path, body] of [
        ['GET', '/users/me', undefined],
        ['POST', '/conversations', { title: 7 }],
        ['POST', '/auth/verify', undefined],
      ] as const) {
        wire.expectError(await actor.rest(method, path, body), 403, 'Account disabled');
      }
    });

    it('all these before it looks at the input', async () => {
      wire.expectError(await stranger.rest('POST', '/conversations', { title: 7 }), 401, 'Missing credentials');
      wire.expectError(await stranger.rest('GET', '/conversations/no-id'), 401, 'Missing credentials');
    });
  });

  describe('POST /auth/login', () => {
    it('answers tokens, of which the access token works, and notes the time', async () => {
      const actor = new Actor(app.url);
      await actor.createUser();
      const start = Date.now();
      actor.token = (await login(actor)).access_token;
      const me = wire.dataOf(await actor.rest('GET', '/users/me'), wire.user);
      expect(Date.parse(me.last_login ?? '')).toBeGreaterThanOrEqual(start - 1000);
    });

    it('says the same of a wrong password and of an unknown address', async () => {
      const { email } = (await signUp(app)).credentials;
      for (const body of [
        { email, password: 'wrong password' },
        { email: 'nobody@example.com', password: 'wrong password' },
        { email: '', password: '' },
      ]) {
        wire.expectError(await stranger.rest('POST', '/auth/login', body), 401, 'Invalid credentials');
      }
    });

    it('tells of a disabled account only to who has the password', async () => {
      const actor = await signUp(app);
      await change(actor, { is_suspended: true });
      const { email } = actor.credentials;
      const wrong = { email, password: 'wrong password' };
      wire.expectError(await stranger.rest('POST', '/auth/login', wrong), 401, 'Invalid credentials');
      wire.expectError(await stranger.rest('POST', '/auth/login', actor.credentials), 403, 'Account disabled');
      await change(actor, { is_suspended: false });
      await login(actor);
    });

    it('takes five tries an address in a minute, in any case, good ones and bad ones', async () => {
      const actor = new Actor(app.url);
      await actor.createUser();
      const { email, password } = actor.credentials;
      for (const attempt of [{ password }, { password: 'wrong one' }, { password }, { password: 'wrong one' }]) {
        await stranger.rest('POST', '/auth/login', { email, ...attempt });
      }
      await login(actor);
      const refused = await stranger.rest('POST', '/auth/login', { email: email.toUpperCase(), password });
      wire.expectError(refused, 429, 'Too many login attempts');
      expect(Number(refused.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
      expect(Number(refused.headers.get('retry-after'))).toBeLessThanOrEqual(60);
      await signUp(app);
    });

    it('tells all that is wrong at once', async () => {
      wire.expectFaults(await stranger.rest('POST', '/auth/login', { email: 1, user: 'x' }), {
        email: 'must be a string',
        password: 'is required',
      });
    });
  });

  describe('POST /auth/logout', () => {
    it('ends the session: access and refresh token are dead', async () => {
      const actor = await signUp(app);
      const other = await login(actor);
      const { access_token, refresh_token } = await login(actor);
      actor.token = access_token;
      wire.dataOf(await actor.rest('POST', '/auth/logout', undefined, refreshing(refresh_token)), loggedOut);
      wire.expectError(await actor.rest('GET', '/users/me'), 401, 'Invalid token');
      const refreshed = await stranger.rest('POST', '/auth/refresh', undefined, refreshing(refresh_token));
      wire.expectError(refreshed, 401, 'Invalid token');
      actor.token = other.access_token;
      wire.dataOf(await actor.rest('GET', '/users/me'), wire.user);
    });

    it("leaves alone another user's refresh token", async () => {
      const [actor, other] = await Promise.all([signUp(app), signUp(app)]);
      const { refresh_token } = await login(other);
      wire.dataOf(await actor.rest('POST', '/auth/logout', undefined, refreshing(refresh_token)), loggedOut);
      wire.dataOf(await stranger.rest('POST', '/auth/refresh', undefined, refreshing(refresh_token)), wire.tokens);
    });

    it('answers 401 Invalid token without a token, with a bad one and the second time', async () => {
      wire.expectError(await stranger.rest('POST', '/auth/logout'), 401, 'Invalid token');
      const bad = await stranger.rest('POST', '/auth/logout', undefined, { authorization: 'Bearer x' });
      wire.expectError(bad, 401, 'Invalid token');
      const actor = await signUp(app);
      wire.dataOf(await actor.rest('POST', '/auth/logout'), loggedOut);
      wire.expectError(await actor.rest('POST', '/auth/logout'), 401, 'Invalid token');
    });
  });

  it('POST /auth/verify says whose token it is', async () => {
    const actor = await signUp(app);
    expect(wire.dataOf(await actor.rest('POST', '/auth/verify'), userId)).toEqual({ user_id: actor.userId });
    wire.expectError(await stranger.rest('POST', '/auth/verify'), 401, 'Invalid token');
    const bad = await stranger.rest('POST', '/auth/verify', undefined, { authorization: 'Bearer x' });
    wire.expectError(bad, 401, 'Invalid token');
  });

  it('POST /auth/refresh gives new tokens', async () => {
    const actor = await signUp(app);
    const { refresh_token } = await login(actor);
    const refresh = (token: string) => stranger.rest('POST', '/auth/refresh', undefined, refreshing(token));
    const next = wire.dataOf(await refresh(refresh_token), wire.tokens);
    actor.token = next.access_token;
    wire.dataOf(await actor.rest('GET', '/users/me'), wire.user);
    const third = wire.dataOf(await refresh(next.refresh_token), wire.tokens);
    wire.expectError(await refresh(refresh_token), 401, 'Invalid token');
    wire.expectError(await refresh(third.refresh_token), 401, 'Invalid token');
    for (const bad of ['x', '', 'a'.repeat(5_000)]) wire.expectError(await refresh(bad), 401, 'Invalid token');
    wire.expectFaults(await stranger.rest('POST', '/auth/refresh'), { 'X-Refresh-Token': expect.any(String) });
  });
});
