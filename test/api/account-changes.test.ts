import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor, signUp, type RestAnswer } from '../support/actor.js';
import { startTestAppWithMail, type TestAppWithMail } from '../support/app-with-mail.js';
import type { TestApp } from '../support/app.js';
import { forgetUsedStep, protect } from '../support/authenticator.js';
import { eventually } from '../support/eventually.js';
import { codeIn, undoTokenIn, type MailServer, type ReceivedMail } from '../support/mail-server.js';
import { registerPasskey } from '../support/passkeys.js';
import { stores } from '../support/servers.js';
import { SoftwareAuthenticator } from '../support/software-authenticator.js';

const THIEFS = 'a password of the thief';
const NEW_PASSWORD = 'a battery of horses';
const UNDO = 'mutation ($token: String!) { undoAccountChange(token: $token) }';
const UPDATE_ME = 'mutation ($input: UpdateUserInput!) { updateMe(input: $input) { id } }';
const UPDATE_USER = 'mutation ($id: ID!, $input: UpdateUserInput!) { updateUser(id: $id, input: $input) { id } }';
const CHANGE_PASSWORD =
  'mutation ($current: String, $new: String!, $code: String) { changePassword(current: $current, new: $new, code: $code) }';
const CHANGE_EMAIL =
  'mutation ($password: String, $email: String!, $code: String) { changeEmail(password: $password, email: $email, code: $code) }';
const CONFIRM_EMAIL = 'mutation ($code: String!) { confirmEmailChange(code: $code) { email isVerified verifiedAt } }';

type Person = Actor & { readonly userId: string };

const refusal = (status: number, message: string) => ({ status, body: { code: status, message } });
const missing = (field: string, message: string) => ({
  status: 422,
  body: { message: 'Validation error', data: { errors: [{ field, message }] } },
});
const success = (detail: string) => ({ status: 200, body: { code: 200, message: 'Success', data: { detail } } });
const newAddress = () => `${crypto.randomUUID()}@example.com`;

