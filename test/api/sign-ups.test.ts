import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor, signUp, type RestAnswer } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { startMailServer, type MailServer } from '../support/mail-server.js';
import { startOidcProvider, type TestProvider } from '../support/oidc-provider.js';
import { BrowserLike, providerSettings } from '../support/provider-login.js';
import { stores } from '../support/servers.js';
import * as wire from '../support/wire.js';

const PASSWORD = 'correct horse battery';
const CREATE = 'mutation ($input: CreateUserInput!) { createUser(input: $input) { id plan { name } } }';

let number = 0;
const newUser = (given: object = {}) => ({
  provider: 'email',
  email: `sign-up-${++number}@example.com`,
  password: PASSWORD,
  ...given,
});

const times = <Value>(count: number, make: (index: number) => Value) =>
  Array.from({ length: count }, (_, index) => make(index));

const tally = (answers: readonly RestAnswer[]) =>
  Object.fromEntries([...Map.groupBy(answers, ({ status }) => status)].map(([status, { length }]) => [status, length]));

async function signUpAdmin(app: TestApp) {
  const admin = await signUp(app);
  await app.database.query('UPDATE users SET is_admin = true WHERE id = $1', [admin.userId]);
  return admin;
}

const from = (address: string) => ({ 'x-forwarded-for': address });

describe.each(stores)('sign-ups from one client on %s', (on) => {
  let app: TestApp;
  let nobody: Actor;
  beforeAll(async () => {
    app = await startTestApp({
      stores: on,
      settings: { RATE_LIMIT_SIGN_UP: '5/3600', TRUSTED_PROXIES: '127.0.0.1,::1' },
    });
    nobody = new Actor(app.url);
  });
  afterAll(() => app.close());

  const signUpFrom = (address: string, input: object = newUser(), actor = nobody) =>
    actor.rest('POST', '/users', input, from(address));

  it('are limited over all doors, exactly, with the time to wait, and leave other clients alone', async () => {
    const address = '198.51.100.1';
    const answers = await Promise.all(times(20, () => signUpFrom(address)));
    expect(tally(answers)).toEqual({ 200: 5, 429: 15 });
    const refused = answers.find(({ status }) => status === 429);
    expect(refused?.body).toEqual({ code: 429, message: 'Too many requests', data: null });
    expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(Number(refused?.headers.get('retry-after'))).toBeLessThanOrEqual(3600);

    const response = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...from(address) },
      body: JSON.stringify({ query: CREATE, variables: { input: newUser() } }),
    });
    expect(await response.json()).toMatchObject({
      errors: [{ message: 'Too many requests', extensions: { code: 'RATE_LIMITED', retryAfter: expect.any(Number) } }],
    });
    expect(tally(await Promise.all([signUpFrom('198.51.100.2'), signUpFrom('2001:db8::1')]))).toEqual({ 200: 2 });
  });

  it('count from a whole /64 as one', async () => {
    const answers = await Promise.all(times(8, (index) => signUpFrom(`2001:db8:1::${index + 1}`)));
    expect(tally(answers)).toEqual({ 200: 5, 429: 3 });
  });

  it('that are refused for an address that exists count too, and those that break a rule do not', async () => {
    const address = '198.51.100.3';
    const taken = newUser();
    expect(tally(await Promise.all(times(7, () => signUpFrom(address, newUser({ password: 'short' })))))).toEqual({
      422: 7,
    });
    wire.dataOf(await signUpFrom(address, taken), wire.user);
    const again = await Promise.all(
      times(6, () => signUpFrom(address, { ...taken, email: taken.email.toUpperCase() })),
    );
    expect(tally(again)).toEqual({ 400: 4, 429: 2 });
  });

  it('are not counted when an admin makes the account, on either route', async () => {
    const address = '198.51.100.4';
    const admin = await signUpAdmin(app);
    for (const path of ['/users', '/admin/users']) {
      const made = await Promise.all(times(6, () => admin.rest('POST', path, newUser(), from(address))));
      expect(tally(made)).toEqual({ 200: 6 });
    }
    expect((await signUpFrom(address)).status).toBe(200);
  });
});

describe.each(stores)('a flood of sign-ups on %s', (on) => {
  it('keeps no login waiting, and what does not fit is refused with the time to come back', async () => {
    const app = await startTestApp({ stores: on, passwords: 'as shipped' });
    const nobody = new Actor(app.url);
    const known = newUser();
    await nobody.rest('POST', '/users', known);
    let open = 400;
    const flood = times(open, async () => {
      const answer = await nobody.rest('POST', '/users', newUser());
      open -= 1;
      return answer;
    });
    // The queue is full as soon as one is refused.
    await Promise.race(flood);
    const logins = times(10, () => nobody.rest('POST', '/auth/login', { email: known.email, password: PASSWORD }));
    expect(tally(await Promise.all(logins))).toEqual({ 200: 10 });
    expect(open).toBeGreaterThan(100);

    const answers = await Promise.all(flood);
    const refused = answers.filter(({ status }) => status === 503);
    expect(Object.keys(tally(answers))).toEqual(['200', '503']);
    expect(answers.length - refused.length).toBeGreaterThanOrEqual(200);
    expect(refused.map(({ body, headers }) => [body.message, headers.get('retry-after')])).toEqual(
      refused.map(() => ['Too many sign-ups at once; try again in a few seconds', '5']),
    );
    await app.close();
  });
});

