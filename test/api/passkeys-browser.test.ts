import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import type { CDPSession } from 'playwright-core';
import { Actor, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { chromiumPath, openPage, type OpenedPage } from '../support/browser.js';
import { answerLogin, creationOptions, requestOptions } from '../support/passkeys.js';

const require = createRequire(import.meta.url);
const INVALID = { status: 401, body: { code: 401, message: 'Invalid passkey', data: null } };

interface StoredCredential {
  readonly credentialId: string;
  readonly signCount: number;
}

/** WebAuthn requires a domain, not an IP address. */
const SETTINGS = { HOST: 'localhost' };

(chromiumPath === undefined ? describe.skip : describe).each(stores)('passkeys in Chromium, on %s', (on) => {
  let app: TestApp;
  let opened: OpenedPage;
  let devtools: CDPSession;
  let authenticatorId: string;
  let library: string;

  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: SETTINGS });
    const entry = require.resolve('@simplewebauthn/browser');
    library = await readFile(join(dirname(entry), '../dist/bundle/index.umd.min.js'), 'utf8');
  });
  afterAll(() => app.close());

  beforeEach(async () => {
    await open(app.url);
  });
  afterEach(() => opened.close());

  /** Opens a page of the service in a browser with its own authenticator. */
  async function open(url: string): Promise<void> {
    opened = await openPage(url);
    await opened.page.addInitScript(library);
    await opened.page.goto(url);
    devtools = await opened.page.context().newCDPSession(opened.page);
    await devtools.send('WebAuthn.enable');
    ({ authenticatorId } = await devtools.send('WebAuthn.addVirtualAuthenticator', {
      options: {
        protocol: 'ctap2',
        transport: 'internal',
        hasResidentKey: true,
        hasUserVerification: true,
        isUserVerified: true,
        automaticPresenceSimulation: true,
      },
    }));
  }

  const inPage = (call: 'startRegistration' | 'startAuthentication', options: object): Promise<object> =>
    opened.page.evaluate(`SimpleWebAuthnBrowser.${call}({ optionsJSON: ${JSON.stringify(options)} })`);
  const register = async (user: Actor) => {
    const credential = await inPage('startRegistration', await creationOptions(user));
    const { status, body } = await user.rest('POST', '/auth/passkeys', { name: 'Chromium', credential });
    expect(status).toBe(200);
    return body.data as { readonly passkey_id: string };
  };
  const assertion = async () => inPage('startAuthentication', await requestOptions(new Actor(app.url)));
  const login = async () => answerLogin(new Actor(app.url), await assertion());

  it('are made and log in, again and again, with nothing typed', async () => {
    const user = await signUp(app);
    await register(user);
    for (let count = 0; count < 3; count++) {
      const { status, body } = await login();
      expect(status).toBe(200);
      const client = new Actor(app.url);
      client.token = (body.data as { access_token: string }).access_token;
      expect(await client.ask('{ me { id } }')).toEqual({ me: { id: user.userId } });
    }
    expect(opened.foreign).toEqual([]);
  });

  it('are not made twice on the same device', async () => {
    const user = await signUp(app);
    await register(user);
    const again = inPage('startRegistration', await creationOptions(user));
    await expect(again).rejects.toThrow('previously registered');
  });

  it('ask for the finger, the face or the PIN', async () => {
    const user = await signUp(app);
    await register(user);
    await devtools.send('WebAuthn.setUserVerified', { authenticatorId, isUserVerified: false });
    await expect(inPage('startAuthentication', { ...(await requestOptions(user)), timeout: 500 })).rejects.toThrow();
    // The service refuses an answer without user verification too, if a browser was told not to ask for it.
    const lax = await inPage('startAuthentication', {
      ...(await requestOptions(user)),
      userVerification: 'discouraged',
    });
    expect(await answerLogin(user, lax)).toMatchObject(INVALID);
  });

  it('are refused from a page of another origin', async () => {
    const user = await signUp(app);
    await register(user);
    const { credentials } = await devtools.send('WebAuthn.getCredentials', { authenticatorId });
    await opened.close();
    const elsewhere = await startTestApp({ stores: on, settings: SETTINGS });
    // The same domain on another port: browsers offer the passkey on this page too.
    await open(elsewhere.url);
    for (const credential of credentials)
      await devtools.send('WebAuthn.addCredential', { authenticatorId, credential });
    expect(await login()).toMatchObject(INVALID);
    const made = await inPage('startRegistration', { ...(await creationOptions(user)), excludeCredentials: [] });
    expect(await user.rest('POST', '/auth/passkeys', { name: 'phished', credential: made })).toMatchObject({
      status: 400,
    });
    await elsewhere.close();
  });

  it('are refused when an answer comes again, or from a copy, or after they were removed', async () => {
    const user = await signUp(app);
    const { passkey_id: id } = await register(user);
    const { credentials } = await devtools.send('WebAuthn.getCredentials', { authenticatorId });
    const answer = await assertion();
    expect((await answerLogin(user, answer)).status).toBe(200);
    expect(await answerLogin(user, answer)).toMatchObject(INVALID);

    const [copy] = credentials as StoredCredential[];
    if (copy === undefined) throw new Error('The authenticator has no passkey');
    const after = await devtools.send('WebAuthn.getCredentials', { authenticatorId });
    expect(after.credentials[0]?.signCount).toBeGreaterThan(copy.signCount);
    await devtools.send('WebAuthn.removeCredential', { authenticatorId, credentialId: copy.credentialId });
    await devtools.send('WebAuthn.addCredential', { authenticatorId, credential: copy as never });
    expect(await login()).toMatchObject(INVALID);
    // By now the copy's signature counter has reached the original's.
    expect((await login()).status).toBe(200);

    expect((await user.rest('DELETE', `/auth/passkeys/${id}`)).status).toBe(200);
    expect(await login()).toMatchObject(INVALID);
  });

  it('log the user in whose passkey is chosen, of several on the device', async () => {
    const [ada, eve] = [await signUp(app), await signUp(app)];
    await register(ada);
    const { credentials } = await devtools.send('WebAuthn.getCredentials', { authenticatorId });
    await register(eve);
    for (const { credentialId } of credentials) {
      await devtools.send('WebAuthn.removeCredential', { authenticatorId, credentialId });
    }
    const { body } = await login();
    const client = new Actor(app.url);
    client.token = (body.data as { access_token: string }).access_token;
    expect(await client.ask('{ me { id } }')).toEqual({ me: { id: eve.userId } });
  });
});
