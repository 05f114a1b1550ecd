import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { SignJWT, UnsecuredJWT, type JWTPayload } from 'jose';
import { Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { startForgedProvider, type ForgedAnswer, type ForgedProvider } from '../support/forged-provider.js';
import { BrowserLike, parametersOf, providerSettings, type NavigationAnswer } from '../support/provider-login.js';

const refusal = (status: number, message: string) => ({ status, body: { code: status, message, data: null } });
const REFUSED = refusal(401, 'Login refused by the provider');
const DOWN = refusal(503, 'Login provider unavailable');
const SECRET = 'a secret between the two';

describe.each(stores)('a forged answer of a provider on %s', (on) => {
  let forged: ForgedProvider;
  let app: TestApp;

  beforeAll(async () => {
    forged = await startForgedProvider();
    app = await startTestApp({ stores: on, settings: providerSettings(forged) });
  });
  afterAll(async () => {
    await app.close();
    await forged.close();
  });

  /** A login whose ID token `make` derives from valid claims. */
  const logIn = async (make: (claims: JWTPayload) => Promise<string> | string): Promise<NavigationAnswer> => {
    const browser = new BrowserLike(app.url);
    const { state = '', nonce = '' } = parametersOf(await browser.authorizationUrl('forger'));
    const idToken = await make(forged.claims(nonce));
    forged.answer = { body: { access_token: 'a token', token_type: 'Bearer', id_token: idToken } };
    return comeBack(browser, state);
  };
  const comeBack = (
    browser: BrowserLike,
    state: string,
    answer: Readonly<Record<string, string>> = { code: 'a code' },
  ) => {
    const query = new URLSearchParams({ state, iss: forged.issuer, ...answer });
    return browser.get(`${app.url}/api/v1/auth/oidc/forger/callback?${query.toString()}`);
  };
  const users = async () => (await app.database.query('SELECT FROM users')).rowCount;

  it('is told from one that will do', async () => {
    const before = await users();
    expect(await logIn((claims) => forged.sign(claims))).toMatchObject({ status: 200, body: { message: 'Success' } });
    expect(await users()).toBe(before + 1);
  });

  it.each([
    [true, true],
    ['true', true],
    [false, false],
    ['false', false],
    [1, false],
    [undefined, false],
  ])('that has the address in the token, verified: %j, makes the account so', async (email_verified, isVerified) => {
    const email = `${randomBytes(8).toString('hex')}@example.com`;
    const { body } = await logIn((claims) => forged.sign({ ...claims, email, email_verified }));
    const actor = new Actor(app.url);
    actor.token = (body.data as { access_token: string }).access_token;
    expect(await actor.ask('{ me { email isVerified } }')).toEqual({ me: { email, isVerified } });
  });

  const now = () => Math.floor(Date.now() / 1000);
  const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
  /** The fault, the reason in the log, and the function that makes the faulty token. */
  const faults: [string, string, (claims: JWTPayload) => Promise<string> | string][] = [
    ['another nonce', 'OAUTH_JWT_CLAIM_COMPARISON_FAILED', (claims) => forged.sign({ ...claims, nonce: 'another' })],
    ['no nonce', 'OAUTH_INVALID_RESPONSE', ({ nonce: _none, ...claims }) => forged.sign(claims)],
    [
      'another issuer',
      'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
      (claims) => forged.sign({ ...claims, iss: 'https://accounts.example.com' }),
    ],
    [
      'another audience',
      'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
      (claims) => forged.sign({ ...claims, aud: 'another client' }),
    ],
    [
      'several audiences, and another party',
      'OAUTH_JWT_CLAIM_COMPARISON_FAILED',
      (claims) => forged.sign({ ...claims, aud: ['flynkle', 'b'], azp: 'b' }),
    ],
    ['no audience', 'OAUTH_INVALID_RESPONSE', ({ aud: _none, ...claims }) => forged.sign(claims)],
    [
      'a time that is over',
      'OAUTH_JWT_TIMESTAMP_CHECK_FAILED',
      (claims) => forged.sign({ ...claims, iat: now() - 900, exp: now() - 600 }),
    ],
    ['no end', 'OAUTH_INVALID_RESPONSE', ({ exp: _none, ...claims }) => forged.sign(claims)],
    ['no subject', 'OAUTH_INVALID_RESPONSE', ({ sub: _none, ...claims }) => forged.sign(claims)],
    ['an empty subject', 'UNAUTHENTICATED', (claims) => forged.sign({ ...claims, sub: '' })],
    ['a subject that is too long', 'UNAUTHENTICATED', (claims) => forged.sign({ ...claims, sub: 'x'.repeat(256) })],
    [
      'a subject that is no text',
      'OAUTH_INVALID_RESPONSE',
      (claims) => forged.sign({ ...claims, sub: 5 as unknown as string }),
    ],
    [
      'the signature of a stranger',
      'OAUTH_INVALID_RESPONSE',
      (claims) => new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'forger' }).sign(stranger),
    ],
    [
      'the signature of a key that is not known',
      'OAUTH_KEY_SELECTION_FAILED',
      (claims) => new SignJWT(claims).setProtectedHeader({ alg: 'RS256', kid: 'stranger' }).sign(stranger),
    ],
    [
      'a signature by the secret of the client',
      'OAUTH_INVALID_RESPONSE',
      (claims) => new SignJWT(claims).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(SECRET)),
    ],
    ['alg none', 'OAUTH_INVALID_RESPONSE', (claims) => new UnsecuredJWT(claims).encode()],
    [
      'alg none under a known key',
      'OAUTH_INVALID_RESPONSE',
      (claims) => `${segment({ alg: 'none', kid: 'forger' })}.${segment(claims)}.`,
    ],
    [
      'a bit of the signature flipped',
      'OAUTH_INVALID_RESPONSE',
      async (claims) => {
        const [header, payload, signature = ''] = (await forged.sign(claims)).split('.');
        const bytes = Buffer.from(signature, 'base64url');
        bytes[0] = (bytes[0] ?? 0) ^ 1;
        return `${header}.${payload}.${bytes.toString('base64url')}`;
      },
    ],
    [
      'other claims under its signature',
      'OAUTH_INVALID_RESPONSE',
      async (claims) => {
        const [header, , signature] = (await forged.sign(claims)).split('.');
        return `${header}.${segment({ ...claims, sub: 'someone else' })}.${signature}`;
      },
    ],
    ['no signature', 'OAUTH_INVALID_RESPONSE', async (claims) => (await forged.sign(claims)).replace(/\.[^.]*$/, '.')],
    ['no token in it', 'OAUTH_INVALID_RESPONSE', () => 'not a token'],
  ];

  it.each(faults)('with %s logs nobody in', async (_which, reason, make) => {
    const before = await users();
    const answer = await logIn(make);
    expect(answer).toMatchObject(REFUSED);
    expect(app.logged.findLast((line) => 'reason' in line)).toMatchObject({ provider: 'forger', reason });
    expect(await users()).toBe(before);
  });

  it('without an ID token logs nobody in', async () => {
    const browser = new BrowserLike(app.url);
    const { state = '' } = parametersOf(await browser.authorizationUrl('forger'));
    forged.answer = { body: { access_token: 'a token', token_type: 'Bearer' } };
    expect(await comeBack(browser, state)).toMatchObject(REFUSED);
  });

  it.each([
    [{ error: 'access_denied' }, refusal(401, 'Login cancelled')],
    [{ error: 'login_required' }, REFUSED],
    [{ error: 'temporarily_unavailable' }, DOWN],
    [{ error: 'server_error' }, DOWN],
    [{ code: 'a code', error: 'access_denied' }, refusal(401, 'Login cancelled')],
    [{}, REFUSED],
  ])('of %j is answered clearly', async (answer, expected) => {
    const browser = new BrowserLike(app.url);
    const { state = '' } = parametersOf(await browser.authorizationUrl('forger'));
    expect(await comeBack(browser, state, answer as Readonly<Record<string, string>>)).toMatchObject(expected);
  });

  it.each([
    [{ status: 400, body: { error: 'invalid_grant' } }, REFUSED],
    [{ status: 401, body: { error: 'invalid_client' } }, DOWN],
    [{ status: 500, body: {} }, DOWN],
    [{ status: 200, body: 'nonsense' }, REFUSED],
  ])('of its token endpoint, %j, is told apart from one that is out of order', async (answer, expected) => {
    const browser = new BrowserLike(app.url);
    const { state = '' } = parametersOf(await browser.authorizationUrl('forger'));
    forged.answer = answer;
    expect(await comeBack(browser, state)).toMatchObject(expected);
  });
});

