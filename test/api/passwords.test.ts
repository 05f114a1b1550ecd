import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';

const ADMIN = { email: 'admin@example.com', password: 'a password of the house' };
const COMMON = 'Iloveyou1';
const CODE = { email: 'someone@example.com', otp: '123456' };

const faultOf = (field: string, message: string) => ({
  status: 422,
  body: { code: 422, message: 'Validation error', data: { errors: [{ field, message }] } },
});

describe.each(stores)('a password on %s', (on) => {
  let app: TestApp;
  let admin: Actor;
  beforeAll(async () => {
    const settings = { ADMIN_EMAIL: ADMIN.email, ADMIN_PASSWORD: ADMIN.password };
    app = await startTestApp({ stores: on, settings });
    admin = new Actor(app.url, ADMIN);
    await admin.login();
  });
  afterAll(() => app.close());

  it.each([
    [COMMON, 'is too common'],
    ['ｐａｓｓｗｏｒｄ１', 'is too common'],
    ['e\u0301'.repeat(7), 'must be at least 8 characters'],
    ['🦜'.repeat(257), 'must be at most 256 characters'],
  ])('%s is refused wherever one is set, over REST', async (password, message) => {
    const user = await signUp(app);
    const answers = await Promise.all([
      new Actor(app.url).rest('POST', '/users', { provider: 'local', password }),
      user.rest('PATCH', '/users/me', { password }),
      user.rest('PATCH', `/users/${user.userId}`, { password }),
      admin.rest('PATCH', `/admin/users/${user.userId}`, { password }),
      admin.rest('POST', '/admin/users', { provider: 'local', password }),
    ]);
    for (const answer of answers) expect(answer).toMatchObject(faultOf('password', message));
    const reset = await user.rest('POST', '/auth/reset-password', { ...CODE, new_password: password });
    expect(reset).toMatchObject(faultOf('new_password', message));
    await user.login();
  });

  it.each([
    ['createUser(input: { provider: "local", password: $password }) { id }', 'input.password'],
    ['updateMe(input: { password: $password }) { id }', 'input.password'],
    ['adminCreateUser(input: { provider: "local", password: $password }) { id }', 'input.password'],
    [
      `resetPassword(input: { email: "${CODE.email}", otp: "${CODE.otp}", newPassword: $password })`,
      'input.newPassword',
    ],
  ])('that most people have is refused over GraphQL: %s', async (field, name) => {
    const { errors } = await admin.graphql(`mutation ($password: String!) { ${field} }`, { password: COMMON });
    expect(errors).toMatchObject([
      { extensions: { code: 'BAD_USER_INPUT', errors: [{ field: name, message: 'is too common' }] } },
    ]);
  });

  it.each([
    ['eight characters', 'horse bat'.slice(0, 8)],
    ['256', 'x'.repeat(256)],
    ['256 that are 1,024 bytes', '🦜'.repeat(256)],
  ])('of %s opens the account, and not without its last character', async (_, password) => {
    const user = new Actor(app.url, { email: `${crypto.randomUUID()}@example.com`, password });
    await user.createUser();
    await user.login();
    const shorter = Array.from(password).slice(0, -1).join('');
    const { status } = await user.rest('POST', '/auth/login', { ...user.credentials, password: shorter });
    expect(status).toBe(401);
  });

  it('is the same in another composition of the same letters', async () => {
    const email = `${crypto.randomUUID()}@example.com`;
    await new Actor(app.url, { email, password: 'caf\u00e9 au lait' }).createUser();
    await new Actor(app.url, { email, password: 'cafe\u0301 au lait' }).login();
    await new Actor(app.url, { email, password: 'ｃａｆ\u00e9 au lait' }).login();
    await expect(new Actor(app.url, { email, password: 'cafe au lait' }).login()).rejects.toThrow('credentials');
  });
});
