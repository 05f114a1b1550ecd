import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';

type Someone = Actor & { readonly userId: string };

const ROUTES: readonly (readonly [string, string])[] = [
  ['POST', '/admin/users'],
  ['DELETE', '/admin/users/{id}'],
  ['GET', '/admin/users/{id}/conversations'],
  ['GET', '/admin/users/{id}/usage'],
  ['POST', '/admin/users/{id}/suspend'],
  ['POST', '/admin/users/{id}/reinstate'],
  ['POST', '/admin/users/{id}/restore'],
];

describe.each(stores)('administration on %s', (on) => {
  let app: TestApp;
  let admin: Someone;

  beforeAll(async () => {
    app = await startTestApp({ stores: on });
    admin = await signUp(app);
    await app.database.query('UPDATE users SET is_admin = true WHERE id = $1', [admin.userId]);
  });
  afterAll(() => app.close());

  const login = (actor: Actor) => actor.rest('POST', '/auth/login', actor.credentials);

  it.each(ROUTES)('%s %s is for admins, whose credentials it misses by a name of its own', async (method, path) => {
    const user = await signUp(app);
    const own = path.replace('{id}', user.userId);
    const body = path === '/admin/users' ? { provider: 'email', password: 'a long password' } : undefined;
    expect(await new Actor(app.url).rest(method, own, body)).toMatchObject({
      status: 401,
      body: { message: 'Missing admin header', data: null },
    });
    expect(await user.rest(method, own, body)).toMatchObject({
      status: 403,
      body: { message: 'Admin privileges required', data: null },
    });
    if (path === '/admin/users') return;
    expect(await admin.rest(method, path.replace('{id}', '01890a5d-ac96-774b-bcce-b302099a8057'))).toMatchObject({
      status: 404,
      body: { message: 'User not found' },
    });
    expect(await admin.rest(method, path.replace('{id}', 'nobody'))).toMatchObject({
      status: 422,
      body: { data: { errors: [{ field: 'user_id', message: 'must be a UUID' }] } },
    });
  });

  it('makes an account with any field', async () => {
    const input = { provider: 'email', password: 'a long password', is_admin: true, is_verified: true, plan: 'pro' };
    const email = `made-${on}@example.com`;
    const { status, body } = await admin.rest('POST', '/admin/users', { ...input, email });
    expect([status, body.data]).toMatchObject([200, { email, is_admin: true, is_verified: true, plan: 'pro' }]);
    expect(await admin.rest('POST', '/admin/users', { ...input, email })).toMatchObject({
      status: 400,
      body: { message: 'User already exists' },
    });
  });

  it('suspends an account, which is refused at once, and reinstates it', async () => {
    const user = await signUp(app);
    const suspended = await admin.rest('POST', `/admin/users/${user.userId}/suspend`);
    expect(suspended.body.data).toMatchObject({ user_id: user.userId, is_suspended: true });
    expect(await user.rest('GET', '/users/me')).toMatchObject({ status: 403, body: { message: 'Account disabled' } });
    expect(await login(user)).toMatchObject({ status: 403, body: { message: 'Account disabled' } });
    const reinstated = await admin.ask('mutation ($id: ID!) { reinstateUser(id: $id) { isSuspended } }', {
      id: user.userId,
    });
    expect(reinstated).toEqual({ reinstateUser: { isSuspended: false } });
    expect((await login(user)).status).toBe(200);
  });

  it('deletes an account and brings it back with what it had', async () => {
    const user = await signUp(app);
    await user.createConversation('kept');
    const deleted = await admin.rest('DELETE', `/admin/users/${user.userId}`);
    expect(deleted.body.data).toMatchObject({ is_active: false });
    expect((await login(user)).status).toBe(401);
    expect((await admin.rest('GET', `/admin/users/${user.userId}/conversations`)).status).toBe(404);
    const restored = await admin.rest('POST', `/admin/users/${user.userId}/restore`);
    expect([restored.status, restored.body.data]).toMatchObject([200, { user_id: user.userId, is_active: true }]);
    expect((await user.rest('GET', '/users/me')).status).toBe(401);
    await user.login();
    expect((await user.rest('GET', '/conversations')).body.data).toMatchObject([{ title: 'kept' }]);
    const again = await admin.ask('mutation ($id: ID!) { restoreUser(id: $id) { isActive } }', { id: user.userId });
    expect(again).toEqual({ restoreUser: { isActive: true } });
  });

  it('does not bring an account back whose e-mail address was taken meanwhile', async () => {
    const user = await signUp(app);
    await admin.ask('mutation ($id: ID!) { adminDeleteUser(id: $id) { id } }', { id: user.userId });
    await new Actor(app.url, user.credentials).createUser();
    expect(await admin.rest('POST', `/admin/users/${user.userId}/restore`)).toMatchObject({
      status: 400,
      body: { message: 'User already exists' },
    });
    const { errors } = await admin.graphql('mutation ($id: ID!) { restoreUser(id: $id) { id } }', { id: user.userId });
    expect(errors?.[0]?.extensions.code).toBe('CONFLICT');
  });

  it("reads a user's conversations and usage, and not what was said", async () => {
    const user = await signUp(app);
    const conversationId = await user.createConversation('theirs');
    await user.rest('POST', `/conversations/${conversationId}/messages`, {
      content: { text: 'secret' },
      message_type: 'user',
    });
    const path = `/admin/users/${user.userId}`;
    expect((await admin.rest('GET', `${path}/conversations`)).body.data).toMatchObject([
      { conversation_id: conversationId, user_id: user.userId, title: 'theirs' },
    ]);
    expect((await admin.rest('GET', `${path}/usage`)).body.data).toMatchObject([
      { user_id: user.userId, message_count: 1, token_count: 0, file_uploads: 0 },
    ]);
    const said = `query ($userId: ID!) { adminConversations(userId: $userId) { nodes { messages { totalCount nodes { text } } } } }`;
    const before = `query ($userId: ID!) { user(id: $userId) { conversations { nodes { messages { nodes { text } } } } } }`;
    for (const query of [said, before]) {
      const { data, errors } = await admin.graphql(query, { userId: user.userId });
      expect([data, errors?.[0]?.extensions.code]).toEqual([null, 'FORBIDDEN']);
    }
  });

  it('keeps the last admin from suspending or deleting themselves', async () => {
    await app.database.query('UPDATE users SET is_admin = false WHERE id <> $1', [admin.userId]);
    for (const [method, path] of [
      ['POST', `/admin/users/${admin.userId}/suspend`],
      ['DELETE', `/admin/users/${admin.userId}`],
    ] as const) {
      expect((await admin.rest(method, path)).status).toBe(409);
    }
  });
});