describe.each(stores)('what a provider tells beside the ID token on %s', (on) => {
  let forged: ForgedProvider;
  let app: TestApp;

  beforeAll(async () => {
    forged = await startForgedProvider();
    forged.metadata = { userinfo_endpoint: `${forged.issuer}/userinfo` };
    app = await startTestApp({ stores: on, settings: providerSettings(forged) });
  });
  afterAll(async () => {
    await app.close();
    await forged.close();
  });

  const logIn = async (tell: (subject: string) => ForgedAnswer) => {
    const browser = new BrowserLike(app.url);
    const { state = '', nonce = '' } = parametersOf(await browser.authorizationUrl('forger'));
    const claims = forged.claims(nonce);
    forged.answer = { body: { access_token: 'a token', token_type: 'Bearer', id_token: await forged.sign(claims) } };
    forged.userInfo = tell(claims.sub);
    const query = new URLSearchParams({ state, iss: forged.issuer, code: 'a code' });
    return browser.get(`${app.url}/api/v1/auth/oidc/forger/callback?${query.toString()}`);
  };

  it('has the address that the account gets', async () => {
    const email = `${randomBytes(8).toString('hex')}@example.com`;
    const { body } = await logIn((sub) => ({ body: { sub, email, email_verified: true } }));
    const actor = new Actor(app.url);
    actor.token = (body.data as { access_token: string }).access_token;
    expect(await actor.ask('{ me { email isVerified } }')).toEqual({ me: { email, isVerified: true } });
  });

  it('is refused when it is of someone else', async () => {
    const body = { sub: 'someone else', email: 'admin@example.com', email_verified: true };
    expect(await logIn(() => ({ body }))).toMatchObject(REFUSED);
    expect(await logIn(() => ({ body: { ...body, sub: undefined } }))).toMatchObject(REFUSED);
  });

  it('stops the login when it cannot be had', async () => {
    expect(await logIn(() => ({ status: 500, body: {} }))).toMatchObject(DOWN);
    const { rowCount } = await app.database.query(`SELECT FROM users WHERE email = 'admin@example.com'`);
    expect(rowCount).toBe(0);
  });
});

function segment(content: object): string {
  return Buffer.from(JSON.stringify(content)).toString('base64url');
}
