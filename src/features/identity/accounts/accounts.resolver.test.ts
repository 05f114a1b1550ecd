import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { graphql, type GraphQLSchema } from 'graphql';
import { AccountsFixture, PASSWORD } from '../../../../test/support/accounts.js';
import { testDatabases } from '../../../../test/support/database.js';
import type { RequestContext } from '../../../graphql/context.js';
import type { Credentials } from '../../../kernel/caller.js';
import { buildSchema } from '../../../graphql/schema.js';
import type { RestRoute } from '../../../rest/route.js';
import { DomainError } from '../../../kernel/errors.js';
import { newId } from '../../../kernel/ids.js';
import { LoginResolver } from '../login/login.resolver.js';
import { SessionsResolver } from '../sessions/sessions.resolver.js';
import { AccountsResolver } from './accounts.resolver.js';

const classes = [AccountsResolver, LoginResolver, SessionsResolver];
const described = buildSchema(classes.map(({ prototype }) => Object.create(prototype) as object));

const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

const routes = ['Query', 'Mutation'].flatMap((name) =>
  Object.values((name === 'Query' ? described.getQueryType() : described.getMutationType())?.getFields() ?? {}).flatMap(
    (field) => (field.extensions['rest'] ?? []) as RestRoute[],
  ),
);

describe('the REST routes of accounts, logins and sessions', () => {
  it('are those of the contract', () => {
    expect(routes.map(({ method, path, operationId }) => `${method} ${path} ${operationId}`).sort()).toEqual([
      'DELETE /auth/sessions/{session_id} revokeSession',
      'DELETE /users/me deleteMe',
      'DELETE /users/{user_id} deleteUser',
      'GET /admin/users adminListUsers',
      'GET /auth/sessions listSessions',
      'GET /users listUsers',
      'GET /users/me getMe',
      'GET /users/{user_id} getUser',
      'PATCH /admin/users/{user_id} adminUpdateUser',
      'PATCH /users/me updateMe',
      'PATCH /users/{user_id} updateUser',
      'POST /auth/login login',
      'POST /auth/logout logout',
      'POST /auth/refresh refreshTokens',
      'POST /auth/second-factor completeLogin',
      'POST /auth/verify verifyToken',
      'POST /users createUser',
      'PUT /users/{user_id} replaceUser',
    ]);
  });
});

