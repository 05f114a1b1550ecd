import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeToken } from '../support/access-tokens.js';
import { Actor, signUp } from '../support/actor.js';
import type { TestApp } from '../support/app.js';
import { startTestAppWithMail, type TestAppWithMail } from '../support/app-with-mail.js';
import { forgetUsedStep, protect } from '../support/authenticator.js';
import { codeIn } from '../support/mail-server.js';
import { stores } from '../support/servers.js';

const REVOKE = 'mutation ($id: ID!) { revokePersonalAccessToken(id: $id) { id name } }';
const EVENTS = 'subscription { conversationListEvents { __typename } }';
const EVERYTHING = ['account:read', 'conversations:write', 'chat', 'uploads:write', 'usage:read'] as const;

const refusal = (status: number, message: string) => ({ status, body: { code: status, message, data: null } });
const DAY_MS = 86_400_000;

describe.each(stores)('personal access tokens on %s', (on) => {
  let started: TestAppWithMail;
  let app: TestApp;
  beforeAll(async () => {
    started = await startTestAppWithMail(on);
    ({ app } = started);
  });
  afterAll(() => started.close());

  /** A client with a token of the user's. */
  const clientWith = (token: string): Actor => {
    const client = new Actor(app.url);
    client.token = token;
    return client;
  };
  const clientOf = async (user: Actor, scopes: readonly string[], more: object = {}) =>
    clientWith((await makeToken(user, scopes, more)).token);
  const newAdmin = async () => {
    const admin = await signUp(app);
    await app.database.query('UPDATE users SET is_admin = true WHERE id = $1', [admin.userId]);
    return admin;
  };
  const mailAbout = async (email: string) => {
    for (let number = 1; ; number++) {
      const { message } = await started.mailServer.mailTo(email, number);
      if (message.subject?.includes('access token') === true) return message;
    }
  };

  it('are shown once, work at every door, and end with their streams when they are revoked', async () => {
    const user = await signUp(app);
    const { password } = user.credentials;
    const made = await user.rest('POST', '/user/tokens', {
      name: ' backup ',
      scopes: ['conversations:read'],
      password,
    });
    expect(made.status).toBe(200);
    const { token, ...row } = made.body.data as { token: string; token_id: string; expires_at: string };
    expect(row).toEqual({
      token_id: expect.any(String),
      name: ' backup ',
      scopes: ['conversations:read'],
      last_four: token.slice(-4),
      created_at: expect.any(String),
      last_used_at: null,
      expires_at: expect.any(String),
    });
    expect(Math.round((Date.parse(row.expires_at) - Date.now()) / DAY_MS)).toBe(90);

    const client = clientWith(token);
    const conversationId = await user.createConversation('kept');
    expect((await client.rest('GET', `/conversations/${conversationId}`)).status).toBe(200);
    expect(await client.ask(`{ conversation(id: "${conversationId}") { title } }`)).toEqual({
      conversation: { title: 'kept' },
    });
    const streams = [client.webSocket(EVENTS), client.eventStream(EVENTS)];
    for (const stream of streams) {
      const first = stream.next();
      const seen = { isThere: false };
      void first.then(() => (seen.isThere = true));
      // Events from before the stream listens are lost.
      while (!seen.isThere) await user.rest('PATCH', `/conversations/${conversationId}`, { title: 'kept' });
      expect(await first).toMatchObject({ value: { data: { conversationListEvents: {} } } });
    }

    const listed = await user.rest('GET', '/user/tokens');
    expect(listed.body.data).toEqual([{ ...row, last_used_at: expect.any(String), token: null }]);
    expect(await user.ask('{ personalAccessTokens { lastFour token } }')).toEqual({
      personalAccessTokens: [{ lastFour: token.slice(-4), token: null }],
    });

    expect(await user.ask(REVOKE, { id: row.token_id })).toEqual({
      revokePersonalAccessToken: { id: row.token_id, name: ' backup ' },
    });
    const ends = streams.map(async (stream) => {
      for await (const { errors } of stream) if (errors !== undefined) return errors[0]?.message;
      return 'closed';
    });
    expect(await Promise.all(ends.map((end) => end.catch((error: unknown) => String(error))))).toEqual([
      expect.stringMatching(/Invalid token|Session ended|4403/),
      'Invalid token',
    ]);
    expect(await client.rest('GET', '/conversations')).toMatchObject(refusal(401, 'Invalid token'));
    expect(await user.rest('DELETE', `/user/tokens/${row.token_id}`)).toMatchObject(
      refusal(404, 'Access token not found'),
    );

    const { rows } = await app.database.query<{ action: string; details: object }>(
      `SELECT action, details FROM audit_events WHERE subject_id = $1 AND action::text LIKE 'ACCESS_TOKEN%' ORDER BY id`,
      [user.userId],
    );
    expect(rows).toEqual([
      {
        action: 'ACCESS_TOKEN_CREATED',
        details: { tokenId: row.token_id, scopes: ['conversations:read'], expiresAt: row.expires_at },
      },
      { action: 'ACCESS_TOKEN_REVOKED', details: { tokenId: row.token_id } },
    ]);
    const mail = await mailAbout(user.credentials.email);
    expect(mail.text).toContain('within its scopes');
    expect(JSON.stringify([mail.text, app.logged, rows])).not.toContain(token);
  });

  it('are stored as hashes, and their use is noted once a minute', async () => {
    const user = await signUp(app);
    const { id, token } = await makeToken(user, ['usage:read']);
    const stored = async () => {
      const { rows } = await app.database.query<Record<string, unknown>>(
        'SELECT t.*, encode(token_hash, $2) AS hash, xmin::text AS write FROM personal_access_tokens t WHERE id = $1',
        [id, 'hex'],
      );
      return rows[0] ?? {};
    };
    const before = await stored();
    expect(JSON.stringify(before)).not.toContain(token.slice(8, 30));
    const client = clientWith(token);
    await client.ask('{ usage { date } }');
    const first = await stored();
    expect(first['write']).not.toBe(before['write']);
    await Promise.all(Array.from({ length: 10 }, () => client.ask('{ usage { date } }')));
    expect(await stored()).toEqual(first);
    await app.database.query(`UPDATE personal_access_tokens SET last_used_at = last_used_at - interval '61 s'`);
    await client.ask('{ usage { date } }');
    expect((await stored())['last_used_at']).not.toBe(first['last_used_at']);
  });

  it('need a login and a proof to be made, and a code while a second factor is on', async () => {
    const user = await signUp(app);
    const { password } = user.credentials;
    const ask = (more: object) => user.rest('POST', '/user/tokens', { name: 'script', scopes: ['chat'], ...more });
    expect(await ask({})).toMatchObject({ status: 422, body: { data: { errors: [{ field: 'password' }] } } });
    expect(await ask({ password: 'wrong' })).toMatchObject({ status: 422 });
    const { app: authenticator } = await protect(user);
    await forgetUsedStep(app, user.userId);
    expect(await ask({ password })).toMatchObject({ status: 422, body: { data: { errors: [{ field: 'code' }] } } });
    expect(await ask({ password, code: authenticator.wrongCode() })).toMatchObject(refusal(400, 'Invalid code'));
    expect(await ask({ password, code: authenticator.code() })).toMatchObject({ status: 200 });
  });

  it.each([
    ['without a name', { name: ' ' }, 'name'],
    ['with a long name', { name: 'x'.repeat(65) }, 'name'],
    ['without scopes', { scopes: [] }, 'scopes'],
    ['with an unknown scope', { scopes: ['account:write'] }, 'scopes.0'],
    ['that has expired', { expires_at: '2020-01-01T00:00:00Z' }, 'expires_at'],
    ['that lasts too long', { expires_at: new Date(Date.now() + 367 * DAY_MS).toISOString() }, 'expires_at'],
  ])('are refused %s', async (_, input, field) => {
    const user = await signUp(app);
    const given = { name: 'script', scopes: ['chat'], password: user.credentials.password, ...input };
    expect(await user.rest('POST', '/user/tokens', given)).toMatchObject({
      status: 422,
      body: { data: { errors: [{ field }] } },
    });
  });

  it('are fifty at most, however many are made at once', async () => {
    const user = await signUp(app);
    await app.database.query(
      `INSERT INTO personal_access_tokens (id, user_id, name, token_hash, last_four, scopes, created_at, expires_at)
       SELECT gen_random_uuid(), $1::uuid, 'old', decode(md5($1::text || n), 'hex'), 'xxxx', '{chat}', now(),
         now() + CASE WHEN n = 1 THEN interval '-31 days' ELSE interval '1 day' END
       FROM generate_series(1, 49) AS n`,
      [user.userId],
    );
    const tries = await Promise.allSettled(Array.from({ length: 4 }, () => makeToken(user, ['chat'])));
    // The one that expired long ago made room for a second one.
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    expect(String(tries.find((one) => one.status === 'rejected')?.reason)).toContain('Too many access tokens');
  });

  it('are allowed their scopes, wherever a field leads', async () => {
    const user = await signUp(app);
    const conversationId = await user.createConversation('secret plans');
    const reader = await clientOf(user, ['account:read']);
    const writer = await clientOf(user, ['conversations:write']);
    const chatter = await clientOf(user, ['chat']);
    const lacks = (scope: string | null) => ({
      errors: [{ extensions: { code: 'FORBIDDEN', scope }, message: expect.stringContaining(scope ?? 'log in') }],
    });

    expect(await reader.ask('{ me { email plan { name } } }')).toMatchObject({ me: user.credentials.email && {} });
    for (const selection of ['conversations { totalCount }', 'conversations { nodes { title } }']) {
      expect(await reader.graphql(`{ me { ${selection} } }`)).toMatchObject(lacks('conversations:read'));
    }
    expect(await reader.graphql('{ me { usage { date } } }')).toMatchObject(lacks('usage:read'));
    const nested = 'query ($id: ID!) { me { id ...F } } fragment F on User { c: conversations { edges { cursor } } }';
    expect(await reader.graphql(nested.replace('($id: ID!) ', ''))).toMatchObject(lacks('conversations:read'));
    const node = (of: string) => `{ node(id: "${conversationId}") { __typename ${of} } }`;
    expect(await reader.ask(node(''))).toEqual({ node: null });
    expect(await reader.graphql(node('... on Conversation { title }'))).toMatchObject(lacks('conversations:read'));
    expect(await reader.graphql(node('... on Session { userAgent }'))).toMatchObject(lacks(null));
    expect(await writer.ask(node('... on Conversation { title }'))).toMatchObject({ node: { title: 'secret plans' } });

    const inConversation = (of: string) => `{ conversation(id: "${conversationId}") { ${of} } }`;
    expect(await writer.ask(inConversation('title user { id } messages(first: 1) { totalCount }'))).toBeDefined();
    expect(await writer.graphql(inConversation('user { email }'))).toMatchObject(lacks('account:read'));

    const shared = `query A { ...F } query B { ...F me { conversations { nodes { title } } } }
      fragment F on Query { me { id } }`;
    expect(await reader.graphql(shared, {}, 'A')).toMatchObject({ data: { me: { id: user.userId } } });
    expect(await reader.graphql(shared, {}, 'B')).toMatchObject(lacks('conversations:read'));

    const create = (more: object) => ({
      input: { conversationId, content: { text: 'hello' }, messageType: 'user', ...more },
    });
    const CREATE = 'mutation ($input: CreateMessageInput!) { createMessage(input: $input) { message { id } } }';
    expect(await writer.ask(CREATE, create({}))).toMatchObject({ createMessage: {} });
    expect(await writer.graphql(CREATE, create({ invokeLlm: true }))).toMatchObject(lacks('chat'));
    const CHAT = 'mutation ($input: ChatInput!) { chat(input: $input) { response message { id } } }';
    app.model.reply('hello to you');
    expect(await chatter.ask(CHAT, { input: { message: 'hello', conversationId } })).toMatchObject({
      chat: { response: 'hello to you', message: { id: expect.any(String) } },
    });
    const further = CHAT.replace('{ id }', '{ parent { text } }');
    expect(await chatter.graphql(further, { input: { message: 'hello', conversationId } })).toMatchObject(
      lacks('conversations:read'),
    );
  });

  it('never protect less than a login does: they make no tokens, and an admin has no admin among them', async () => {
    const admin = await newAdmin();
    const client = await clientOf(admin, EVERYTHING);
    expect(await client.rest('GET', '/users/me')).toMatchObject({ status: 200, body: { data: { is_admin: true } } });
    const other = await signUp(app);
    expect(await client.rest('GET', `/users/${other.userId}`)).toMatchObject({ status: 403 });
    expect(await client.rest('PATCH', '/users/me', { password: 'another password' })).toMatchObject(
      refusal(403, 'This is not open to access tokens: log in'),
    );
    expect(await client.rest('GET', '/admin/users')).toMatchObject({ status: 403 });
    expect(
      await client.rest('POST', '/user/tokens', {
        name: 'more',
        scopes: ['chat'],
        password: admin.credentials.password,
      }),
    ).toMatchObject({ status: 403 });
  });

  it('are listed and revoked by admins', async () => {
    const [admin, user] = [await newAdmin(), await signUp(app)];
    const { id, token } = await makeToken(user, ['account:read']);
    const path = `/admin/users/${user.userId}/tokens`;
    expect((await admin.rest('GET', path)).body.data).toMatchObject([{ token_id: id, last_four: token.slice(-4) }]);
    expect(await admin.rest('DELETE', `/admin/users/${admin.userId}/tokens/${id}`)).toMatchObject({ status: 404 });
    expect(await admin.rest('DELETE', `${path}/${id}`)).toMatchObject({ status: 200 });
    expect(await clientWith(token).rest('GET', '/users/me')).toMatchObject(refusal(401, 'Invalid token'));
  });

  describe('end with', () => {
    const BY_ADMIN = (change: string) => `mutation ($id: ID!) { updateUser(id: $id, input: { ${change} }) { id } }`;

    it.each<readonly [string, (user: Actor & { userId: string }, admin: Actor) => Promise<unknown>]>([
      [
        'their time',
        ({ userId }) =>
          app.database.query('UPDATE personal_access_tokens SET expires_at = now() WHERE user_id = $1', [userId]),
      ],
      [
        'a suspension',
        async ({ userId }, admin) => {
          await admin.ask(BY_ADMIN('isSuspended: true'), { id: userId });
          // Nor do they come back.
          await admin.ask(BY_ADMIN('isSuspended: false'), { id: userId });
        },
      ],
      [
        'a password that an admin sets',
        ({ userId }, admin) => admin.ask(BY_ADMIN('password: "another password"'), { id: userId }),
      ],
      [
        'a password that their user changes',
        (user) =>
          user.ask(`mutation { changePassword(current: "${user.credentials.password}", new: "another password") }`),
      ],
      [
        'a password reset',
        async ({ credentials: { email } }) => {
          const anyone = new Actor(app.url);
          await anyone.rest('POST', '/auth/request-reset', { email });
          for (let number = 1; ; number++) {
            const { message } = await started.mailServer.mailTo(email, number);
            if (message.subject?.includes('new Flynkle password') !== true) continue;
            await anyone.rest('POST', '/auth/reset-password', {
              email,
              otp: codeIn(message),
              new_password: 'another password',
            });
            return;
          }
        },
      ],
    ])('%s', async (_, end) => {
      const [admin, user] = [await newAdmin(), await signUp(app)];
      const client = await clientOf(user, ['account:read']);
      expect((await client.rest('GET', '/users/me')).status).toBe(200);
      await end(user, admin);
      expect(await client.rest('GET', '/users/me')).toMatchObject(refusal(401, 'Invalid token'));
    });

    it('their account, which says so to none of them', async () => {
      const user = await signUp(app);
      const client = await clientOf(user, ['account:read']);
      await user.ask('mutation { deleteMe { id } }');
      expect(await client.rest('GET', '/users/me')).toMatchObject(refusal(401, 'Invalid token'));
    });
  });
});
