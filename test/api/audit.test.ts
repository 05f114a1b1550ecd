import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { codeIn, startMailServer, type MailServer } from '../support/mail-server.js';

type Someone = Actor & { readonly userId: string };

interface Event {
  readonly id: string;
  readonly action: string;
  readonly actorId: string | null;
  readonly subjectId: string | null;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly details: Readonly<Record<string, unknown>>;
  readonly createdAt: string;
}

interface Page {
  readonly nodes: readonly Event[];
  readonly pageInfo: { readonly hasNextPage: boolean; readonly endCursor: string | null };
  readonly totalCount: number;
}

const INTERNAL_KEY = 'a key of the house, of more than thirty-two bytes';
const NEW_PASSWORD = 'a battery of horses';
const LIST = `query ($first: Int, $after: String, $offset: Int, $action: AuditAction, $userId: ID, $actorId: ID, $since: DateTime, $until: DateTime) {
  auditEvents(first: $first, after: $after, offset: $offset, action: $action, userId: $userId, actorId: $actorId, since: $since, until: $until) {
    nodes { id action actorId subjectId ipAddress userAgent details createdAt }
    pageInfo { hasNextPage endCursor }
    totalCount
  }
}`;
const UPDATE = 'mutation ($id: ID!, $input: UpdateUserInput!) { adminUpdateUser(id: $id, input: $input) { id } }';
const byId = (field: string) => `mutation ($id: ID!) { ${field}(id: $id) { id } }`;
/** Input with which the admin creates a user. */
const someone = (name: string) => ({ provider: 'email', password: 'a long password', email: `${name}@example.com` });