describe.each(testDatabases().slice(0, 1))('accounts and sessions over GraphQL', (kind) => {
  let database: Awaited<ReturnType<typeof kind.open>>;
  let fixture: AccountsFixture;
  let schema: GraphQLSchema;
  beforeAll(async () => {
    database = await kind.open();
    fixture = new AccountsFixture(database);
    schema = buildSchema([
      new AccountsResolver({ accounts: fixture.accounts, admins: fixture.admins }),
      new LoginResolver(fixture.logins),
      new SessionsResolver(fixture.sessions),
    ]);
  });
  afterAll(() => database.drop());

  const contextOf = (credentials: Partial<Credentials>): Pick<RequestContext, 'client' | 'viewer'> => ({
    client: { ipAddress: '192.0.2.1', userAgent: 'a browser' },
    viewer: () => fixture.authenticateBy(credentials),
  });

  /** Returns the data, or the first error's message and faults. */
  async function run(source: string, variableValues: object = {}, accessToken?: string): Promise<unknown> {
    const contextValue = contextOf({ authorization: accessToken === undefined ? null : `Bearer ${accessToken}` });
    const { data, errors } = await graphql({ schema, source, variableValues: { ...variableValues }, contextValue });
    const [error] = errors ?? [];
    if (error === undefined) return data;
    const cause = error.originalError;
    return { error: error.message, ...(cause instanceof DomainError ? { code: cause.code, ...cause.details } : {}) };
  }

  const CREATE =
    'mutation ($input: CreateUserInput!) { createUser(input: $input) { id email isVerified plan: isAdmin } }';
  const LOGIN = 'mutation ($input: LoginInput!) { login(input: $input) { accessToken refreshToken expiresIn } }';
  const UPDATE_ME = 'mutation ($input: UpdateUserInput!) { updateMe(input: $input) { email profile verifiedAt } }';

  it('sign up, log in, read, change, refresh, log out', async () => {
    const email = fixture.uniqueEmail();
    await expect(
      run(CREATE, { input: { provider: 'email', password: PASSWORD, email, profile: { a: [1, { b: null }] } } }),
    ).resolves.toMatchObject({ createUser: { email, isVerified: false } });
    const { login } = (await run(LOGIN, { input: { email, password: PASSWORD } })) as {
      login: { accessToken: string; refreshToken: string };
    };
    expect(login).toMatchObject({ expiresIn: 3600 });
    await expect(run('{ me { email profile createdAt } }', {}, login.accessToken)).resolves.toEqual({
      me: { email, profile: { a: [1, { b: null }] }, createdAt: expect.stringMatching(ISO) },
    });
    await expect(run(UPDATE_ME, { input: { email: null, profile: {} } }, login.accessToken)).resolves.toEqual({
      updateMe: { email: null, profile: {}, verifiedAt: null },
    });
    await expect(run('{ sessions { isCurrent userAgent ipAddress } }', {}, login.accessToken)).resolves.toEqual({
      sessions: [{ isCurrent: true, userAgent: 'a browser', ipAddress: '192.0.2.1' }],
    });
    await expect(run('mutation { verifyToken }', {}, login.accessToken)).resolves.toEqual({
      verifyToken: expect.any(String),
    });
    const refresh = 'mutation ($token: String!) { refreshTokens(refreshToken: $token) { accessToken } }';
    await expect(run(refresh, { token: login.refreshToken })).resolves.toMatchObject({
      refreshTokens: { accessToken: expect.any(String) },
    });
    await expect(run('mutation { logout }', {}, login.accessToken)).resolves.toEqual({ logout: true });
    await expect(run('{ me { id } }', {}, login.accessToken)).resolves.toEqual({
      error: 'Invalid token',
      code: 'UNAUTHENTICATED',
    });
  });

  it('a new user: every fault is named, with literals as with variables', async () => {
    await expect(
      run('mutation { createUser(input: { provider: "", password: "x", profile: { a: "ok" } }) { id } }'),
    ).resolves.toEqual({
      error: 'Validation error',
      code: 'BAD_USER_INPUT',
      errors: [
        { field: 'input.provider', message: 'must not be empty' },
        { field: 'input.password', message: 'must be at least 8 characters' },
      ],
    });
  });

  it('a new user: guarded fields reach the service, and bad credentials beside them are an error', async () => {
    const input = { provider: 'email', password: PASSWORD, isAdmin: true };
    const forbidden = { error: 'Admin privileges required', code: 'FORBIDDEN' };
    await expect(run(CREATE, { input })).resolves.toEqual(forbidden);
    const { tokens } = await fixture.person();
    await expect(run(CREATE, { input }, tokens.accessToken)).resolves.toEqual(forbidden);
    await expect(run(CREATE, { input }, 'nonsense')).resolves.toMatchObject({ error: 'Invalid token' });
    await expect(run(CREATE, { input: { ...input, isAdmin: null } })).resolves.toMatchObject({
      createUser: { isVerified: false },
    });
    const admin = await fixture.admin();
    await expect(
      run(CREATE, { input: { ...input, isVerified: true } }, admin.tokens.accessToken),
    ).resolves.toMatchObject({ createUser: { isVerified: true } });
  });

  it('changes: null is a fault where a field cannot be cleared, and guarded fields reach the service', async () => {
    const { tokens } = await fixture.person();
    await expect(run(UPDATE_ME, { input: { password: null, isAdmin: null } }, tokens.accessToken)).resolves.toEqual({
      error: 'Validation error',
      code: 'BAD_USER_INPUT',
      errors: [
        { field: 'input.password', message: 'must not be null' },
        { field: 'input.isAdmin', message: 'must not be null' },
      ],
    });
    for (const input of [{ isAdmin: true }, { verifiedAt: '2026-01-01T00:00:00Z' }, { plan: 'pro' }]) {
      await expect(run(UPDATE_ME, { input }, tokens.accessToken)).resolves.toMatchObject({ code: 'FORBIDDEN' });
    }
  });

  it('an admin lists, changes and deletes; an id that is no UUID is a fault', async () => {
    const [admin, person] = [await fixture.admin(), await fixture.person()];
    const [token, other] = [admin.tokens.accessToken, person.tokens.accessToken];
    const list =
      'query ($search: String, $first: Int) { users(search: $search, first: $first) { totalCount nodes { id } } }';
    await expect(run(list, { search: person.user.email, first: null }, token)).resolves.toEqual({
      users: { totalCount: 1, nodes: [{ id: person.user.id }] },
    });
    await expect(run(list, { first: 101 }, token)).resolves.toMatchObject({
      errors: [{ field: 'first', message: 'must be from 1 to 100' }],
    });
    await expect(run(list, { search: 'x'.repeat(101) }, token)).resolves.toMatchObject({
      errors: [{ field: 'search', message: 'must be at most 100 characters' }],
    });
    await expect(run(list, {}, other)).resolves.toEqual({ error: 'Forbidden', code: 'FORBIDDEN' });
    await expect(run(list)).resolves.toEqual({ error: 'Missing credentials', code: 'UNAUTHENTICATED' });

    const update =
      'mutation ($id: ID!, $input: UpdateUserInput!) { updateUser(id: $id, input: $input) { isVerified verifiedAt } }';
    await expect(
      run(update, { id: person.user.id.toUpperCase(), input: { isVerified: true } }, token),
    ).resolves.toEqual({ updateUser: { isVerified: true, verifiedAt: expect.stringMatching(ISO) } });
    await expect(run(update, { id: 'me', input: {} }, token)).resolves.toMatchObject({
      errors: [{ field: 'id', message: 'must be a UUID' }],
    });
    const adminUpdate = update.replace('updateUser(', 'adminUpdateUser(');
    await expect(run(adminUpdate, { id: person.user.id, input: {} }, other)).resolves.toEqual({
      error: 'Admin privileges required',
      code: 'FORBIDDEN',
    });

    const user = '{ user(id: "ID") { id } }';
    await expect(run(user.replace('ID', newId()), {}, token)).resolves.toEqual({
      error: 'User not found',
      code: 'NOT_FOUND',
    });
    await expect(run(`mutation { deleteUser(id: "${person.user.id}") { isActive } }`, {}, token)).resolves.toEqual({
      deleteUser: { isActive: false },
    });
    await expect(run('{ me { id } }', {}, other)).resolves.toEqual({ error: 'User not found', code: 'NOT_FOUND' });
  });
});
