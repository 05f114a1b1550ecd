import { describe, expect, it } from '@jest/globals';
import { Actor } from '../support/actor.js';
import { startTestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { startForgedProvider } from '../support/forged-provider.js';
import { startOidcProvider } from '../support/oidc-provider.js';
import { BrowserLike, parametersOf, providerSettings } from '../support/provider-login.js';

const DOWN = { status: 503, body: { code: 503, message: 'Login provider unavailable', data: null } };

describe.each(stores)('a provider of logins on %s', (on) => {
  it('that is down stops neither the start nor the other, and is asked again when it is back', async () => {
    const provider = await startOidcProvider();
    const forged = await startForgedProvider('shaky');
    const { port } = new URL(forged.issuer);
    await forged.close();
    const app = await startTestApp({ stores: on, settings: providerSettings(provider, forged) });
    const browser = new BrowserLike(app.url);
    for (let count = 0; count < 2; count++) expect(await browser.start('shaky')).toMatchObject(DOWN);
    const callback = await provider.visit(await browser.authorizationUrl('house'), 'someone');
    expect((await browser.get(callback)).status).toBe(200);
    expect((await new Actor(app.url).rest('GET', '/health')).status).toBe(200);
    const { rowCount } = await app.database.query('SELECT FROM provider_logins');
    expect(rowCount).toBe(0);
    const back = await startForgedProvider('shaky', Number(port));
    expect((await browser.start('shaky')).status).toBe(302);
    await app.close();
    await back.close();
    await provider.close();
  });

  it('is asked for its metadata once, by any number of logins at once', async () => {
    const provider = await startOidcProvider();
    const app = await startTestApp({ stores: on, settings: providerSettings(provider) });
    const starts = Array.from({ length: 20 }, () => new BrowserLike(app.url).start('house'));
    const answers = await Promise.all(starts);
    expect(answers.map(({ status }) => status)).toEqual(new Array<number>(20).fill(302));
    expect(provider.discoveries()).toBe(1);
    await app.close();
    await provider.close();
  });

  it('that tells nonsense of itself is down, and works as soon as it does not', async () => {
    const forged = await startForgedProvider();
    const app = await startTestApp({ stores: on, settings: providerSettings(forged) });
    for (const metadata of [
      undefined,
      { issuer: 'https://accounts.example.com' },
      { authorization_endpoint: undefined },
      { authorization_endpoint: 'nonsense' },
    ]) {
      forged.metadata = metadata;
      expect(await new BrowserLike(app.url).start('forger')).toMatchObject(DOWN);
    }
    forged.metadata = {};
    expect((await new BrowserLike(app.url).start('forger')).status).toBe(302);
    expect(app.logged.filter(({ level }) => Number(level) >= 50)).toEqual([]);
    await app.close();
    await forged.close();
  });

  it('that says nothing is given up', async () => {
    const forged = await startForgedProvider();
    const app = await startTestApp({ stores: on, settings: providerSettings(forged) });
    const browser = new BrowserLike(app.url);
    const { state = '' } = parametersOf(await browser.authorizationUrl('forger'));
    const query = new URLSearchParams({ state, iss: forged.issuer, code: 'a code' });
    const answer = await browser.get(`${app.url}/api/v1/auth/oidc/forger/callback?${query.toString()}`);
    expect(answer).toMatchObject(DOWN);
    await app.close();
    await forged.close();
  });

  it('is gone to a number of times a minute from one network, whatever becomes of Redis', async () => {
    const provider = await startOidcProvider();
    const settings = { ...providerSettings(provider), RATE_LIMIT_PROVIDER_LOGIN: '3/60' };
    const app = await startTestApp({ stores: on, settings });
    const starts = Array.from({ length: 10 }, () => new BrowserLike(app.url).start('house'));
    const refused = (await Promise.all(starts)).filter(({ status }) => status !== 302);
    expect(refused).toHaveLength(7);
    for (const { status, body, headers } of refused) {
      expect({ status, message: body.message }).toEqual({ status: 429, message: 'Too many requests' });
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    await app.close();
    await provider.close();
  });
});
