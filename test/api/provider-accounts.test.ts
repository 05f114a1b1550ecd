import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor, signUp, type RestAnswer } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { completeOverRest, forgetUsedStep, protect } from '../support/authenticator.js';
import { stores, testServerUrl } from '../support/servers.js';
import { startMailServer, type MailServer } from '../support/mail-server.js';
import { startOidcProvider, type TestProvider } from '../support/oidc-provider.js';
import { BrowserLike, FRONT_END, newVerifier, parametersOf, providerSettings } from '../support/provider-login.js';

const START =
  'mutation ($input: StartProviderLoginInput!) { startProviderLogin(input: $input) { authorizationUrl secret } }';
const FINISH =
  'mutation ($input: FinishProviderLoginInput!) { finishProviderLogin(input: $input) { tokens { accessToken } } }';
const NEW_PASSWORD = 'a battery of horses';

function newPerson(provider: TestProvider, email = `${randomBytes(8).toString('hex')}@example.com`) {
  const subject = randomBytes(8).toString('hex');
  provider.people.set(subject, { email, email_verified: true });
  return { subject, email };
}

function tokenIn({ body }: Pick<RestAnswer, 'body'>): string {
  const { access_token: token } = (body.data ?? {}) as { access_token?: string };
  if (token === undefined) throw new Error(JSON.stringify(body));
  return token;
}

async function idOf(url: string, answer: Pick<RestAnswer, 'body'>): Promise<string> {
  const actor = new Actor(url);
  actor.token = tokenIn(answer);
  return (await actor.ask<{ me: { id: string } }>('{ me { id } }')).me.id;
}

describe.each(stores)('the account of someone who logs in by a provider on %s', (on) => {
  let provider: TestProvider;
  let mailServer: MailServer;
  let app: TestApp;

  beforeAll(async () => {
    provider = await startOidcProvider();
    mailServer = await startMailServer();
    const settings = { ...providerSettings(provider), SMTP_URL: mailServer.url };
    app = await startTestApp({ stores: on, settings });
  });
  afterAll(async () => {
    await app.close();
    await mailServer.close();
    await provider.close();
  });

  const logIn = async (subject: string, query: Readonly<Record<string, string>> = {}) => {
    const browser = new BrowserLike(app.url);
    return browser.get(await provider.visit(await browser.authorizationUrl('house', query), subject));
  };
  /** A user with a linked identity and a second factor. */
  const protectedPerson = async () => {
    const user = await signUp(app);
    await app.database.query('UPDATE users SET is_verified = true, mailbox_proven_at = now() WHERE id = $1', [
      user.userId,
    ]);
    const person = newPerson(provider, user.credentials.email);
    expect(await idOf(app.url, await logIn(person.subject))).toBe(user.userId);
    const factor = await protect(user);
    await forgetUsedStep(app, user.userId);
    return { ...person, user, factor };
  };
  const asked = (message: string) => ({
    status: 401,
    body: { message, data: { second_factor: { challenge: expect.stringMatching(/^[\w-]{43}$/) } } },
  });
  const challengeIn = ({ body }: Pick<RestAnswer, 'body'>) =>
    (body.data as { second_factor: { challenge: string } }).second_factor.challenge;

  it('is asked for its second factor, which the provider does not stand for', async () => {
    const { subject, user, factor } = await protectedPerson();
    const answer = await logIn(subject);
    expect(answer).toMatchObject(asked('Second factor required'));
    const wrong = await completeOverRest(new Actor(app.url), challengeIn(answer), factor.app.wrongCode());
    expect(wrong.status).toBe(401);
    const completed = await completeOverRest(new Actor(app.url), challengeIn(answer), factor.app.code());
    expect(await idOf(app.url, completed)).toBe(user.userId);
  });

  it('is asked for its second factor where a front end redeems its code', async () => {
    const { subject, user, factor } = await protectedPerson();
    const { verifier, challenge } = newVerifier();
    const { location } = await logIn(subject, { return_url: FRONT_END, code_challenge: challenge });
    const { code } = parametersOf(location ?? FRONT_END);
    const client = new Actor(app.url);
    const answer = await client.rest('POST', '/auth/oidc/token', { code, code_verifier: verifier });
    expect(answer).toMatchObject(asked('Second factor required'));
    const completed = await completeOverRest(client, challengeIn(answer), factor.app.code());
    expect(await idOf(app.url, completed)).toBe(user.userId);
  });

  it('gets a password by a code sent by mail, and keeps the provider, when its address is verified', async () => {
    const { subject, email } = newPerson(provider);
    const id = await idOf(app.url, await logIn(subject));
    const client = new Actor(app.url, { email, password: NEW_PASSWORD });
    await client.rest('POST', '/auth/request-reset', { email });
    const otp = await mailServer.codeTo(email);
    const reset = await client.rest('POST', '/auth/reset-password', { email, otp, new_password: NEW_PASSWORD });
    expect(reset.status).toBe(200);
    await client.login();
    expect(await client.ask('{ me { id } identities { provider } }')).toEqual({
      me: { id },
      identities: [{ provider: 'house' }],
    });
    expect(await idOf(app.url, await logIn(subject))).toBe(id);
  });

  it('is the same when its address changed at the provider', async () => {
    const { subject, email } = newPerson(provider);
    const id = await idOf(app.url, await logIn(subject));
    provider.people.set(subject, { email: `new-${email}`, email_verified: true });
    const again = await logIn(subject);
    expect(await idOf(app.url, again)).toBe(id);
    const actor = new Actor(app.url);
    actor.token = tokenIn(again);
    expect(await actor.ask('{ me { email } identities { email } }')).toEqual({
      me: { email },
      identities: [{ email }],
    });
  });

  it('lets nobody in by a code when the provider was unlinked meanwhile', async () => {
    const { subject, user } = await (async () => {
      const account = await signUp(app);
      await app.database.query('UPDATE users SET is_verified = true, mailbox_proven_at = now() WHERE id = $1', [
        account.userId,
      ]);
      return { ...newPerson(provider, account.credentials.email), user: account };
    })();
    const { verifier, challenge } = newVerifier();
    const { location } = await logIn(subject, { return_url: FRONT_END, code_challenge: challenge });
    const { identities } = await user.ask<{ identities: { id: string }[] }>('{ identities { id } }');
    await user.ask('mutation ($id: ID!) { unlinkIdentity(id: $id) }', { id: identities[0]?.id });
    const { code } = parametersOf(location ?? FRONT_END);
    const answer = await new Actor(app.url).rest('POST', '/auth/oidc/token', { code, code_verifier: verifier });
    expect(answer).toMatchObject({ status: 400, body: { message: 'Invalid login code' } });
  });

  it('is refused at the end when it was suspended on the way', async () => {
    const { subject } = newPerson(provider);
    const id = await idOf(app.url, await logIn(subject));
    const { verifier, challenge } = newVerifier();
    const { location } = await logIn(subject, { return_url: FRONT_END, code_challenge: challenge });
    await app.database.query('UPDATE users SET is_suspended = true WHERE id = $1', [id]);
    const { code } = parametersOf(location ?? FRONT_END);
    const answer = await new Actor(app.url).rest('POST', '/auth/oidc/token', { code, code_verifier: verifier });
    expect(answer).toMatchObject({ status: 403, body: { message: 'Account disabled' } });
  });
});

