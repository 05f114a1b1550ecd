import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { Actor, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';

const SESSIONS = '{ sessions { ipAddress isCurrent } }';

/** The IP address in the session of a login with this header. */
async function addressOf({ url }: TestApp, user: Actor, forwardedFor: string): Promise<string | null | undefined> {
  const { body } = await new Actor(url).rest('POST', '/auth/login', user.credentials, {
    'x-forwarded-for': forwardedFor,
  });
  const actor = new Actor(url);
  actor.token = (body.data as { readonly access_token: string }).access_token;
  const { sessions } = await actor.ask<{ sessions: { ipAddress: string | null; isCurrent: boolean }[] }>(SESSIONS);
  return sessions.find(({ isCurrent }) => isCurrent)?.ipAddress;
}

/** The statuses of so many logins, each with a different address in the header. */
async function loginsFrom({ url }: TestApp, count: number): Promise<readonly number[]> {
  const logins = Array.from({ length: count }, async (_, index) => {
    const input = { email: `nobody-${index}@example.com`, password: 'a wrong password' };
    const headers = { 'x-forwarded-for': `198.51.100.${index}` };
    return (await new Actor(url).rest('POST', '/auth/login', input, headers)).status;
  });
  return (await Promise.all(logins)).sort();
}

describe.each([
  ['behind a proxy that is trusted', '127.0.0.1,::1', '198.51.100.7', [401, 401, 401, 401]],
  ['called by anyone', '192.0.2.1', expect.stringMatching(/127\.0\.0\.1|::1/), [401, 401, 429, 429]],
])('the service %s', (_, proxies, address, answers) => {
  let app: TestApp;

  beforeEach(async () => {
    app = await startTestApp({ settings: { TRUSTED_PROXIES: proxies, RATE_LIMIT_LOGIN_CLIENT: '2/60' } });
  });
  afterEach(() => app.close());

  it('keeps with a session where its client is', async () => {
    expect(await addressOf(app, await signUp(app), '203.0.113.9, 198.51.100.7')).toEqual(address);
  });

  it('counts logins by where their clients are', async () => {
    expect(await loginsFrom(app, 4)).toEqual(answers);
  });
});