describe.each(stores)('the audit log on %s', (on) => {
  let mailServer: MailServer;
  let app: TestApp;
  let admin: Someone;

  beforeAll(async () => {
    mailServer = await startMailServer();
    app = await startTestApp({
      stores: on,
      settings: {
        SMTP_URL: mailServer.url,
        MAIL_FROM: 'Flynkle <no-reply@example.com>',
        INTERNAL_API_KEY: INTERNAL_KEY,
      },
    });
    admin = await newAdmin();
  });
  afterAll(async () => {
    await app.close();
    await mailServer.close();
  });

  async function newAdmin(): Promise<Someone> {
    const user = await signUp(app);
    await app.database.query('UPDATE users SET is_admin = true WHERE id = $1', [user.userId]);
    return user;
  }
  const list = async (variables: Readonly<Record<string, unknown>>) => {
    const { auditEvents } = await admin.ask<{ auditEvents: Page }>(LIST, variables);
    return auditEvents;
  };
  /** A user's events of the features under test, newest first: without logins and sign-ups, which are recorded as well. */
  const eventsOf = async (userId: string) => {
    const { nodes } = await list({ userId, first: 100 });
    return nodes.filter(({ action }) => !['LOGIN', 'LOGIN_FAILED', 'USER_CREATED'].includes(action));
  };
  const actionsOf = async (userId: string) => (await eventsOf(userId)).map(({ action }) => action);
  const suspended = (user: Someone) => admin.ask(byId('suspendUser'), { id: user.userId });
  const deleted = (user: Someone) => admin.ask(byId('deleteUser'), { id: user.userId });
  const anAdmin = (user: Someone) => admin.ask(UPDATE, { id: user.userId, input: { isAdmin: true } });

  const acts: readonly {
    readonly action: string;
    readonly before?: (user: Someone) => Promise<unknown>;
    readonly graphql: (user: Someone) => Promise<unknown>;
    readonly rest: (user: Someone) => Promise<unknown>;
    /** Who acts: the admin by default. */
    readonly by?: 'user';
    readonly details?: object;
  }[] = [
    {
      action: 'USER_SUSPENDED',
      graphql: (user) => admin.ask(byId('suspendUser'), { id: user.userId }),
      rest: (user) => admin.rest('POST', `/admin/users/${user.userId}/suspend`),
    },
    {
      action: 'USER_REINSTATED',
      before: suspended,
      graphql: (user) => admin.ask(byId('reinstateUser'), { id: user.userId }),
      rest: (user) => admin.rest('POST', `/admin/users/${user.userId}/reinstate`),
    },
    {
      action: 'USER_DELETED',
      graphql: (user) => admin.ask(byId('adminDeleteUser'), { id: user.userId }),
      rest: (user) => admin.rest('DELETE', `/admin/users/${user.userId}`),
    },
    {
      action: 'USER_DELETED',
      by: 'user',
      graphql: (user) => user.ask('mutation { deleteMe { id } }'),
      rest: (user) => user.rest('DELETE', '/users/me'),
    },
    {
      action: 'USER_RESTORED',
      before: deleted,
      graphql: (user) => admin.ask(byId('restoreUser'), { id: user.userId }),
      rest: (user) => admin.rest('POST', `/admin/users/${user.userId}/restore`),
    },
    {
      action: 'ADMIN_GRANTED',
      graphql: (user) => admin.ask(UPDATE, { id: user.userId, input: { isAdmin: true } }),
      rest: (user) => admin.rest('PATCH', `/admin/users/${user.userId}`, { is_admin: true }),
    },
    {
      action: 'ADMIN_REVOKED',
      before: anAdmin,
      graphql: (user) => admin.ask(UPDATE, { id: user.userId, input: { isAdmin: false } }),
      rest: (user) => admin.rest('PATCH', `/users/${user.userId}`, { is_admin: false }),
    },
    {
      action: 'PLAN_CHANGED',
      details: { from: 'free', to: 'pro' },
      graphql: (user) => admin.ask(UPDATE, { id: user.userId, input: { plan: 'pro' } }),
      rest: (user) => admin.rest('PUT', `/users/${user.userId}`, { plan: 'pro' }),
    },
    {
      action: 'PLAN_CHANGED',
      by: 'user',
      details: { from: 'free', to: 'pro' },
      graphql: (user) => user.ask('mutation { changePlan(plan: "pro") { changed } }'),
      rest: (user) => user.rest('POST', '/user/upgrade?plan=pro'),
    },
    {
      action: 'PASSWORD_CHANGED',
      graphql: (user) => admin.ask(UPDATE, { id: user.userId, input: { password: NEW_PASSWORD } }),
      rest: (user) => admin.rest('PATCH', `/admin/users/${user.userId}`, { password: NEW_PASSWORD }),
    },
    {
      action: 'PASSWORD_CHANGED',
      by: 'user',
      graphql: (user) =>
        user.ask('mutation ($input: UpdateUserInput!) { updateMe(input: $input) { id } }', {
          input: { password: NEW_PASSWORD },
        }),
      rest: (user) => user.rest('PATCH', '/users/me', { password: NEW_PASSWORD }),
    },
    {
      action: 'USER_UPDATED',
      details: { fields: ['phoneNumber', 'profile'] },
      graphql: (user) => {
        const input = { phoneNumber: '+44 20 7946 0018', profile: { a: 1 } };
        return admin.ask(UPDATE, { id: user.userId, input });
      },
      rest: (user) => {
        const input = { phone_number: '+44 20 7946 0018', profile: { a: 1 } };
        return admin.rest('PATCH', `/admin/users/${user.userId}`, input);
      },
    },
    {
      action: 'PASSWORD_RESET',
      by: 'user',
      before: (user) => user.rest('POST', '/auth/request-reset', { email: user.credentials.email }),
      graphql: async (user) => {
        const input = { email: user.credentials.email, otp: await codeTo(user), newPassword: NEW_PASSWORD };
        return new Actor(app.url).ask('mutation ($input: ResetPasswordInput!) { resetPassword(input: $input) }', {
          input,
        });
      },
      rest: async (user) => {
        const input = { email: user.credentials.email, otp: await codeTo(user), new_password: NEW_PASSWORD };
        return new Actor(app.url).rest('POST', '/auth/reset-password', input);
      },
    },
    {
      action: 'EMAIL_VERIFIED',
      by: 'user',
      before: (user) => user.rest('POST', '/auth/request-verify', { email: user.credentials.email }),
      graphql: async (user) => {
        const input = { email: user.credentials.email, otp: await codeTo(user) };
        return new Actor(app.url).ask('mutation ($input: VerifyEmailInput!) { verifyEmail(input: $input) }', { input });
      },
      rest: async (user) => {
        const input = { email: user.credentials.email, otp: await codeTo(user) };
        return new Actor(app.url).rest('POST', '/auth/verify-email', input);
      },
    },
  ];
  const codeTo = async (user: Someone) => codeIn((await mailServer.mailTo(user.credentials.email, 1)).message);

  describe.each(acts.map((act) => ({ by: 'admin', ...act })))('$action by the $by', (act) => {
    const { action, before, by, details = {}, ...doors } = act;
    it.each(['graphql', 'rest'] as const)('over %s is one event, with who, whom and from where', async (door) => {
      const user = await signUp(app);
      await before?.(user);
      const known = new Set((await eventsOf(user.userId)).map(({ id }) => id));
      const start = Date.now();
      await doors[door](user);
      const events = (await eventsOf(user.userId)).filter(({ id }) => !known.has(id));
      expect(events).toEqual([
        {
          id: expect.any(String),
          action,
          actorId: by === 'user' ? user.userId : admin.userId,
          subjectId: user.userId,
          ipAddress: '127.0.0.1',
          userAgent: 'node',
          details,
          createdAt: expect.any(String),
        },
      ]);
      const [at] = events.map(({ createdAt }) => Date.parse(createdAt));
      expect(at).toBeGreaterThanOrEqual(start);
      expect(at).toBeLessThanOrEqual(Date.now());
    });
  });

  it.each([
    ['graphql', 'mutation ($input: CreateUserInput!) { adminCreateUser(input: $input) { id } }'],
    ['graphql', 'mutation ($input: CreateUserInput!) { createUser(input: $input) { id } }'],
    ['rest', '/admin/users'],
    ['rest', '/users'],
  ])('has who made an account, over %s by %s', async (door, operation) => {
    const input = someone(`made-${on}-${Math.random()}`);
    if (door === 'graphql') await admin.ask(operation, { input });
    else await admin.rest('POST', operation, input);
    const { rows } = await app.database.query<{ id: string }>('SELECT id FROM users WHERE email = $1', [input.email]);
    const userId = rows[0]?.id;
    expect((await list({ userId })).nodes).toMatchObject([
      { action: 'USER_CREATED', actorId: admin.userId, subjectId: userId, details: { plan: 'free' } },
    ]);
  });

  it('has nobody as the actor of a sign-up, also with a bad token, and an admin made as an admin twice', async () => {
    const stranger = new Actor(app.url);
    stranger.token = 'none';
    const { body } = await stranger.rest('POST', '/users', someone(`stranger-${on}`));
    const { user_id: userId } = body.data as { user_id: string };
    expect((await list({ userId })).nodes).toMatchObject([
      { action: 'USER_CREATED', actorId: null, userAgent: 'node' },
    ]);
    const made = await admin.rest('POST', '/admin/users', { ...someone(`second-${on}`), is_admin: true });
    const { user_id: madeId } = made.body.data as { user_id: string };
    expect((await list({ userId: madeId })).nodes.map(({ action }) => action)).toEqual([
      'ADMIN_GRANTED',
      'USER_CREATED',
    ]);
  });

  it('has nothing of an act that fails or changes nothing', async () => {
    const [user, other] = [await signUp(app), await signUp(app)];
    const answers = [
      await user.rest('PATCH', `/users/${other.userId}`, { profile: {} }),
      await user.rest('DELETE', `/users/${other.userId}`),
      await user.rest('PATCH', '/users/me', { is_admin: true }),
      await user.rest('POST', `/admin/users/${other.userId}/suspend`),
      await admin.rest('PATCH', `/admin/users/${other.userId}`, { email: user.credentials.email, is_admin: true }),
      await admin.rest('PATCH', `/admin/users/${other.userId}`, { plan: 'none' }),
      await user.rest('POST', '/user/upgrade?plan=none'),
      await user.rest('POST', '/auth/reset-password', {
        email: other.credentials.email,
        otp: '000000',
        new_password: NEW_PASSWORD,
      }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([403, 403, 403, 403, 400, 422, 400, 400]);
    const nothing = [
      await user.rest('POST', '/user/upgrade?plan=free'),
      await admin.rest('PATCH', `/admin/users/${other.userId}`, { is_suspended: false, plan: 'free' }),
      await admin.rest('POST', `/admin/users/${other.userId}/restore`),
      await user.rest('PATCH', '/users/me', { profile: { colour: 'red' } }),
    ];
    expect(nothing.map(({ status }) => status)).toEqual([200, 200, 200, 200]);
    expect([await actionsOf(user.userId), await actionsOf(other.userId)]).toEqual([[], []]);
  });

  it('undoes an act that it cannot record', async () => {
    const user = await signUp(app);
    await app.database.query(
      `CREATE TRIGGER full_disk BEFORE INSERT ON audit_events FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()`,
    );
    try {
      const answers = [
        await admin.rest('POST', `/admin/users/${user.userId}/suspend`),
        await admin.rest('DELETE', `/admin/users/${user.userId}`),
        await admin.rest('POST', '/admin/users', someone(`unrecorded-${on}`)),
        await user.rest('POST', '/user/upgrade?plan=pro'),
      ];
      expect(answers.map(({ status }) => status)).toEqual([500, 500, 500, 500]);
    } finally {
      await app.database.query('DROP TRIGGER full_disk ON audit_events');
    }
    const { body } = await admin.rest('GET', `/users/${user.userId}`);
    expect(body.data).toMatchObject({ is_suspended: false, is_active: true, plan: 'free' });
    expect((await user.rest('GET', '/users/me')).status).toBe(200);
    const { rows } = await app.database.query('SELECT id FROM users WHERE email LIKE $1', ['unrecorded-%']);
    expect([rows, await actionsOf(user.userId)]).toEqual([[], []]);
  });

  it('has an event for each of a hundred acts at once', async () => {
    const user = await signUp(app);
    const path = `/admin/users/${user.userId}`;
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, number) => admin.rest('PATCH', path, { profile: { number } })),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]));
    const { totalCount } = await list({ userId: user.userId, action: 'USER_UPDATED' });
    expect(totalCount).toBe(100);
  });

  describe('has of an internal caller', () => {
    const actedAs = async (userId: string) => {
      const { nodes } = await list({ userId, action: 'ACTED_AS_USER', first: 100 });
      return nodes.map(({ details }) => details['operation']);
    };
    const internal = (userId: string) => {
      const caller = new Actor(app.url);
      const headers = { 'x-user-id': userId, 'x-internal-key': INTERNAL_KEY };
      return Object.defineProperty(caller, 'headers', { get: () => headers });
    };

    it('each change, over both doors, with what it did as the user', async () => {
      const user = await signUp(app);
      const caller = internal(user.userId);
      await caller.ask(
        'mutation { one: changePlan(plan: "pro") { changed } two: changePlan(plan: "free") { changed } }',
      );
      await caller.rest('POST', '/user/upgrade?plan=pro');
      await caller.rest('PATCH', '/users/me', { profile: { colour: 'red' } });
      expect(await actedAs(user.userId)).toEqual(['updateMe', 'changePlan', 'changePlan', 'changePlan']);
      const { nodes } = await list({ userId: user.userId, action: 'ACTED_AS_USER', first: 1 });
      expect(nodes).toMatchObject([
        { actorId: null, ipAddress: expect.stringMatching(/127\.0\.0\.1$/), userAgent: 'node' },
      ]);
      expect((await list({ userId: user.userId, action: 'PLAN_CHANGED' })).nodes).toHaveLength(3);
    });

    it('one of a hundred reads at once, and one for each operation', async () => {
      const user = await signUp(app);
      const caller = internal(user.userId);
      await Promise.all(Array.from({ length: 100 }, () => caller.ask('{ me { id } }')));
      await caller.rest('GET', '/users/me');
      await caller.rest('GET', '/conversations');
      expect((await actedAs(user.userId)).sort()).toEqual(['getMe', 'listConversations', 'me']);
    });

    it('each stream', async () => {
      const user = await signUp(app);
      const caller = internal(user.userId);
      for (let number = 0; number < 2; number++) {
        const stream = caller.eventStream('subscription { exportConversations { __typename } }');
        expect(await stream.next()).toMatchObject({ done: true });
        stream.close();
      }
      const file = await fetch(`${app.url}/api/v1/conversations/export?format=json`, { headers: caller.headers });
      expect([file.status, await file.text()]).toEqual([200, expect.stringContaining('[')]);
      expect(await actedAs(user.userId)).toEqual(Array.from({ length: 3 }, () => 'exportConversations'));
    });

    it('an account that it made as an admin', async () => {
      const other = await newAdmin();
      const { status, body } = await internal(other.userId).rest('POST', '/users', {
        ...someone(`internal-${on}`),
        is_admin: true,
      });
      expect(status).toBe(200);
      const { user_id: userId } = body.data as { user_id: string };
      expect(await actedAs(other.userId)).toEqual(['createUser']);
      expect((await list({ userId, actorId: other.userId })).totalCount).toBe(2);
    });

    it('what is refused by the rules of the service, but not what is no request', async () => {
      const [user, other] = [await signUp(app), await signUp(app)];
      const caller = internal(user.userId);
      expect((await caller.rest('PATCH', '/users/me', { email: 'none' })).status).toBe(422);
      expect(await actedAs(user.userId)).toEqual([]);
      expect((await caller.rest('DELETE', `/users/${other.userId}`)).status).toBe(403);
      expect(await actedAs(user.userId)).toEqual(['deleteUser']);
    });

    it('nothing where a token says who calls, or the key is wrong', async () => {
      const user = await signUp(app);
      await user.rest('POST', '/user/upgrade?plan=pro', undefined, {
        'x-user-id': user.userId,
        'x-internal-key': INTERNAL_KEY,
      });
      await new Actor(app.url).rest('POST', '/user/upgrade?plan=free', undefined, {
        'x-user-id': user.userId,
        'x-internal-key': 'a guess',
      });
      expect(await actedAs(user.userId)).toEqual([]);
    });
  });

  it('is for admins, who miss their credentials by a name of their own', async () => {
    const user = await signUp(app);
    const path = `/admin/audit?user_id=${user.userId}`;
    expect(await new Actor(app.url).rest('GET', path)).toMatchObject({
      status: 401,
      body: { message: 'Missing admin header', data: null },
    });
    expect(await user.rest('GET', path)).toMatchObject({
      status: 403,
      body: { message: 'Admin privileges required', data: null },
    });
    const { errors } = await user.graphql(LIST, { userId: user.userId });
    expect(errors).toMatchObject([{ message: 'Forbidden', extensions: { code: 'FORBIDDEN' } }]);
  });

  it('is found by node, with its people, by admins alone', async () => {
    const user = await signUp(app);
    await suspended(user);
    const [event] = await eventsOf(user.userId);
    const query = `query ($id: ID!) {
      node(id: $id) { __typename id ... on AuditEvent { action actor { id } subject { id email } } }
    }`;
    expect(await admin.ask(query, { id: event?.id })).toEqual({
      node: {
        __typename: 'AuditEvent',
        id: event?.id,
        action: 'USER_SUSPENDED',
        actor: { id: admin.userId },
        subject: { id: user.userId, email: user.credentials.email },
      },
    });
    await admin.ask(byId('adminDeleteUser'), { id: user.userId });
    expect(await admin.ask(query, { id: event?.id })).toMatchObject({ node: { subject: null } });
    expect(await (await signUp(app)).ask(query, { id: event?.id })).toEqual({ node: null });
  });

  it('pages, newest first, and filters by action, people and time', async () => {
    const user = await signUp(app);
    const another = await newAdmin();
    for (const isAdmin of [true, false, true, false]) await admin.ask(UPDATE, { id: user.userId, input: { isAdmin } });
    await another.ask(UPDATE, { id: user.userId, input: { plan: 'pro' } });
    const all = await eventsOf(user.userId);
    const actions = ['PLAN_CHANGED', 'ADMIN_REVOKED', 'ADMIN_GRANTED', 'ADMIN_REVOKED', 'ADMIN_GRANTED'];
    expect(all.map(({ action }) => action)).toEqual(actions);
    expect(all.map(({ id }) => id)).toEqual(
      all
        .map(({ id }) => id)
        .sort()
        .reverse(),
    );

    const of = { userId: user.userId, actorId: admin.userId };
    const first = await list({ ...of, first: 3 });
    const second = await list({ ...of, first: 3, after: first.pageInfo.endCursor });
    expect([first, second]).toMatchObject([
      { nodes: all.slice(1, 4), pageInfo: { hasNextPage: true }, totalCount: 4 },
      { nodes: all.slice(4), pageInfo: { hasNextPage: false }, totalCount: 4 },
    ]);
    expect((await list({ ...of, offset: 1, first: 2 })).nodes).toEqual(all.slice(2, 4));
    expect((await list({ ...of, action: 'ADMIN_GRANTED' })).nodes).toEqual([all[2], all[4]]);
    expect((await list({ actorId: another.userId })).nodes).toContainEqual(all[0]);
    // Two events may have the same millisecond, so events are split by time, not by position.
    const { createdAt: time = '' } = all[2] ?? {};
    const isEarlier = ({ createdAt }: Event) => Date.parse(createdAt) < Date.parse(time);
    const [since, until] = [await list({ ...of, since: time }), await list({ ...of, until: time })];
    expect(since.nodes).toEqual(all.slice(1).filter((event) => !isEarlier(event)));
    expect(until.nodes).toEqual(all.slice(1).filter(isEarlier));
  });

  it('reads the same over REST', async () => {
    const user = await signUp(app);
    for (const plan of ['pro', 'free', 'pro']) await admin.ask(UPDATE, { id: user.userId, input: { plan } });
    const events = await eventsOf(user.userId);
    const path = `/admin/audit?user_id=${user.userId}&action=PLAN_CHANGED&actor_id=${admin.userId}`;
    const wire = events.map((event) => ({
      event_id: event.id,
      action: event.action,
      actor_id: event.actorId,
      subject_id: event.subjectId,
      ip_address: event.ipAddress,
      user_agent: event.userAgent,
      details: event.details,
      created_at: event.createdAt,
    }));
    expect((await admin.rest('GET', path)).body.data).toEqual(wire);
    expect((await admin.rest('GET', `${path}&skip=1&limit=1`)).body.data).toEqual(wire.slice(1, 2));
    const period = `since=${events[0]?.createdAt}&until=2100-01-01T00:00:00Z`;
    expect((await admin.rest('GET', `${path}&${period}`)).body.data).toContainEqual(wire[0]);
    expect((await admin.rest('GET', `${path}&since=2100-01-01T00:00:00Z`)).body.data).toEqual([]);
    expect((await admin.rest('GET', `${path}&until=0001-01-01T00:00:00Z`)).body.data).toEqual([]);
  });

  it.each([
    ['action=NONE', 'action'],
    ['user_id=x', 'user_id'],
    ['actor_id=x', 'actor_id'],
    ['since=yesterday', 'since'],
    ['until=x', 'until'],
    ['since=2026-01-02T00:00:00Z&until=2026-01-01T00:00:00Z', 'since'],
    ['limit=101', 'limit'],
    ['skip=-1', 'skip'],
  ])('names the fault in %s', async (query, field) => {
    const { status, body } = await admin.rest('GET', `/admin/audit?${query}`);
    expect([status, body.data]).toMatchObject([422, { errors: [{ field }] }]);
  });
});
