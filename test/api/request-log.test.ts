import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import { ROOMY_PLANS } from '../support/replies.js';
import { stores } from '../support/servers.js';

describe.each(stores)('lines of the log on %s', (on) => {
  let app: TestApp;
  let user: Actor;
  const linesOf = (requestId: string, message: string) =>
    eventually(
      () => Promise.resolve(app.logged.filter(({ msg }) => msg === message)),
      (lines) => lines.some((line) => line['requestId'] === requestId),
    );

  beforeAll(async () => {
    // Nobody takes mails.
    const settings = { SMTP_URL: `smtp://127.0.0.1:${await freePort()}`, PLANS: ROOMY_PLANS };
    app = await startTestApp({ stores: on, settings });
    user = await signUp(app);
  });
  afterAll(() => app.close());

  it('name the request whose job failed', async () => {
    const requestId = randomUUID();
    const query = 'mutation ($email: String!) { requestPasswordReset(email: $email) }';
    const response = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': requestId },
      body: JSON.stringify({ query, variables: { email: user.credentials.email } }),
    });
    expect(await response.json()).toEqual({ data: { requestPasswordReset: true } });
    const lines = await linesOf(requestId, 'a job failed, and will be tried again');
    expect(lines.find((line) => line['requestId'] === requestId)).toMatchObject({ queue: 'one-time-code-mails' });
  });

  it('name the request whose reply failed', async () => {
    const requestId = randomUUID();
    app.model.reply({ error: { status: 401, message: 'no' } });
    const { status } = await user.rest(
      'POST',
      '/chat',
      { message: 'a question with a marker' },
      { 'x-request-id': requestId },
    );
    expect(status).toBe(502);
    const lines = await linesOf(requestId, 'The model failed');
    expect(lines.every((line) => line['requestId'] === requestId)).toBe(true);
  });
});
