import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';

/** Hashes of "correct horse battery", by libxcrypt's `crypt(3)`. */
const HASHES = ['a', 'b', 'y'].map((minor) => `$2${minor}$08$DCq7YPn5Rq63x1Lad4cll.cmvRWXKIjlUU4.GmLDAW9QDFhrXC.Gm`);
const [BCRYPT = ''] = HASHES;
const OURS = /^\$argon2id\$v=19\$/;

describe.each(stores)('a user who came with a hash of another service, on %s', (on) => {
  let app: TestApp;
  beforeAll(async () => {
    app = await startTestApp({ stores: on });
  });
  afterAll(() => app.close());

  const imported = async (hash: string | null) => {
    const user = new Actor(app.url);
    await user.createUser();
    await app.database.query('UPDATE users SET password_hash = $2 WHERE email = $1', [user.credentials.email, hash]);
    return user;
  };
  const hashOf = async ({ credentials }: Actor) => {
    const { rows } = await app.database.query<{ hash: string }>(
      'SELECT password_hash AS hash FROM users WHERE email = $1',
      [credentials.email],
    );
    return rows[0]?.hash;
  };
  const loginByRest = (user: Actor, password = user.credentials.password) =>
    user.rest('POST', '/auth/login', { email: user.credentials.email, password });

  it.each(HASHES)('logs in over REST and over GraphQL, and has a hash of ours from then on: %s', async (hash) => {
    const byRest = await imported(hash);
    expect((await loginByRest(byRest)).status).toBe(200);
    expect(await hashOf(byRest)).toMatch(OURS);
    await byRest.login();
    const byGraphQL = await imported(hash);
    await byGraphQL.login();
    const renewed = await hashOf(byGraphQL);
    expect(renewed).toMatch(OURS);
    expect((await loginByRest(byGraphQL)).status).toBe(200);
    expect(await hashOf(byGraphQL)).toBe(renewed);
  });

  it('is refused with another password, which changes nothing', async () => {
    const user = await imported(BCRYPT);
    expect((await loginByRest(user, 'another password')).status).toBe(401);
    expect(await hashOf(user)).toBe(BCRYPT);
  });

  it('stays logged in where they are when the hash is replaced', async () => {
    const user = new Actor(app.url);
    await user.createUser();
    const { refreshToken } = await user.login();
    await app.database.query('UPDATE users SET password_hash = $2 WHERE email = $1', [user.credentials.email, BCRYPT]);
    expect((await loginByRest(user)).status).toBe(200);
    expect((await user.rest('GET', '/users/me')).status).toBe(200);
    const refreshed = await user.rest('POST', '/auth/refresh', undefined, { 'x-refresh-token': refreshToken });
    expect(refreshed.status).toBe(200);
  });

  it('logs in from any number of places at once, the first time too', async () => {
    const user = await imported(BCRYPT);
    const answers = await Promise.all(Array.from({ length: 20 }, () => loginByRest(user)));
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200));
    expect(await hashOf(user)).toMatch(OURS);
  });

  it.each(['$2y$10$tooshort', '$argon2id$v=19$m=4000000000,t=2,p=1$AAAAAAAAAAA$AAAAAAAAAAA', 'md5', '', null])(
    'is refused like anyone when nothing can be made of it: %j',
    async (hash) => {
      const user = await imported(hash);
      const { status, body } = await loginByRest(user);
      expect({ status, body }).toEqual({
        status: 401,
        body: { code: 401, message: 'Invalid credentials', data: null },
      });
      const { errors } = await user.graphql('mutation ($input: LoginInput!) { login(input: $input) { expiresIn } }', {
        input: user.credentials,
      });
      expect(errors).toMatchObject([{ message: 'Invalid credentials', extensions: { code: 'UNAUTHENTICATED' } }]);
    },
  );
});