describe.each(stores)('changes of an account on %s', (on) => {
  let started: TestAppWithMail;
  let mailServer: MailServer;
  let app: TestApp;
  let client: Actor;

  beforeAll(async () => {
    started = await startTestAppWithMail(on);
    ({ app, mailServer } = started);
    client = new Actor(app.url);
  });
  afterAll(() => started.close());

  const mailsTo = (email: string) => mailServer.received.filter(({ recipients }) => recipients.includes(email));
  const mailTo = (email: string, subject: RegExp): Promise<ReceivedMail> =>
    eventually(
      () => Promise.resolve(mailsTo(email).find(({ message }) => subject.test(message.subject ?? ''))),
      (mail) => mail !== undefined,
    ) as Promise<ReceivedMail>;
  const undoTokenTo = async (email: string, subject = /changed$/) =>
    undoTokenIn((await mailTo(email, subject)).message);
  const resetCodeTo = async (email: string) => codeIn((await mailTo(email, /new Flynkle password/)).message);
  const undo = (token: string): Promise<RestAnswer> => client.rest('POST', '/auth/undo-change', { token });
  const verified = async () => {
    const person = await signUp(app);
    await app.database.query(
      'UPDATE users SET is_verified = true, verified_at = now(), mailbox_proven_at = now() WHERE id = $1',
      [person.userId],
    );
    return person;
  };
  /** Somebody else with the person's access token. */
  const thiefOf = (person: Actor): Actor => {
    const thief = new Actor(app.url);
    thief.token = person.token;
    return thief;
  };
  const logsIn = (email: string, password: string): Promise<boolean> =>
    client.rest('POST', '/auth/login', { email, password }).then(({ status }) => status === 200);
  const emailOf = async (userId: string) => {
    const { rows } = await app.database.query<{ email: string }>('SELECT email FROM users WHERE id = $1', [userId]);
    return rows[0]?.email;
  };
  const actionsOn = async (userId: string) => {
    const { rows } = await app.database.query<{ action: string }>(
      'SELECT action FROM audit_events WHERE subject_id = $1 ORDER BY id',
      [userId],
    );
    return rows.map(({ action }) => action);
  };

  const ways: [string, (thief: Actor, id: string, input: object) => Promise<unknown>][] = [
    ['PATCH /users/me', (thief, _id, input) => thief.rest('PATCH', '/users/me', input)],
    ['updateMe', (thief, _id, input) => thief.ask(UPDATE_ME, { input })],
    ['PATCH /users/{id}', (thief, id, input) => thief.rest('PATCH', `/users/${id}`, input)],
    ['PUT /users/{id}', (thief, id, input) => thief.rest('PUT', `/users/${id}`, input)],
    ['updateUser', (thief, id, input) => thief.ask(UPDATE_USER, { id, input })],
  ];

  it.each(ways)('by %s are mailed to the old address, with a link that undoes them', async (_way, change) => {
    const owner = await signUp(app);
    const { email } = owner.credentials;
    await change(owner, owner.userId, { email: newAddress() });
    expect(await undo(await undoTokenTo(email))).toMatchObject(success('change undone'));
    expect(await emailOf(owner.userId)).toBe(email);
  });

  it.each(ways.slice(0, 2))('by a thief who takes an account by %s lose it to the owner', async (way, change) => {
    const owner = await verified();
    const { email: old } = owner.credentials;
    const [ownPasskey, thiefsPasskey] = [new SoftwareAuthenticator(), new SoftwareAuthenticator()];
    await registerPasskey(owner, ownPasskey);
    // As if the owner had had it for long.
    await app.database.query(`UPDATE passkeys SET created_at = now() - interval '1 day' WHERE user_id = $1`, [
      owner.userId,
    ]);
    const taken = newAddress();
    const thief = new Actor(app.url, { email: taken, password: THIEFS });
    thief.token = owner.token;
    await change(thief, owner.userId, { email: taken, password: THIEFS });
    await registerPasskey(thief, thiefsPasskey);
    await protect(thief);
    const token = await undoTokenTo(old);
    expect(await logsIn(old, owner.credentials.password)).toBe(false);

    const answer = way.startsWith('update') ? await client.graphql(UNDO, { token }) : await undo(token);
    if (way.startsWith('update')) expect(answer).toMatchObject({ data: { undoAccountChange: true } });
    else expect(answer).toMatchObject(success('change undone'));
    expect(await emailOf(owner.userId)).toBe(old);
    expect(await thief.rest('GET', '/users/me')).toMatchObject(refusal(401, 'Invalid token'));
    expect(await logsIn(taken, THIEFS)).toBe(false);
    expect(await logsIn(old, THIEFS)).toBe(false);
    expect(await logsIn(old, owner.credentials.password)).toBe(false);
    const reset = { email: old, otp: await resetCodeTo(old), new_password: NEW_PASSWORD };
    expect(await client.rest('POST', '/auth/reset-password', reset)).toMatchObject(success('password updated'));
    const back = new Actor(app.url, { email: old, password: NEW_PASSWORD });
    await back.login();
    const { body } = await back.rest('GET', '/auth/passkeys');
    expect(body.data).toHaveLength(1);
    expect((await back.rest('GET', '/auth/second-factor')).body.data).toMatchObject({ is_enabled: false });
    expect((await back.rest('GET', '/users/me')).body.data).toMatchObject({ user_id: owner.userId, is_verified: true });
    expect((await mailTo(taken, /no longer the address/)).message.text).not.toContain('token=');
    expect(await actionsOn(owner.userId)).toEqual(
      expect.arrayContaining(['PASSWORD_CHANGED', 'USER_UPDATED', 'ACCOUNT_CHANGE_UNDONE', 'PASSKEY_REMOVED']),
    );
  });

  it('that make a chain are all undone by the first link, and by no later one after it', async () => {
    const owner = await signUp(app);
    const { email: first } = owner.credentials;
    const [second, third] = [newAddress(), newAddress()];
    await owner.rest('PATCH', '/users/me', { email: second });
    await owner.rest('PATCH', '/users/me', { email: third });
    await owner.rest('PATCH', '/users/me', { password: THIEFS });
    const links = [await undoTokenTo(first), await undoTokenTo(second), await undoTokenTo(third)];
    // A link of the middle takes back what came after it, and leaves the first one good.
    expect(await undo(links[1] ?? '')).toMatchObject(success('change undone'));
    expect(await emailOf(owner.userId)).toBe(second);
    expect(await undo(links[2] ?? '')).toMatchObject(refusal(400, 'Invalid link'));
    expect(await undo(links[0] ?? '')).toMatchObject(success('change undone'));
    for (const link of links) expect(await undo(link)).toMatchObject(refusal(400, 'Invalid link'));
    expect(await emailOf(owner.userId)).toBe(first);
  });

  it('are undone once, of twenty at once, and not after seven days', async () => {
    const [owner, late] = [await signUp(app), await signUp(app)];
    await owner.rest('PATCH', '/users/me', { password: THIEFS });
    const token = await undoTokenTo(owner.credentials.email);
    const answers = await Promise.all(Array.from({ length: 20 }, () => undo(token)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 400)).toHaveLength(19);
    expect((await actionsOn(owner.userId)).filter((action) => action === 'ACCOUNT_CHANGE_UNDONE')).toHaveLength(1);
    await late.rest('PATCH', '/users/me', { password: THIEFS });
    const old = await undoTokenTo(late.credentials.email);
    await app.database.query(`UPDATE account_changes SET expires_at = now() - interval '1 second' WHERE user_id = $1`, [
      late.userId,
    ]);
    expect(await undo(old)).toMatchObject(refusal(400, 'Invalid link'));
    for (const none of ['', 'none', 'a'.repeat(43), 'x'.repeat(300)]) {
      expect([400, 422]).toContain((await undo(none)).status);
    }
    expect(await logsIn(late.credentials.email, THIEFS)).toBe(true);
  });

  it('that a thief sends over and over do not come after the undoing', async () => {
    const owner = await signUp(app);
    const { email } = owner.credentials;
    await owner.rest('PATCH', '/users/me', { password: THIEFS });
    const token = await undoTokenTo(email);
    const thief = thiefOf(owner);
    const [undone] = await Promise.all([
      undo(token),
      ...Array.from({ length: 12 }, (_, at) =>
        thief.rest('PATCH', '/users/me', at % 2 === 0 ? { password: THIEFS } : { email: newAddress() }),
      ),
    ]);
    expect(undone).toMatchObject(success('change undone'));
    expect(await emailOf(owner.userId)).toBe(email);
    const { rows } = await app.database.query('SELECT password_hash AS hash FROM users WHERE id = $1', [owner.userId]);
    expect(rows).toEqual([{ hash: null }]);
    expect((await thief.rest('PATCH', '/users/me', { password: THIEFS })).status).toBe(401);
  });

  it('can be looked at by a scanner of mail: the page undoes nothing until its button is pressed', async () => {
    const owner = await signUp(app);
    await owner.rest('PATCH', '/users/me', { password: THIEFS });
    const { message } = await mailTo(owner.credentials.email, /changed$/);
    const link = /http\S+\/account\/undo\?token=\S+/.exec(message.text ?? '')?.[0] ?? '';
    expect(message.html).toContain(`href="${link}"`);
    expect(link.startsWith(app.url)).toBe(true);
    for (const method of ['GET', 'HEAD', 'GET']) {
      const response = await fetch(link, { method, headers: { origin: 'https://scanner.example.com' } });
      expect(response.status).toBe(200);
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
      expect(response.headers.get('cache-control')).toBe('no-store');
      expect(response.headers.get('referrer-policy')).toBe('no-referrer');
      expect(response.headers.get('content-security-policy')).toMatch(
        /^default-src 'none'; style-src 'sha256-[^']+'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'$/,
      );
      const page = await response.text();
      expect(page.includes('<form method="post" action="/account/undo">')).toBe(method === 'GET');
      expect(page).not.toContain('<script');
    }
    expect((await fetch(link, { method: 'PUT' })).status).toBe(405);
    expect(await logsIn(owner.credentials.email, THIEFS)).toBe(true);
    const press = () =>
      fetch(`${app.url}/account/undo`, { method: 'POST', body: new URL(link).searchParams, redirect: 'manual' });
    const pressed = await press();
    expect(pressed.status).toBe(200);
    expect(await pressed.text()).toContain('The change is undone');
    const again = await press();
    expect(again.status).toBe(400);
    expect(await again.text()).toContain('This link does not work');
    expect(await logsIn(owner.credentials.email, THIEFS)).toBe(false);
    expect(JSON.stringify(app.logged)).not.toContain(new URL(link).searchParams.get('token'));
  });

  it.each(['', '?token=none', '?token=%22%3E%3Cscript%3E', '?token=' + 'a'.repeat(44)])(
    'have no page for %j',
    async (query) => {
      const response = await fetch(`${app.url}/account/undo${query}`);
      expect(response.status).toBe(400);
      expect(await response.text()).not.toContain('<script');
    },
  );

  it('leave no token in the tables: neither in jobs nor in changes', async () => {
    const owner = await signUp(app);
    await owner.rest('PATCH', '/users/me', { password: THIEFS });
    const token = await undoTokenTo(owner.credentials.email);
    const { rows: jobs } = await app.database.query<{ data: unknown }>('SELECT data FROM jobs.job');
    const { rows: changes } = await app.database.query('SELECT * FROM account_changes WHERE user_id = $1', [
      owner.userId,
    ]);
    expect(changes).toHaveLength(1);
    expect(JSON.stringify([jobs, changes])).not.toContain(token);
  });

  it('that change nothing are no changes: whole objects sent back, and another spelling', async () => {
    const owner = await signUp(app);
    const { email } = owner.credentials;
    const { body } = await owner.rest('GET', '/users/me');
    await owner.rest('PUT', `/users/${owner.userId}`, body.data);
    await owner.rest('PATCH', '/users/me', { email: email.toUpperCase(), profile: { a: 1 } });
    const { rows } = await app.database.query('SELECT id FROM account_changes WHERE user_id = $1', [owner.userId]);
    expect(rows).toEqual([]);
  });

  it('keep the address for its user for as long as they can be undone', async () => {
    const [owner, other] = [await signUp(app), await signUp(app)];
    const { email } = owner.credentials;
    await owner.rest('PATCH', '/users/me', { email: newAddress() });
    const token = await undoTokenTo(email);
    const taken = refusal(400, 'User already exists');
    const input = { provider: 'local', email: email.toUpperCase(), password: THIEFS };
    expect(await client.rest('POST', '/users', input)).toMatchObject(taken);
    expect(await other.rest('PATCH', '/users/me', { email })).toMatchObject(taken);
    const { password } = other.credentials;
    expect(await other.rest('POST', '/auth/change-email', { password, email })).toMatchObject(taken);
    expect(await undo(token)).toMatchObject(success('change undone'));
    expect(await emailOf(owner.userId)).toBe(email);
  });

  it('to an address that nobody is known to read do not keep it, nor take it from who has it since', async () => {
    const [owner, other] = [await signUp(app), await signUp(app)];
    const passed = newAddress();
    await owner.rest('PATCH', '/users/me', { email: passed });
    await owner.rest('PATCH', '/users/me', { email: newAddress() });
    const token = await undoTokenTo(passed);
    expect((await other.rest('PATCH', '/users/me', { email: passed })).status).toBe(200);
    expect(await undo(token)).toMatchObject(refusal(400, 'User already exists'));
    const page = await fetch(`${app.url}/account/undo`, { method: 'POST', body: new URLSearchParams({ token }) });
    expect(page.status).toBe(409);
    // It is no less good when the address is free again.
    await other.rest('DELETE', '/users/me');
    expect(await undo(token)).toMatchObject(success('change undone'));
  });

  it('undone at an address whose mailbox was never proven clear the account of everything', async () => {
    const maker = await signUp(app);
    await registerPasskey(maker, new SoftwareAuthenticator());
    await app.database.query(`UPDATE passkeys SET created_at = now() - interval '1 day' WHERE user_id = $1`, [
      maker.userId,
    ]);
    await maker.rest('PATCH', '/users/me', { email: newAddress() });
    await undo(await undoTokenTo(maker.credentials.email));
    const { rows } = await app.database.query('SELECT id FROM passkeys WHERE user_id = $1', [maker.userId]);
    expect(rows).toEqual([]);
  });

  it('can be undone on a suspended account, which stays suspended', async () => {
    const owner = await signUp(app);
    const { email } = owner.credentials;
    await owner.rest('PATCH', '/users/me', { email: newAddress(), password: THIEFS });
    const token = await undoTokenTo(email);
    await app.database.query('UPDATE users SET is_suspended = true WHERE id = $1', [owner.userId]);
    expect(await undo(token)).toMatchObject(success('change undone'));
    const { rows } = await app.database.query('SELECT email, is_suspended FROM users WHERE id = $1', [owner.userId]);
    expect(rows).toEqual([{ email, is_suspended: true }]);
  });

  it('are mailed ten times a day to a user who has a link that undoes them all', async () => {
    const owner = await signUp(app);
    const { email } = owner.credentials;
    for (let count = 0; count < 12; count++) await owner.rest('PATCH', '/users/me', { password: `${THIEFS} ${count}` });
    await mailServer.mailTo(email, 10);
    await client.rest('POST', '/auth/request-reset', { email });
    await mailTo(email, /new Flynkle password/);
    const { rows } = await app.database.query(`SELECT id FROM account_changes WHERE user_id = $1`, [owner.userId]);
    expect(rows).toHaveLength(10);
    await undo(undoTokenIn((await mailServer.mailTo(email, 1)).message));
    expect(await logsIn(email, `${THIEFS} 11`)).toBe(false);
  });

  it('need a code of the second factor, for either field, over both doors', async () => {
    const owner = await verified();
    const { email } = owner.credentials;
    const { app: authenticator, recoveryCodes } = await protect(owner);
    const field = 'is required while the second factor is on';
    expect(await owner.rest('PATCH', '/users/me', { password: THIEFS })).toMatchObject(missing('code', field));
    expect(await owner.rest('PUT', `/users/${owner.userId}`, { email: newAddress() })).toMatchObject(
      missing('code', field),
    );
    const input = { password: THIEFS };
    const { errors } = await owner.graphql(UPDATE_ME, { input });
    expect(errors).toMatchObject([{ extensions: { errors: [{ field: 'input.code', message: field }] } }]);
    const wrong = { password: THIEFS, code: authenticator.wrongCode() };
    expect(await owner.rest('PATCH', '/users/me', wrong)).toMatchObject(refusal(400, 'Invalid code'));
    expect((await owner.rest('PATCH', '/users/me', { profile: { a: 1 }, email })).status).toBe(200);
    expect(mailsTo(email).filter(({ message }) => message.subject?.endsWith('changed'))).toEqual([]);

    await forgetUsedStep(app, owner.userId);
    const right = { password: NEW_PASSWORD, code: authenticator.code() };
    expect((await owner.rest('PATCH', '/users/me', right)).status).toBe(200);
    expect((await owner.rest('PATCH', '/users/me', { ...right, password: THIEFS })).status).toBe(400);
    const byRecovery = { input: { email: newAddress(), code: recoveryCodes[0] } };
    await owner.ask(UPDATE_ME, byRecovery);
    await undoTokenTo(email, /address of your/);
  });

  it('by an admin are told without a link, and without where the admin is', async () => {
    const [user, admin] = [await signUp(app), await signUp(app)];
    await app.database.query('UPDATE users SET is_admin = true WHERE id = $1', [admin.userId]);
    const { email } = user.credentials;
    const next = newAddress();
    expect((await admin.rest('PATCH', `/admin/users/${user.userId}`, { email: next })).status).toBe(200);
    const { message } = await mailTo(email, /address of your Flynkle account was changed/);
    expect(message.text).toContain('By: an administrator');
    expect(message.text).not.toMatch(/http|127\.0\.0\.1/);
    expect(message.text).not.toContain(next);
    // An admin's own account is like any other.
    await admin.rest('PATCH', `/admin/users/${admin.userId}`, { password: THIEFS });
    await undoTokenTo(admin.credentials.email);
  });

  it('lose their links when an admin gives the account another address, not when an admin sets a password', async () => {
    const [user, admin] = [await verified(), await signUp(app)];
    await app.database.query('UPDATE users SET is_admin = true WHERE id = $1', [admin.userId]);
    const { email } = user.credentials;
    const [second, given] = [newAddress(), newAddress()];
    await user.rest('PATCH', '/users/me', { password: THIEFS });
    const first = await undoTokenTo(email, /password of your/);
    await admin.rest('PATCH', `/admin/users/${user.userId}`, { password: NEW_PASSWORD });
    const owner = new Actor(app.url, { email, password: NEW_PASSWORD });
    await owner.login();
    await owner.rest('PATCH', '/users/me', { email: second });
    const later = await undoTokenTo(email, /address of your/);
    await admin.rest('PATCH', `/admin/users/${user.userId}`, { password: THIEFS });

    await admin.rest('PATCH', `/admin/users/${user.userId}`, { email: given });
    for (const token of [first, later]) expect(await undo(token)).toMatchObject(refusal(400, 'Invalid link'));
    expect(await emailOf(user.userId)).toBe(given);
    expect(await logsIn(given, THIEFS)).toBe(true);

    const other = await signUp(app);
    const { email: others } = other.credentials;
    await other.rest('PATCH', '/users/me', { email: newAddress() });
    await admin.rest('PATCH', `/admin/users/${other.userId}`, { password: NEW_PASSWORD });
    expect(await undo(await undoTokenTo(others))).toMatchObject(success('change undone'));
  });

  describe('changePassword', () => {
    const over = {
      REST: (person: Actor, input: object) => person.rest('POST', '/auth/change-password', input),
      GraphQL: async (person: Actor, input: Readonly<Record<string, unknown>>) =>
        person.graphql(CHANGE_PASSWORD, input),
    };

    it('ends the other sessions, keeps this one, and is told with a link', async () => {
      const owner = await signUp(app);
      const { email, password } = owner.credentials;
      const elsewhere = new Actor(app.url, owner.credentials);
      await elsewhere.login();
      const answer = await over.REST(owner, { current: password, new: NEW_PASSWORD });
      expect(answer).toMatchObject(success('password changed'));
      expect((await owner.rest('GET', '/users/me')).status).toBe(200);
      expect((await elsewhere.rest('GET', '/users/me')).status).toBe(401);
      expect(await logsIn(email, NEW_PASSWORD)).toBe(true);
      expect(await undo(await undoTokenTo(email))).toMatchObject(success('change undone'));
      expect(await logsIn(email, NEW_PASSWORD)).toBe(false);
    });

    it('succeeds once, of any number at once: the others no longer know the password', async () => {
      const owner = await signUp(app);
      const { email, password } = owner.credentials;
      const wanted = [1, 2, 3, 4].map((number) => `${NEW_PASSWORD} ${number}`);
      const answers = await Promise.all(wanted.map((next) => over.REST(owner, { current: password, new: next })));
      const done = wanted.filter((_, index) => answers[index]?.status === 200);
      expect(done).toHaveLength(1);
      for (const { status } of answers) expect([200, 409, 422]).toContain(status);
      expect(await logsIn(email, done[0] ?? '')).toBe(true);
    });

    it('over GraphQL wants the right password, and a code where the second factor is on', async () => {
      const owner = await signUp(app);
      const { password: current } = owner.credentials;
      const { app: authenticator } = await protect(owner);
      await forgetUsedStep(app, owner.userId);
      const refused = async (input: Readonly<Record<string, unknown>>, field: string) => {
        const { errors } = await over.GraphQL(owner, { new: NEW_PASSWORD, ...input });
        expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT', errors: [{ field }] } }]);
      };
      await refused({}, 'current');
      await refused({ current: 'not the password' }, 'current');
      await refused({ current }, 'code');
      await refused({ current, code: authenticator.wrongCode() }, 'code');
      await refused({ current, new: 'short' }, 'new');
      const { data } = await over.GraphQL(owner, { current, new: NEW_PASSWORD, code: authenticator.code() });
      expect(data).toEqual({ changePassword: true });
    });

    it('of a user without a password asks for a recent login', async () => {
      const owner = await signUp(app);
      await app.database.query('UPDATE users SET password_hash = NULL WHERE id = $1', [owner.userId]);
      await app.database.query(`UPDATE sessions SET created_at = now() - interval '1 hour' WHERE user_id = $1`, [
        owner.userId,
      ]);
      expect(await over.REST(owner, { new: NEW_PASSWORD })).toMatchObject(refusal(403, 'Recent login required'));
      await app.database.query('UPDATE sessions SET created_at = now() WHERE user_id = $1', [owner.userId]);
      expect(await over.REST(owner, { new: NEW_PASSWORD })).toMatchObject(success('password changed'));
      expect(await logsIn(owner.credentials.email, NEW_PASSWORD)).toBe(true);
    });
  });

  describe('changeEmail', () => {
    const codeTo = async (email: string) => codeIn((await mailTo(email, /confirm your new e-mail address/)).message);

    it('takes the new address with the code that is mailed there, verified, and tells the old one', async () => {
      const owner = await signUp(app);
      const { email: old, password } = owner.credentials;
      const email = newAddress();
      expect(await owner.ask(CHANGE_EMAIL, { password, email })).toEqual({ changeEmail: true });
      expect(await emailOf(owner.userId)).toBe(old);
      const code = await codeTo(email);
      const other = await signUp(app);
      expect(await other.rest('POST', '/auth/confirm-email-change', { code })).toMatchObject(
        refusal(400, 'Invalid code'),
      );
      const { confirmEmailChange } = await owner.ask<{ confirmEmailChange: object }>(CONFIRM_EMAIL, { code });
      const { rows } = await app.database.query<{ proven: boolean }>(
        'SELECT mailbox_proven_at IS NOT NULL AS proven FROM users WHERE id = $1',
        [owner.userId],
      );
      expect(rows).toEqual([{ proven: true }]);
      expect(confirmEmailChange).toEqual({ email, isVerified: true, verifiedAt: expect.stringMatching(/Z$/) });
      expect(await owner.rest('POST', '/auth/confirm-email-change', { code })).toMatchObject(
        refusal(400, 'Invalid code'),
      );
      expect((await owner.rest('GET', '/users/me')).status).toBe(200);
      expect(await actionsOn(owner.userId)).toEqual(expect.arrayContaining(['EMAIL_VERIFIED', 'USER_UPDATED']));
      expect(await undo(await undoTokenTo(old))).toMatchObject(success('change undone'));
      expect(await emailOf(owner.userId)).toBe(old);
    });

    it('over REST wants the right password and a free address', async () => {
      const [owner, other] = [await signUp(app), await signUp(app)];
      const { password } = owner.credentials;
      const change = (input: object) => owner.rest('POST', '/auth/change-email', { email: newAddress(), ...input });
      expect(await change({})).toMatchObject(missing('password', 'is required'));
      expect(await change({ password: THIEFS })).toMatchObject(missing('password', 'is not your password'));
      // The kelvin sign, in an address that no account may be given.
      for (const email of ['nobody', '\u212Aelvin@example.com']) {
        expect(await change({ password, email })).toMatchObject(missing('email', 'must be an e-mail address'));
      }
      expect(await change({ password, email: other.credentials.email })).toMatchObject(
        refusal(400, 'User already exists'),
      );
      expect(await change({ password })).toMatchObject(success('confirmation requested'));
    });

    it('takes an address in any spelling, and gives it the one that accounts have', async () => {
      const owner = await signUp(app);
      const { password } = owner.credentials;
      const name = crypto.randomUUID();
      await owner.rest('POST', '/auth/change-email', { password, email: ` Ö${name}@XN--bcher-kva.example ` });
      const { rows } = await app.database.query('SELECT email FROM email_changes WHERE user_id = $1', [owner.userId]);
      expect(rows).toEqual([{ email: `ö${name}@bücher.example` }]);
    });

    it('is refused when the address was taken meanwhile, and forgotten when a later one is asked for', async () => {
      const owner = await signUp(app);
      const { email: old, password } = owner.credentials;
      const [first, second] = [newAddress(), newAddress()];
      await owner.rest('POST', '/auth/change-email', { password, email: first });
      const stale = await codeTo(first);
      await owner.rest('POST', '/auth/change-email', { password, email: second });
      const code = await codeTo(second);
      if (stale !== code) {
        expect((await owner.rest('POST', '/auth/confirm-email-change', { code: stale })).status).toBe(400);
      }
      await new Actor(app.url, { email: second, password }).createUser();
      expect(await owner.rest('POST', '/auth/confirm-email-change', { code })).toMatchObject(
        refusal(400, 'User already exists'),
      );
      expect(await emailOf(owner.userId)).toBe(old);
    });

    it('gives five tries, over any number of codes', async () => {
      const owner = await signUp(app);
      const { password } = owner.credentials;
      const email = newAddress();
      const ask = () => owner.rest('POST', '/auth/change-email', { password, email });
      await ask();
      const code = await codeTo(email);
      const wrong = code === '111111' ? '222222' : '111111';
      for (let count = 0; count < 5; count++) await owner.rest('POST', '/auth/confirm-email-change', { code: wrong });
      expect((await owner.rest('POST', '/auth/confirm-email-change', { code })).status).toBe(400);
      await ask();
      expect((await owner.rest('POST', '/auth/confirm-email-change', { code })).status).toBe(400);
    });

    it('that waits ends when a change is undone', async () => {
      const owner = await signUp(app);
      const { email: old } = owner.credentials;
      await owner.rest('PATCH', '/users/me', { password: THIEFS });
      const email = newAddress();
      await owner.rest('POST', '/auth/change-email', { password: THIEFS, email });
      await codeTo(email);
      await undo(await undoTokenTo(old));
      const { rows } = await app.database.query('SELECT email FROM email_changes WHERE user_id = $1', [owner.userId]);
      expect(rows).toEqual([]);
    });
  });

  describe('acts that open an account are told by mail:', () => {
    const factsOf = ({ message }: ReceivedMail) => message.text ?? '';
    const logIn = (person: Person, userAgent: string) =>
      client.rest('POST', '/auth/login', person.credentials, { 'user-agent': userAgent });

    it('a passkey, the second factor on and off, new recovery codes', async () => {
      const owner = await signUp(app);
      const { email } = owner.credentials;
      await registerPasskey(owner, new SoftwareAuthenticator());
      const { recoveryCodes } = await protect(owner);
      await owner.rest('POST', '/auth/second-factor/recovery-codes', { code: recoveryCodes[0] });
      const { body } = await owner.rest('POST', '/auth/second-factor/recovery-codes', { code: recoveryCodes[1] });
      expect(body.code).toBe(400);
      const { errors } = await owner.graphql('{ me { id } }');
      expect(errors).toBeUndefined();
      for (const subject of [/passkey was added/, /second factor .* is on/, /new recovery codes/]) {
        expect(factsOf(await mailTo(email, subject))).toMatch(/When: \d{4}-\d\d-\d\d \d\d:\d\d UTC\n {4}From: /);
      }
      await app.database.query('UPDATE second_factors SET last_used_step = 0 WHERE user_id = $1', [owner.userId]);
      expect(await actionsOn(owner.userId)).toContain('RECOVERY_CODES_REPLACED');
    });

    it('the second factor that its user or an admin switches off', async () => {
      const [owner, admin] = [await signUp(app), await signUp(app)];
      await app.database.query('UPDATE users SET is_admin = true WHERE id = $1', [admin.userId]);
      const { recoveryCodes } = await protect(owner);
      await owner.rest('POST', '/auth/second-factor/disable', { code: recoveryCodes[0] });
      expect(factsOf(await mailTo(owner.credentials.email, /second factor .* is off/))).toContain('From: ');
      const other = await signUp(app);
      await protect(other);
      await admin.rest('DELETE', `/admin/users/${other.userId}/second-factor`);
      expect(factsOf(await mailTo(other.credentials.email, /second factor .* is off/))).toContain('administrator');
    });

    it('a login from a new device, but not the first one, nor an update of a known program', async () => {
      const person = await signUp(app);
      const { email } = person.credentials;
      await app.database.query('DELETE FROM sessions WHERE user_id = $1', [person.userId]);
      const firefox = (version: string) =>
        `Mozilla/5.0 (X11; Linux x86_64; rv:${version}) Gecko/20100101 Firefox/${version}`;
      await logIn(person, firefox('128.0'));
      await logIn(person, firefox('129.0.1'));
      expect((await logIn(person, 'curl/8.5.0')).status).toBe(200);
      expect((await logIn(person, 'curl/8.6.0')).status).toBe(200);
      const mail = await mailTo(email, /new device/);
      expect(factsOf(mail)).toMatch(/From: curl\/8\.5\.0 at 127\.0\.0\.1/);
      await client.rest('POST', '/auth/request-reset', { email });
      await mailTo(email, /new Flynkle password/);
      expect(mailsTo(email).filter(({ message }) => message.subject?.includes('new device'))).toHaveLength(1);
    });

    it('with nothing of a hostile client in it', async () => {
      const person = await signUp(app);
      await logIn(person, 'Your account is locked: visit http://evil.example.com <b>now</b> \u00a0');
      const { message } = await mailTo(person.credentials.email, /new device/);
      expect(`${message.text ?? ''}${String(message.html)}`).not.toMatch(/evil|locked|<b>/);
      expect(message.text).toContain('From: Your at 127.0.0.1');
    });

    it('to the address of the moment, which a thief who changes it right afterwards does not have', async () => {
      const owner = await signUp(app);
      const { email, password } = owner.credentials;
      const thief = new Actor(app.url, { email: newAddress(), password });
      thief.token = owner.token;
      await registerPasskey(thief, new SoftwareAuthenticator());
      await thief.rest('PATCH', '/users/me', { email: thief.credentials.email });
      await mailTo(email, /passkey was added/);
      await undoTokenTo(email);
      expect(mailsTo(thief.credentials.email)).toEqual([]);
    });
  });
});
