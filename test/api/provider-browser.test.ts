import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startTestApp, type TestApp } from '../support/app.js';
import { chromiumPath, openPage, type OpenedPage } from '../support/browser.js';
import { startFrontEnd, type FrontEnd } from '../support/front-end.js';
import { startOidcProvider, type TestProvider } from '../support/oidc-provider.js';
import { newVerifier } from '../support/provider-login.js';

const inABrowser = chromiumPath === undefined ? describe.skip : describe;

/** The service is at `localhost`, provider and front end are at `127.0.0.1`, which browsers treat as another site. */
inABrowser('login by a provider in a browser', () => {
  let provider: TestProvider;
  let frontEnd: FrontEnd;
  let app: TestApp;
  let opened: OpenedPage;

  beforeAll(async () => {
    provider = await startOidcProvider();
    frontEnd = await startFrontEnd();
    app = await startTestApp({
      settings: {
        HOST: 'localhost',
        OIDC_PROVIDERS: JSON.stringify([provider.settings]),
        OIDC_RETURN_URLS: frontEnd.url,
        CORS_ORIGINS: frontEnd.origin,
      },
    });
    expect(app.url).toContain('http://localhost:');
    opened = await openPage(app.url, provider.issuer, frontEnd.origin);
  });
  afterAll(async () => {
    await opened.close();
    await app.close();
    await frontEnd.close();
    await provider.close();
  });

  const newPerson = () => {
    const email = `${randomBytes(8).toString('hex')}@example.com`;
    const subject = randomBytes(8).toString('hex');
    provider.people.set(subject, { email, email_verified: true });
    return { email, subject };
  };
  /** Enters a name on the provider's login page. */
  const logInAtProvider = async (subject: string) => {
    const { page } = opened;
    await page.getByLabel('Name').fill(subject);
    await page.getByRole('button', { name: 'Log in' }).click();
  };
  /** What the front end's page shows, once it shows something. */
  const shown = async () => {
    const output = opened.page.locator('output:not(:empty)');
    return JSON.parse((await output.textContent()) ?? '') as unknown;
  };
  const forget = () => opened.page.context().clearCookies();

  it('ends at the front end, logged in, without a token or a code in the address', async () => {
    const { page } = opened;
    const { email, subject } = newPerson();
    await page.goto(`${frontEnd.url}#api=${app.url}`);
    await page.getByRole('button').click();
    await logInAtProvider(subject);
    expect(await shown()).toEqual({ email });
    expect(page.url()).toBe(frontEnd.url);
    const cookies = await page.context().cookies(app.url);
    expect(cookies.find(({ name }) => name === 'flynkle_login')).toMatchObject({ httpOnly: true, sameSite: 'Lax' });
  });

  it('is quicker the second time: the provider remembers', async () => {
    const { page } = opened;
    await page.goto(`${frontEnd.url}#api=${app.url}`);
    await page.getByRole('button').click();
    expect(await shown()).toEqual({ email: expect.stringMatching(/@example\.com$/) });
    await forget();
  });

  it('ends at the envelope when there is no front end', async () => {
    const { page } = opened;
    const { subject } = newPerson();
    await page.goto(`${app.url}/api/v1/auth/oidc/house/start`);
    await logInAtProvider(subject);
    await page.waitForURL((url) => url.pathname.endsWith('/callback'));
    const body = JSON.parse((await page.locator('body').textContent()) ?? '') as object;
    expect(body).toMatchObject({ code: 200, message: 'Success', data: { access_token: expect.stringMatching(/^ey/) } });
    await forget();
  });

  it('tells the front end when the user cancels', async () => {
    const { page } = opened;
    await page.goto(`${frontEnd.url}#api=${app.url}`);
    await page.getByRole('button').click();
    await page.getByRole('button', { name: 'Cancel' }).click();
    expect(await shown()).toEqual({ problem: 'Login cancelled' });
    await forget();
  });

  it("does not log a browser in with another's login, at neither end", async () => {
    const { page } = opened;
    // An attacker starts a login and sends the victim's browser, which started none, to the callback.
    const { challenge } = newVerifier();
    const query = new URLSearchParams({ return_url: frontEnd.url, code_challenge: challenge });
    const start = await fetch(`${app.url}/api/v1/auth/oidc/house/start?${query.toString()}`, { redirect: 'manual' });
    const callback = await provider.visit(start.headers.get('location') ?? '', newPerson().subject);
    await page.goto(callback.href);
    expect(await page.locator('body').textContent()).toContain('Invalid login state');
    // The attacker finishes the login, and sends the victim's browser to the front end with the code.
    const cookie = start.headers.getSetCookie()[0]?.split(';')[0] ?? '';
    const finished = await fetch(callback, { redirect: 'manual', headers: { cookie } });
    const location = finished.headers.get('location') ?? '';
    expect(location).toContain('?code=');
    await page.goto(`${location}#api=${app.url}`);
    expect(await shown()).toEqual({ problem: 'Invalid login code' });
  });

  it('asked for nothing elsewhere', () => {
    expect(opened.foreign).toEqual([]);
  });
});