const server = testServerUrl();

(server === undefined ? describe.skip : describe)('two instances on one database', () => {
  const resources = new AsyncDisposableStack();
  afterEach(() => resources.disposeAsync());

  it('finish each other’s logins, and each of them once', async () => {
    const database = await createMigratedDatabase(server ?? '');
    resources.defer(() => database.drop());
    const provider = await startOidcProvider();
    resources.defer(() => provider.close());
    const settings = { ...providerSettings(provider), DATABASE_URL: database.url, REDIS_URL: undefined };
    const [first, second] = await Promise.all([startTestApp({ settings }), startTestApp({ settings })]);
    for (const app of [first, second]) resources.defer(() => app.close());
    /** Starts a login on the first instance; returns the input that finishes it. */
    const begin = async () => {
      const { startProviderLogin: start } = await new Actor(first.url).ask<{
        startProviderLogin: { authorizationUrl: string; secret: string };
      }>(START, { input: { provider: 'house', redirectUri: FRONT_END } });
      const callback = await provider.visit(start.authorizationUrl, newPerson(provider).subject);
      const { state, code, iss } = parametersOf(callback);
      return { provider: 'house', state, code, iss, secret: start.secret };
    };
    const finish = (app: TestApp, input: object) => new Actor(app.url).graphql(FINISH, { input });

    expect((await finish(second, await begin())).errors).toBeUndefined();
    const input = await begin();
    const attempts = Array.from({ length: 10 }, (_, index) => finish(index % 2 === 0 ? first : second, input));
    const errors = (await Promise.all(attempts)).map((answer) => answer.errors?.[0]?.message ?? 'none');
    expect(errors.sort()).toEqual([...new Array<string>(9).fill('Invalid login state'), 'none']);
  });
});