const CREATE_INVITATION = `mutation ($input: CreateInvitationInput!) {
  createInvitation(input: $input) { id code email plan maxUses uses expiresAt }
}`;

describe.each(stores)('with SIGN_UP=invite on %s', (on) => {
  let app: TestApp;
  let mailServer: MailServer;
  let provider: TestProvider;
  let admin: Actor;
  let nobody: Actor;
  beforeAll(async () => {
    mailServer = await startMailServer();
    provider = await startOidcProvider();
    const mail = { SMTP_URL: mailServer.url, MAIL_FROM: 'Flynkle <no-reply@example.com>' };
    const made = { ADMIN_EMAIL: 'admin@example.com', ADMIN_PASSWORD: PASSWORD };
    const settings = { ...providerSettings(provider), ...mail, ...made, SIGN_UP: 'invite' };
    app = await startTestApp({ stores: on, settings });
    nobody = new Actor(app.url);
    admin = new Actor(app.url, { email: 'admin@example.com', password: PASSWORD });
    await admin.login();
  });
  afterAll(async () => {
    await app.close();
    await mailServer.close();
    await provider.close();
  });

  interface Made {
    readonly id: string;
    readonly code: string;
    readonly expiresAt: string;
  }
  const invite = async (input: object = {}) =>
    (await admin.ask<{ createInvitation: Made }>(CREATE_INVITATION, { input })).createInvitation;
  const signUpBy = (invitation?: string, given: object = {}) =>
    nobody.rest('POST', '/users', newUser({ ...given, ...(invitation !== undefined && { invitation }) }));
  const refusedAs = (status: number, message: string) => ({ status, body: { code: status, message, data: null } });
  const INVALID = refusedAs(400, 'Invalid invitation');
  const NEEDED = refusedAs(403, 'Sign-up needs an invitation');
  const logInAt = async (email: string, isVerified = true) => {
    const subject = `person-${++number}`;
    provider.people.set(subject, { email, email_verified: isVerified });
    const browser = new BrowserLike(app.url);
    return browser.get(await provider.visit(await browser.authorizationUrl('house'), subject));
  };

  it('nobody makes an account without one, but admins do', async () => {
    expect(await signUpBy()).toMatchObject(NEEDED);
    expect(await nobody.graphql(CREATE, { input: newUser() })).toMatchObject({
      errors: [{ message: 'Sign-up needs an invitation', extensions: { code: 'FORBIDDEN' } }],
    });
    expect(await signUpBy('no such code')).toMatchObject(INVALID);
    expect((await admin.rest('POST', '/users', newUser())).status).toBe(200);
    expect((await admin.rest('POST', '/admin/users', newUser())).status).toBe(200);
  });

  it('one is good once, of twenty sign-ups at once too, and its code is stored nowhere', async () => {
    const { id, code } = await invite({ plan: 'pro' });
    expect(code).toMatch(/^[\w-]{43}$/);
    const answers = await Promise.all(times(20, () => signUpBy(code)));
    expect(tally(answers)).toEqual({ 200: 1, 400: 19 });
    const made = answers.find(({ status }) => status === 200)?.body.data as {
      readonly user_id: string;
      readonly plan: string;
    };
    expect(made.plan).toBe('pro');
    const { rows } = await app.database.query<{ details: object }>(
      "SELECT details FROM audit_events WHERE action = 'USER_CREATED' AND subject_id = $1",
      [made.user_id],
    );
    expect(rows).toEqual([{ details: { plan: 'pro', invitationId: id } }]);
    const stored = await app.database.query<{ row: string }>('SELECT invitations::text AS row FROM invitations');
    expect(stored.rows.map(({ row }) => row).join()).not.toContain(code);
  });

  it('a sign-up that fails leaves it as it was', async () => {
    const taken = newUser();
    await admin.rest('POST', '/users', taken);
    const { code } = await invite();
    expect((await signUpBy(code, { email: taken.email })).body.message).toBe('User already exists');
    expect((await signUpBy(code, { password: 'short' })).status).toBe(422);
    expect((await signUpBy(code)).status).toBe(200);
  });

  it('one for an address is mailed to it, and good for it alone', async () => {
    const { email } = newUser();
    const { id, code } = await invite({ email });
    const { message } = await mailServer.mailTo(email);
    expect(message.text).toContain(code);
    expect(message.subject).not.toContain(code);
    expect(await signUpBy(code)).toMatchObject(INVALID);
    expect((await signUpBy(code, { email: email.toUpperCase() })).status).toBe(200);
    const jobs = await app.database.query<{ data: unknown }>(
      "SELECT data FROM jobs.job WHERE name = 'invitation-mails' AND data->>'invitationId' = $1",
      [id],
    );
    expect(JSON.stringify(jobs.rows)).not.toContain(code);
  });

  it('one may be for several, expires, and can be revoked, over both doors', async () => {
    const answer = await admin.rest('POST', '/admin/invitations', { uses: 2 });
    const { code, invitation_id: id } = answer.body.data as { readonly code: string; readonly invitation_id: string };
    expect(tally(await Promise.all(times(5, () => signUpBy(code))))).toEqual({ 200: 2, 400: 3 });

    const revoked = await invite();
    const path = `/admin/invitations/${revoked.id}`;
    for (let time = 0; time < 2; time += 1) expect((await admin.rest('DELETE', path)).status).toBe(200);
    expect(await signUpBy(revoked.code)).toMatchObject(INVALID);
    const old = await invite();
    await app.database.query("UPDATE invitations SET expires_at = now() - interval '1 s' WHERE id = $1", [old.id]);
    expect(await signUpBy(old.code)).toMatchObject(INVALID);

    const list = await admin.rest('GET', '/admin/invitations?limit=100');
    expect(list.body.data).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ invitation_id: id, uses: 2, max_uses: 2, code: null, revoked_at: null }),
        expect.objectContaining({ invitation_id: revoked.id, uses: 0, revoked_at: expect.any(String) }),
      ]),
    );
    expect(JSON.stringify(list.body)).not.toContain(code);
    const { rows } = await app.database.query<{ action: string }>(
      "SELECT action::text FROM audit_events WHERE details->>'invitationId' = $1 ORDER BY id",
      [revoked.id],
    );
    expect(rows.map(({ action }) => action)).toEqual(['INVITATION_CREATED', 'INVITATION_REVOKED']);
  });

  it.each([
    [{ plan: 'gold' }, 'input.plan'],
    [{ uses: 0 }, 'input.uses'],
    [{ uses: 2, email: 'two@example.com' }, 'input.uses'],
    [{ email: 'none' }, 'input.email'],
    // The kelvin sign, in an address that no account may be given.
    [{ email: '\u212Aelvin@example.com' }, 'input.email'],
    [{ expiresAt: '2020-01-01T00:00:00Z' }, 'input.expiresAt'],
    [{ expiresAt: '2999-01-01T00:00:00Z' }, 'input.expiresAt'],
  ])('%j makes none', async (input, field) => {
    const { errors = [] } = await admin.graphql(CREATE_INVITATION, { input });
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', errors: [{ field }] } }]);
  });

  it('a login by a provider makes an account only for a verified address that was invited, once', async () => {
    const { email } = newUser();
    expect(await logInAt(email)).toMatchObject(NEEDED);
    await invite({ email, plan: 'pro' });
    expect(await logInAt(email, false)).toMatchObject(NEEDED);
    const answer = await logInAt(email);
    expect(answer).toMatchObject({ status: 200 });
    const another = newUser().email.replace('example.com', 'bücher.example');
    await invite({ email: another.replace('bücher', 'xn--bcher-kva') });
    expect(await logInAt(another)).toMatchObject({ status: 200 });
    const user = new Actor(app.url);
    user.token = (answer.body.data as { readonly access_token: string }).access_token;
    expect(await user.ask('{ me { email isVerified plan { id } } }')).toEqual({
      me: { email, isVerified: true, plan: { id: 'pro' } },
    });
  });
});

describe('with SIGN_UP=off', () => {
  it('admins alone make accounts, and an invitation helps nobody', async () => {
    const settings = { ADMIN_EMAIL: 'admin@example.com', ADMIN_PASSWORD: PASSWORD, SIGN_UP: 'off' };
    const app = await startTestApp({ settings });
    const admin = new Actor(app.url, { email: 'admin@example.com', password: PASSWORD });
    await admin.login();
    const { createInvitation } = await admin.ask<{ createInvitation: { code: string } }>(CREATE_INVITATION, {
      input: {},
    });
    for (const given of [{}, { invitation: createInvitation.code }]) {
      const { status, body } = await new Actor(app.url).rest('POST', '/users', newUser(given));
      expect({ status, body }).toEqual({ status: 403, body: { code: 403, message: 'Sign-up is closed', data: null } });
    }
    expect((await admin.rest('POST', '/users', newUser())).status).toBe(200);
    await app.close();
  });
});
