import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { startMailServer, type MailServer } from '../support/mail-server.js';
import { stores } from '../support/servers.js';
import { startOidcProvider, type Claims, type TestProvider } from '../support/oidc-provider.js';
import { BrowserLike, FRONT_END, parametersOf, providerSettings } from '../support/provider-login.js';

const START =
  'mutation ($input: StartIdentityLinkInput!) { startIdentityLink(input: $input) { authorizationUrl state secret } }';
const FINISH =
  'mutation ($input: FinishProviderLoginInput!) { finishIdentityLink(input: $input) { id provider email } }';
const UNLINK = 'mutation ($id: ID!) { unlinkIdentity(id: $id) }';
const LIST = '{ identities { id provider email createdAt lastUsedAt } }';

interface Started {
  readonly authorizationUrl: string;
  readonly state: string;
  readonly secret: string;
}

interface ListedIdentity {
  readonly id: string;
  readonly provider: string;
  readonly email: string | null;
}

const LINKED_ELSEWHERE = [{ message: 'Linked to another account', extensions: { code: 'CONFLICT' } }];
const INVALID_STATE = [{ message: 'Invalid login state', extensions: { code: 'BAD_USER_INPUT' } }];

describe.each(stores)('identities on %s', (on) => {
  let provider: TestProvider;
  let mailServer: MailServer;
  let app: TestApp;

  beforeAll(async () => {
    provider = await startOidcProvider();
    mailServer = await startMailServer();
    app = await startTestApp({ stores: on, settings: { ...providerSettings(provider), SMTP_URL: mailServer.url } });
  });
  afterAll(async () => {
    await app.close();
    await mailServer.close();
    await provider.close();
  });

  const newPerson = (claims: Claims = {}) => {
    const subject = randomBytes(8).toString('hex');
    provider.people.set(subject, claims);
    return subject;
  };
  const logIn = async (subject: string) => {
    const browser = new BrowserLike(app.url);
    return browser.get(await provider.visit(await browser.authorizationUrl('house'), subject));
  };
  const actorAfter = async (subject: string) => {
    const actor = new Actor(app.url);
    const { access_token: token } = (await logIn(subject)).body.data as { access_token: string };
    actor.token = token;
    return actor;
  };
  const inputOf = (callback: URL, secret: string) => {
    const { state, code, iss } = parametersOf(callback);
    return { provider: 'house', state, secret, code, iss };
  };
  /** Starts a link; returns the input that finishes it. */
  const begin = async (viewer: Actor, subject: string | null) => {
    const { startIdentityLink: start } = await viewer.ask<{ startIdentityLink: Started }>(START, {
      input: { provider: 'house', redirectUri: FRONT_END, password: viewer.credentials.password },
    });
    return inputOf(await provider.visit(start.authorizationUrl, subject), start.secret);
  };
  const listOf = async (actor: Actor) => (await actor.ask<{ identities: ListedIdentity[] }>(LIST)).identities;

  it('are linked, listed, used and unlinked over GraphQL', async () => {
    const user = await signUp(app);
    const subject = newPerson({ email: 'someone.else@example.org', email_verified: false });
    const { finishIdentityLink: linked } = await user.ask<{ finishIdentityLink: ListedIdentity }>(FINISH, {
      input: await begin(user, subject),
    });
    expect(linked).toMatchObject({ provider: 'house', email: 'someone.else@example.org' });
    expect(await listOf(user)).toMatchObject([linked]);
    const node = 'query ($id: ID!) { node(id: $id) { ... on Identity { provider } } }';
    expect(await user.ask(node, { id: linked.id })).toEqual({ node: { provider: 'house' } });
    expect(await (await signUp(app)).ask(node, { id: linked.id })).toEqual({ node: null });
    const byProvider = await actorAfter(subject);
    expect(await byProvider.ask('{ me { id } }')).toEqual({ me: { id: user.userId } });
    expect(await user.ask(UNLINK, { id: linked.id })).toEqual({ unlinkIdentity: true });
    expect(await listOf(user)).toEqual([]);
    const another = await actorAfter(subject);
    expect(await another.ask('{ me { id } }')).not.toEqual({ me: { id: user.userId } });
    const { rows } = await app.database.query<{ action: string }>(
      `SELECT action::text FROM audit_events WHERE subject_id = $1 AND action::text LIKE 'IDENTITY%' ORDER BY id`,
      [user.userId],
    );
    expect(rows).toEqual([{ action: 'IDENTITY_LINKED' }, { action: 'IDENTITY_UNLINKED' }]);
  });

  it('verify the address when the provider knows it to be theirs, which the audit log tells once', async () => {
    const user = await signUp(app);
    const { email } = user.credentials;
    for (let count = 0; count < 2; count++) {
      const input = await begin(user, newPerson({ email, email_verified: true }));
      await user.ask(FINISH, { input });
    }
    expect(await user.ask('{ me { isVerified } }')).toEqual({ me: { isVerified: true } });
    const { rows } = await app.database.query<{ details: object }>(
      `SELECT details FROM audit_events WHERE subject_id = $1 AND action = 'EMAIL_VERIFIED'`,
      [user.userId],
    );
    expect(rows).toEqual([{ details: { by: 'provider' } }]);
  });

  it('are linked, listed and unlinked over REST', async () => {
    const user = await signUp(app);
    const started = await user.rest('POST', '/auth/oidc/house/link', {
      redirect_uri: FRONT_END,
      password: user.credentials.password,
    });
    expect(started.status).toBe(200);
    const { authorization_url: url, secret } = started.body.data as { authorization_url: string; secret: string };
    const { provider: _inThePath, ...input } = inputOf(await provider.visit(url, newPerson()), secret);
    const linked = await user.rest('POST', '/auth/oidc/house/link/finish', input);
    expect(linked).toMatchObject({ status: 200, body: { data: { provider: 'house', email: null } } });
    const listed = await user.rest('GET', '/users/me/identities');
    expect(listed.body.data).toEqual([linked.body.data]);
    const { identity_id: id } = linked.body.data as { identity_id: string };
    const unlinked = await user.rest('DELETE', `/users/me/identities/${id}`);
    expect(unlinked).toMatchObject({ status: 200, body: { data: { detail: 'identity unlinked' } } });
    expect((await user.rest('DELETE', `/users/me/identities/${id}`)).status).toBe(404);
  });

  it('are linked to one account alone, and to that one twice without harm', async () => {
    const subject = newPerson();
    const [user, other] = [await signUp(app), await signUp(app)];
    const { finishIdentityLink: first } = await user.ask<{ finishIdentityLink: ListedIdentity }>(FINISH, {
      input: await begin(user, subject),
    });
    const again = await user.ask(FINISH, { input: await begin(user, subject) });
    expect(again).toMatchObject({ finishIdentityLink: { id: first.id } });
    const taken = await other.graphql(FINISH, { input: await begin(other, subject) });
    expect(taken.errors).toMatchObject(LINKED_ELSEWHERE);
    expect(await listOf(other)).toEqual([]);
  });

  it('are told of by mail when an account gets one more, by a link or by a login, and only then', async () => {
    const noticesTo = (address: string) =>
      mailServer.received
        .filter(({ recipients }) => recipients.includes(address))
        .filter(({ message }) => message.subject === 'A login provider was linked to your Flynkle account');
    const subject = newPerson();
    const [linking, refused, verified] = [await signUp(app), await signUp(app), await signUp(app)];
    for (const _ of [1, 2]) await linking.ask(FINISH, { input: await begin(linking, subject) });
    await refused.graphql(FINISH, { input: await begin(refused, subject) });
    await app.database.query('UPDATE users SET is_verified = true, mailbox_proven_at = now() WHERE id = $1', [
      verified.userId,
    ]);
    const { email } = verified.credentials;
    for (const _ of [1, 2]) expect((await logIn(newPerson({ email, email_verified: true }))).status).toBe(200);
    const newcomer = `${randomBytes(8).toString('hex')}@example.org`;
    expect((await logIn(newPerson({ email: newcomer, email_verified: true }))).status).toBe(200);
    await eventually(
      () => app.database.query("SELECT FROM jobs.job WHERE state IN ('created', 'retry', 'active')"),
      ({ rowCount }) => rowCount === 0,
    );
    const people = [linking.credentials.email, refused.credentials.email, email, newcomer];
    expect(people.map((address) => noticesTo(address).length)).toEqual([1, 0, 2, 0]);
    const text = noticesTo(linking.credentials.email)[0]?.message.text ?? '';
    expect(text).toContain(
      'A login provider was linked to your account. Whoever has the account there can log in here.',
    );
    expect(text).toMatch(/^ *When: \d{4}-\d\d-\d\d \d\d:\d\d UTC$/m);
    expect(text).toMatch(/^ *From: .*127\.0\.0\.1$/m);
    expect(text).not.toContain(subject);
  });

  it('go to one of two accounts that link them at once', async () => {
    const subject = newPerson();
    const users = [await signUp(app), await signUp(app)];
    const inputs = await Promise.all(users.map((user) => begin(user, subject)));
    const answers = await Promise.all(users.map((user, index) => user.graphql(FINISH, { input: inputs[index] })));
    expect(answers.filter(({ errors }) => errors === undefined)).toHaveLength(1);
    expect(answers.find(({ errors }) => errors !== undefined)?.errors).toMatchObject(LINKED_ELSEWHERE);
    const linked = await Promise.all(users.map(listOf));
    expect(linked.flat()).toHaveLength(1);
  });

  it('are linked by the session that began it alone, while it lives', async () => {
    const user = await signUp(app);
    const secondSession = new Actor(app.url, user.credentials);
    await secondSession.login();
    const other = await signUp(app);
    const input = await begin(user, newPerson());
    for (const stranger of [secondSession, other]) {
      expect((await stranger.graphql(FINISH, { input })).errors).toMatchObject(INVALID_STATE);
    }
    await user.ask('mutation { logout }');
    const late = await user.graphql(FINISH, { input });
    expect(late.errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
  });

  it('are not linked by whoever only has an access token', async () => {
    const thief = new Actor(app.url);
    const user = await signUp(app);
    thief.token = user.token;
    const input = { provider: 'house', redirectUri: FRONT_END };
    for (const [password, message] of [
      [undefined, 'is required'],
      ['a guess of mine', 'is not your password'],
    ]) {
      const { errors } = await thief.graphql(START, { input: { ...input, password } });
      expect(errors).toMatchObject([{ extensions: { errors: [{ field: 'input.password', message }] } }]);
    }
    const byProvider = await actorAfter(newPerson());
    const { me } = await byProvider.ask<{ me: { id: string } }>('{ me { id } }');
    await app.database.query(`UPDATE sessions SET created_at = now() - interval '11 minutes' WHERE user_id = $1`, [
      me.id,
    ]);
    const { errors } = await byProvider.graphql(START, { input });
    expect(errors).toMatchObject([{ message: 'Recent login required', extensions: { code: 'FORBIDDEN' } }]);
  });

  it('are not linked by a login, nor logged in by a link', async () => {
    const user = await signUp(app);
    const input = await begin(user, newPerson());
    const LOGIN =
      'mutation ($input: FinishProviderLoginInput!) { finishProviderLogin(input: $input) { tokens { accessToken } } }';
    expect((await new Actor(app.url).graphql(LOGIN, { input })).errors).toMatchObject(INVALID_STATE);
    const browser = new BrowserLike(app.url);
    const callback = await provider.visit(await browser.authorizationUrl('house'), newPerson());
    const secret = browser.cookie?.split('=')[1] ?? '';
    const crossed = await user.graphql(FINISH, { input: inputOf(callback, secret) });
    expect(crossed.errors).toMatchObject(INVALID_STATE);
    expect(await listOf(user)).toEqual([]);
  });

  it('are not linked when the user cancels at the provider', async () => {
    const user = await signUp(app);
    const { startIdentityLink: start } = await user.ask<{ startIdentityLink: Started }>(START, {
      input: { provider: 'house', redirectUri: FRONT_END, password: user.credentials.password },
    });
    const callback = await provider.visit(start.authorizationUrl, null);
    const { state, error, iss } = parametersOf(callback);
    const input = { provider: 'house', state, error, iss, secret: start.secret };
    const { errors } = await user.graphql(FINISH, { input });
    expect(errors).toMatchObject([{ message: 'Login cancelled', extensions: { code: 'UNAUTHENTICATED' } }]);
  });

  it('are not unlinked by another, nor when they are the last way in', async () => {
    const user = await actorAfter(newPerson());
    const [identity] = await listOf(user);
    const id = identity?.id ?? '';
    const other = await signUp(app);
    const refused = await other.graphql(UNLINK, { id });
    expect(refused.errors).toMatchObject([{ extensions: { code: 'NOT_FOUND' } }]);
    const last = await user.graphql(UNLINK, { id });
    expect(last.errors).toMatchObject([
      { message: 'The last way to log in: set a password first', extensions: { code: 'CONFLICT' } },
    ]);
    expect(await listOf(user)).toHaveLength(1);
    const password = 'a password of one’s own';
    await user.ask('mutation ($input: UpdateUserInput!) { updateMe(input: $input) { id } }', { input: { password } });
    expect(await user.ask(UNLINK, { id })).toEqual({ unlinkIdentity: true });
  });

  it('are not all unlinked at once by a user without a password', async () => {
    const user = await actorAfter(newPerson());
    await user.ask(FINISH, { input: await begin(user, newPerson()) });
    const ids = (await listOf(user)).map(({ id }) => id);
    expect(ids).toHaveLength(2);
    const answers = await Promise.all(ids.map((id) => user.graphql(UNLINK, { id })));
    expect(answers.filter(({ errors }) => errors === undefined)).toHaveLength(1);
    expect(await listOf(user)).toHaveLength(1);
  });
});
