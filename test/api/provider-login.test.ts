import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { startMailServer, type MailServer } from '../support/mail-server.js';
import { startOidcProvider, type Claims, type TestProvider } from '../support/oidc-provider.js';
import { BrowserLike, FRONT_END, newVerifier, parametersOf, providerSettings } from '../support/provider-login.js';

const START =
  'mutation ($input: StartProviderLoginInput!) { startProviderLogin(input: $input) { authorizationUrl state secret expiresAt } }';
const FINISH =
  'mutation ($input: FinishProviderLoginInput!) { finishProviderLogin(input: $input) { tokens { accessToken refreshToken expiresIn } returnUrl } }';
const REDEEM = 'mutation ($input: RedeemLoginCodeInput!) { redeemLoginCode(input: $input) { accessToken } }';

/** The code challenge of an arbitrary verifier. */
const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM';

const refusal = (status: number, message: string) => ({ status, body: { code: status, message, data: null } });
const INVALID_STATE = refusal(400, 'Invalid login state');
const EMAIL_IN_USE = refusal(
  409,
  'An account with this e-mail address exists: log in to it, and link the provider there',
);

interface Started {
  readonly authorizationUrl: string;
  readonly state: string;
  readonly secret: string;
}

describe.each(stores)('login by a provider on %s', (on) => {
  let provider: TestProvider;
  let other: TestProvider;
  let mailServer: MailServer;
  let app: TestApp;

  beforeAll(async () => {
    provider = await startOidcProvider();
    other = await startOidcProvider('other', 'client_secret_post');
    mailServer = await startMailServer();
    const settings = { ...providerSettings(provider, other), SMTP_URL: mailServer.url };
    app = await startTestApp({ stores: on, settings });
  });
  afterAll(async () => {
    await app.close();
    await provider.close();
    await other.close();
    await mailServer.close();
  });

  /** Makes a person with an account at the provider; returns the subject. */
  const newPerson = (claims: Claims = {}) => {
    const subject = randomBytes(8).toString('hex');
    provider.people.set(subject, claims);
    return subject;
  };
  const newAddress = () => `${randomBytes(8).toString('hex')}@example.com`;

  /** A browser after the provider's page, and the callback URL that it has not followed yet. */
  const visited = async (subject: string | null, query: Readonly<Record<string, string>> = {}) => {
    const browser = new BrowserLike(app.url);
    const callback = await provider.visit(await browser.authorizationUrl('house', query), subject);
    return { browser, callback };
  };
  const logIn = async (subject: string | null) => {
    const { browser, callback } = await visited(subject);
    return browser.get(callback);
  };
  const actorOf = (data: unknown) => {
    const actor = new Actor(app.url);
    actor.token = (data as { access_token: string }).access_token;
    return actor;
  };
  const me = async (actor: Actor) => (await actor.rest('GET', '/users/me')).body.data as Record<string, unknown>;
  const loginInput = (callback: URL, secret: string, name = 'house') => {
    const { state = '', code, iss, error } = parametersOf(callback);
    return { provider: name, state, secret, code, iss, error };
  };

  it('makes an account over REST, and finds it again', async () => {
    const email = newAddress();
    const subject = newPerson({ email, email_verified: true });
    const first = await logIn(subject);
    expect(first).toMatchObject({ status: 200, body: { code: 200, message: 'Success' }, location: null });
    const account = await me(actorOf(first.body.data));
    expect(account).toMatchObject({
      email,
      provider: 'house',
      provider_id: subject,
      is_verified: true,
      is_admin: false,
    });
    const second = await logIn(subject);
    expect(await me(actorOf(second.body.data))).toMatchObject({ user_id: account['user_id'], email });
    const { refresh_token: token = '' } = second.body.data as { refresh_token?: string };
    const refreshed = await new Actor(app.url).rest('POST', '/auth/refresh', undefined, { 'x-refresh-token': token });
    expect(refreshed.status).toBe(200);
    await expect(new Actor(app.url, { email, password: '' }).login()).rejects.toThrow('Invalid credentials');
  });

  it('makes an account over GraphQL, at a page of the client’s own', async () => {
    const client = new Actor(app.url);
    const subject = newPerson();
    const { startProviderLogin: start } = await client.ask<{ startProviderLogin: Started }>(START, {
      input: { provider: 'house', redirectUri: FRONT_END },
    });
    const callback = await provider.visit(start.authorizationUrl, subject);
    expect(callback.href).toContain(`${FRONT_END}?`);
    expect(callback.searchParams.get('state')).toBe(start.state);
    const input = loginInput(callback, start.secret);
    const { finishProviderLogin } = await client.ask<{ finishProviderLogin: { tokens: { accessToken: string } } }>(
      FINISH,
      { input },
    );
    expect(finishProviderLogin).toMatchObject({ tokens: { expiresIn: 3600 }, returnUrl: null });
    client.token = finishProviderLogin.tokens.accessToken;
    expect(await me(client)).toMatchObject({
      email: null,
      provider: 'house',
      provider_id: subject,
      is_verified: false,
    });
    const again = await client.graphql(FINISH, { input });
    expect(again.errors).toMatchObject([{ message: 'Invalid login state', extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  it('works at a provider that takes its secret in the body', async () => {
    const browser = new BrowserLike(app.url);
    const callback = await other.visit(await browser.authorizationUrl('other'), 'someone');
    expect((await browser.get(callback)).status).toBe(200);
  });

  it('knows the same subject at another provider for someone else', async () => {
    const subject = newPerson();
    const mine = await logIn(subject);
    const browser = new BrowserLike(app.url);
    const theirs = await browser.get(await other.visit(await browser.authorizationUrl('other'), subject));
    const ids = await Promise.all([mine, theirs].map(({ body }) => me(actorOf(body.data))));
    expect(ids[0]?.['user_id']).not.toBe(ids[1]?.['user_id']);
  });

  it('lists the providers', async () => {
    const client = new Actor(app.url);
    const expected = [
      { name: 'house', label: 'The house' },
      { name: 'other', label: 'The other' },
    ];
    expect(await client.rest('GET', '/auth/oidc')).toMatchObject({ status: 200, body: { data: expected } });
    expect(await client.ask('{ loginProviders { name label } }')).toEqual({ loginProviders: expected });
    expect(JSON.stringify((await client.rest('GET', '/auth/oidc')).body)).not.toContain('secret');
  });

  it('is announced at the start of the service, with what the provider must know', () => {
    expect(app.logged.map(({ msg }) => msg)).toContain(
      `login at The house: it must know the redirect URI ${app.url}/api/v1/auth/oidc/house/callback`,
    );
  });

  describe('at its start', () => {
    it('redirects a browser with PKCE, state and nonce, and a cookie of its own', async () => {
      const { status, headers, location, body } = await new BrowserLike(app.url).start('house');
      expect({ status, body }).toEqual({ status: 302, body: { code: 302, message: 'Found', data: null } });
      const token = expect.stringMatching(/^[\w-]{43}$/);
      expect(parametersOf(location ?? '')).toEqual({
        client_id: 'flynkle',
        response_type: 'code',
        redirect_uri: `${app.url}/api/v1/auth/oidc/house/callback`,
        scope: 'openid email profile',
        state: token,
        nonce: token,
        code_challenge: token,
        code_challenge_method: 'S256',
      });
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.getSetCookie()).toEqual([
        expect.stringMatching(/^flynkle_login=[\w-]{43}; Max-Age=600; Path=\/; HttpOnly; SameSite=Lax$/),
      ]);
    });

    it('tells a client that asks for JSON where to go', async () => {
      const response = await fetch(`${app.url}/api/v1/auth/oidc/house/start`, {
        redirect: 'manual',
        headers: { accept: 'application/json' },
      });
      const { data } = (await response.json()) as { data: { authorization_url: string; expires_at: string } };
      expect(response.status).toBe(200);
      expect(response.headers.getSetCookie()).toHaveLength(1);
      expect(data.authorization_url).toContain(`${provider.issuer}/auth?`);
      const minutes = (Date.parse(data.expires_at) - Date.now()) / 60_000;
      expect(minutes).toBeGreaterThan(9);
      expect(minutes).toBeLessThanOrEqual(10);
    });

    it('stores nothing that finishes it', async () => {
      const client = new Actor(app.url);
      const { startProviderLogin: start } = await client.ask<{ startProviderLogin: Started }>(START, {
        input: { provider: 'house', redirectUri: FRONT_END },
      });
      const { rows } = await app.database.query('SELECT * FROM provider_logins');
      const stored = JSON.stringify(rows, (_key, value: unknown) =>
        Buffer.isBuffer(value) ? value.toString('base64url') : value,
      );
      const { state, nonce, code_challenge: challenge } = parametersOf(start.authorizationUrl);
      expect(rows.length).toBeGreaterThan(0);
      for (const secret of [start.secret, state, nonce, challenge]) expect(stored).not.toContain(secret);
    });

    it('answers 404 for a provider that there is not', async () => {
      expect(await new BrowserLike(app.url).start('nobody')).toMatchObject(refusal(404, 'Login provider not found'));
    });

    it.each([
      [{ return_url: 'https://evil.example.com/', code_challenge: CHALLENGE }, 'return_url'],
      [{ return_url: `${FRONT_END}/more`, code_challenge: CHALLENGE }, 'return_url'],
      [{ return_url: `${FRONT_END}?a=b`, code_challenge: CHALLENGE }, 'return_url'],
      [{ return_url: FRONT_END }, 'code_challenge'],
      [{ code_challenge: CHALLENGE }, 'code_challenge'],
      [{ return_url: FRONT_END, code_challenge: 'short' }, 'code_challenge'],
    ])('refuses %j', async (query, field) => {
      const answer = await new BrowserLike(app.url).start('house', query);
      expect(answer).toMatchObject({ status: 422, body: { data: { errors: [{ field }] } } });
      expect(answer.location).toBeNull();
    });

    it('refuses a page that is not known, over GraphQL', async () => {
      const { errors } = await new Actor(app.url).graphql(START, {
        input: { provider: 'house', redirectUri: 'https://evil.example.com/' },
      });
      expect(errors).toMatchObject([{ extensions: { errors: [{ field: 'input.redirectUri' }] } }]);
    });

    it('does not answer HEAD, which would log in whoever only looks', async () => {
      const { callback } = await visited(newPerson());
      const response = await fetch(callback, { method: 'HEAD' });
      expect(response.status).toBe(405);
      expect(response.headers.get('allow')).toBe('GET');
    });
  });

  describe('at its end', () => {
    it('refuses a callback that came before, with the same code and state', async () => {
      const { browser, callback } = await visited(newPerson());
      expect((await browser.get(callback)).status).toBe(200);
      expect(await browser.get(callback)).toMatchObject(INVALID_STATE);
    });

    it('refuses a code that was used, with a state of its own', async () => {
      const { browser, callback } = await visited(newPerson());
      expect((await browser.get(callback)).status).toBe(200);
      const again = await visited(newPerson());
      again.callback.searchParams.set('code', callback.searchParams.get('code') ?? '');
      expect(await again.browser.get(again.callback)).toMatchObject(refusal(401, 'Login refused by the provider'));
    });

    it("refuses another's code: the verifier is another one", async () => {
      const attacker = await visited(newPerson());
      const victim = await visited(newPerson());
      attacker.callback.searchParams.set('code', victim.callback.searchParams.get('code') ?? '');
      const answer = await attacker.browser.get(attacker.callback);
      expect(answer).toMatchObject(refusal(401, 'Login refused by the provider'));
    });

    it('refuses a callback in another browser, and one without a cookie', async () => {
      const { browser, callback } = await visited(newPerson());
      const stranger = new BrowserLike(app.url);
      expect(await stranger.get(callback)).toMatchObject(INVALID_STATE);
      await stranger.start('house');
      expect(await stranger.get(callback)).toMatchObject(INVALID_STATE);
      // The callback in another browser did not spoil the login of the original one.
      expect((await browser.get(callback)).status).toBe(200);
    });

    it.each(['', 'x', 'A'.repeat(43), '\u0001', `${'A'.repeat(43)}'--`])('refuses the state %j', async (state) => {
      const { browser, callback } = await visited(newPerson());
      callback.searchParams.set('state', state);
      expect((await browser.get(callback)).status).toBe(400);
    });

    it('asks for a state', async () => {
      const { browser, callback } = await visited(newPerson());
      callback.searchParams.delete('state');
      expect(await browser.get(callback)).toMatchObject({
        status: 422,
        body: { data: { errors: [{ field: 'state' }] } },
      });
    });

    it('refuses the state of another provider', async () => {
      const { browser, callback } = await visited(newPerson());
      const elsewhere = new URL(callback.href.replace('/oidc/house/', '/oidc/other/'));
      expect(await browser.get(elsewhere)).toMatchObject(INVALID_STATE);
    });

    it('refuses an answer that names another issuer', async () => {
      const { browser, callback } = await visited(newPerson());
      expect(callback.searchParams.get('iss')).toBe(provider.issuer);
      callback.searchParams.set('iss', other.issuer);
      expect(await browser.get(callback)).toMatchObject(refusal(401, 'Login refused by the provider'));
    });

    it('refuses an answer that names no issuer, of a provider that always does', async () => {
      const { browser, callback } = await visited(newPerson());
      callback.searchParams.delete('iss');
      expect(await browser.get(callback)).toMatchObject(refusal(401, 'Login refused by the provider'));
    });

    it('refuses a state that is too old, and forgets it', async () => {
      const { browser, callback } = await visited(newPerson());
      await app.database.query(`UPDATE provider_logins SET expires_at = now() - interval '1 second'`);
      expect(await browser.get(callback)).toMatchObject(INVALID_STATE);
      await browser.start('house');
      const { rows } = await app.database.query('SELECT FROM provider_logins WHERE expires_at < now()');
      expect(rows).toEqual([]);
    });

    it('lets one of ten callbacks at once through', async () => {
      const { browser, callback } = await visited(newPerson());
      const answers = await Promise.all(Array.from({ length: 10 }, () => browser.get(callback)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...new Array<number>(9).fill(400)]);
    });

    it('makes one account of five first logins at once', async () => {
      const email = newAddress();
      const subject = newPerson({ email, email_verified: true });
      const ready = await Promise.all(Array.from({ length: 5 }, () => visited(subject)));
      const answers = await Promise.all(ready.map(({ browser, callback }) => browser.get(callback)));
      const accounts = await Promise.all(answers.map(({ body }) => me(actorOf(body.data))));
      expect(new Set(accounts.map((account) => account['user_id'])).size).toBe(1);
      expect(answers.map(({ status }) => status)).toEqual(new Array<number>(5).fill(200));
    });

    it('serves two tabs of one browser', async () => {
      const browser = new BrowserLike(app.url);
      const first = await provider.visit(await browser.authorizationUrl('house'), newPerson());
      const second = await provider.visit(await browser.authorizationUrl('house'), newPerson());
      expect((await browser.get(first)).status).toBe(200);
      expect((await browser.get(second)).status).toBe(200);
    });

    it('says so when the user cancelled', async () => {
      expect(await logIn(null)).toMatchObject(refusal(401, 'Login cancelled'));
    });

    it('finishes after a restart in between', async () => {
      const before = await startTestApp({ stores: on, settings: providerSettings(provider) });
      const { startProviderLogin: start } = await new Actor(before.url).ask<{ startProviderLogin: Started }>(START, {
        input: { provider: 'house', redirectUri: FRONT_END },
      });
      const callback = await provider.visit(start.authorizationUrl, newPerson());
      const after = await before.restart();
      const { data } = await new Actor(after.url).graphql(FINISH, { input: loginInput(callback, start.secret) });
      await after.close();
      expect(data).toMatchObject({ finishProviderLogin: { tokens: { accessToken: expect.any(String) } } });
    });
  });

  describe('that ends at a front end', () => {
    const begin = async (subject: string | null) => {
      const { verifier, challenge } = newVerifier();
      const { browser, callback } = await visited(subject, { return_url: FRONT_END, code_challenge: challenge });
      const { status, location, body } = await browser.get(callback);
      return { verifier, status, location: location ?? '', body, code: parametersOf(location ?? FRONT_END)['code'] };
    };
    const redeem = (code: unknown, verifier: string) =>
      new Actor(app.url).rest('POST', '/auth/oidc/token', { code, code_verifier: verifier });

    it('brings a code there, which is good once and with its verifier alone', async () => {
      const { verifier, status, location, body, code } = await begin(newPerson());
      expect({ status, body }).toEqual({ status: 302, body: { code: 302, message: 'Found', data: null } });
      expect(location).toBe(`${FRONT_END}?code=${code}`);
      const tokens = await redeem(code, verifier);
      expect(tokens.status).toBe(200);
      expect(await me(actorOf(tokens.body.data))).toMatchObject({ provider: 'house' });
      expect(await redeem(code, verifier)).toMatchObject(refusal(400, 'Invalid login code'));
    });

    it('takes the code over GraphQL as well', async () => {
      const { verifier, code } = await begin(newPerson());
      const { redeemLoginCode } = await new Actor(app.url).ask<{ redeemLoginCode: { accessToken: string } }>(REDEEM, {
        input: { code, codeVerifier: verifier },
      });
      expect(redeemLoginCode.accessToken).toMatch(/^ey/);
    });

    it('refuses the code to whoever has not the verifier, and it is used up then', async () => {
      const { verifier, code } = await begin(newPerson());
      for (const wrong of [newVerifier().verifier, '']) {
        expect(await redeem(code, wrong)).toMatchObject(refusal(400, 'Invalid login code'));
      }
      expect(await redeem(code, verifier)).toMatchObject(refusal(400, 'Invalid login code'));
    });

    it('gives one of ten redemptions at once the tokens', async () => {
      const { verifier, code } = await begin(newPerson());
      const answers = await Promise.all(Array.from({ length: 10 }, () => redeem(code, verifier)));
      expect(answers.map(({ status }) => status).sort()).toEqual([200, ...new Array<number>(9).fill(400)]);
    });

    it('refuses a code that is older than a minute', async () => {
      const { verifier, code } = await begin(newPerson());
      await app.database.query(`UPDATE login_codes SET expires_at = now() - interval '1 second'`);
      expect(await redeem(code, verifier)).toMatchObject(refusal(400, 'Invalid login code'));
    });

    it('tells there what went wrong', async () => {
      const cancelled = await begin(null);
      expect(parametersOf(cancelled.location)).toEqual({
        error: 'UNAUTHENTICATED',
        error_description: 'Login cancelled',
      });
      const { credentials } = await signUp(app);
      const taken = await begin(newPerson({ email: credentials.email, email_verified: false }));
      expect(parametersOf(taken.location)).toMatchObject({ error: 'CONFLICT' });
      expect(taken.location).not.toContain('code=');
    });
  });

  describe('of someone with the e-mail address of an account', () => {
    const newUser = async (isVerified: boolean) => {
      const user = await signUp(app);
      await app.database.query(
        'UPDATE users SET is_verified = $2, mailbox_proven_at = CASE WHEN $2 THEN now() END WHERE id = $1',
        [user.userId, isVerified],
      );
      return user;
    };

    it('links them when both sides know the address to be theirs', async () => {
      const user = await newUser(true);
      const email = user.credentials.email.toUpperCase();
      const { body } = await logIn(newPerson({ email, email_verified: true }));
      expect(await me(actorOf(body.data))).toMatchObject({ user_id: user.userId, provider: 'local' });
      await user.login();
      const { rows } = await app.database.query<{ action: string }>(
        'SELECT action::text FROM audit_events WHERE subject_id = $1 ORDER BY id',
        [user.userId],
      );
      expect(rows.map(({ action }) => action)).toContain('IDENTITY_LINKED');
    });

    it.each([
      ['though we do', true],
      ['as we do not', false],
    ])('refuses them when the provider does not, %s', async (_which, ours) => {
      const user = await newUser(ours);
      const subject = newPerson({ email: user.credentials.email, email_verified: false });
      expect(await logIn(subject)).toMatchObject(EMAIL_IN_USE);
      expect(await user.ask('{ identities { id } }')).toEqual({ identities: [] });
    });

    it('takes no letter for another that only looks like it', async () => {
      const name = randomBytes(8).toString('hex');
      const user = new Actor(app.url, { email: `k${name}@example.com`, password: 'correct horse battery' });
      const id = await user.createUser();
      await app.database.query('UPDATE users SET is_verified = true WHERE id = $1', [id]);
      const { status, body } = await logIn(newPerson({ email: `\u212a${name}@example.com`, email_verified: true }));
      const isTheSame = status === 200 && (await me(actorOf(body.data)))['user_id'] === id;
      expect(isTheSame).toBe(false);
    });

    it('refuses them while the account is suspended, as the login with a password does', async () => {
      const user = await newUser(true);
      const subject = newPerson({ email: user.credentials.email, email_verified: true });
      await app.database.query('UPDATE users SET is_suspended = true WHERE id = $1', [user.userId]);
      expect(await logIn(subject)).toMatchObject(refusal(403, 'Account disabled'));
    });

    it('leaves nothing of whoever made the account to wait for them, once they have a code by mail', async () => {
      const email = newAddress();
      const intruder = await logIn(newPerson({ email, email_verified: false }));
      const { user_id: id } = await me(actorOf(intruder.body.data));
      const subject = await app.database.query<{ subject: string }>(
        'SELECT subject FROM identities WHERE user_id = $1',
        [id],
      );
      await new Actor(app.url).rest('POST', '/auth/request-reset', { email });
      const otp = await mailServer.codeTo(email);
      const reset = { email, otp, new_password: 'a battery of horses' };
      expect((await new Actor(app.url).rest('POST', '/auth/reset-password', reset)).status).toBe(200);
      expect(await logIn(subject.rows[0]?.subject ?? '')).toMatchObject(EMAIL_IN_USE);
      const { rows: unlinked } = await app.database.query(
        `SELECT ip_address AS address FROM audit_events WHERE subject_id = $1 AND action = 'IDENTITY_UNLINKED'`,
        [id],
      );
      expect(unlinked).toEqual([{ address: expect.stringMatching(/127\.0\.0\.1$/) }]);
      await new Actor(app.url, { email, password: 'a battery of horses' }).login();
    });
  });

  it('refuses a user who is suspended or deleted', async () => {
    const subject = newPerson();
    const { body } = await logIn(subject);
    const { user_id: id } = await me(actorOf(body.data));
    await app.database.query('UPDATE users SET is_suspended = true WHERE id = $1', [id]);
    expect(await logIn(subject)).toMatchObject(refusal(403, 'Account disabled'));
    await app.database.query('UPDATE users SET is_suspended = false WHERE id = $1', [id]);
    expect((await actorOf(body.data).rest('DELETE', '/users/me')).status).toBe(200);
    expect(await logIn(subject)).toMatchObject(refusal(401, 'Invalid credentials'));
  });

  it('lets a user without a password set one', async () => {
    const email = newAddress();
    const { body } = await logIn(newPerson({ email, email_verified: true }));
    const password = 'a password of one’s own';
    expect((await actorOf(body.data).rest('PATCH', '/users/me', { password })).status).toBe(200);
    await new Actor(app.url, { email, password }).login();
  });

  it('takes no address that an account could not have', async () => {
    const { body } = await logIn(newPerson({ email: 'not an address', email_verified: true }));
    expect(await me(actorOf(body.data))).toMatchObject({ email: null, is_verified: false });
  });

  it('is in the audit log, and its failures', async () => {
    const { body } = await logIn(newPerson());
    const { user_id: id } = await me(actorOf(body.data));
    const { rows } = await app.database.query<{ action: string; details: object }>(
      'SELECT action::text, details FROM audit_events WHERE subject_id = $1 ORDER BY id',
      [id],
    );
    expect(rows).toEqual([
      { action: 'USER_CREATED', details: { plan: 'free' } },
      { action: 'IDENTITY_LINKED', details: { provider: 'house' } },
      { action: 'LOGIN', details: expect.objectContaining({ means: 'provider', provider: 'house' }) },
    ]);
    await logIn(null);
    const failures = await app.database.query(
      `SELECT FROM audit_events WHERE action = 'LOGIN_FAILED' AND details = $1::jsonb`,
      [JSON.stringify({ means: 'provider', provider: 'house', reason: 'Login cancelled' })],
    );
    expect(failures.rowCount).toBeGreaterThan(0);
  });

  it('leaves no code, state or secret in the log', async () => {
    const { browser, callback } = await visited(newPerson());
    await browser.get(callback);
    await browser.get(callback);
    const { code = '', state = '' } = parametersOf(callback);
    const logged = JSON.stringify(app.logged);
    for (const secret of [code, state, browser.cookie?.split('=')[1] ?? '']) {
      expect(secret.length).toBeGreaterThan(20);
      expect(logged).not.toContain(secret);
    }
  });
});
