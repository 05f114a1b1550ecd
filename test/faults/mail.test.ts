import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { startMailServer, type MailServer } from '../support/mail-server.js';

type Behaviour = 'deliver' | 'silent' | 'refuse';

/** A mail server that says nothing, or hangs up, for as long as it is told to. */
async function startFaultyMailServer(real: MailServer) {
  let behaviour: Behaviour = 'deliver';
  const silent: Socket[] = [];
  const server = createServer((client) => {
    client.on('error', () => undefined);
    if (behaviour === 'refuse') client.resetAndDestroy();
    else if (behaviour === 'silent') silent.push(client.resume());
    else {
      const upstream = connect(real.port, '127.0.0.1').on('error', () => client.destroy());
      client.pipe(upstream).pipe(client);
    }
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `smtp://127.0.0.1:${(server.address() as AddressInfo).port}`,
    silent,
    behave: (now: Behaviour) => {
      behaviour = now;
    },
    close: async () => {
      for (const socket of silent) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

const DEAD_MAIL = `{ deadMail(first: 10) { totalCount nodes { id kind email reason tries requestedAt failedAt } } }`;

describe('mail', () => {
  let real: MailServer;
  let smtp: Awaited<ReturnType<typeof startFaultyMailServer>>;
  let app: TestApp;

  beforeAll(async () => {
    real = await startMailServer();
    smtp = await startFaultyMailServer(real);
    app = await startTestApp({ settings: { SMTP_URL: smtp.url, MAIL_FROM: 'Flynkle <no-reply@example.com>' } });
  });
  afterAll(async () => {
    await app.close();
    await smtp.close();
    await real.close();
  });

  const ask = (owner: Actor) => owner.rest('POST', '/auth/request-verify', { email: owner.credentials.email });

  it('is not held up by another one for which the server is silent', async () => {
    const [first, second] = [await signUp(app), await signUp(app)];
    smtp.behave('silent');
    await ask(first);
    await eventually(
      () => Promise.resolve(smtp.silent.length),
      (count) => count === 1,
    );
    smtp.behave('deliver');
    await ask(second);
    await real.codeTo(second.credentials.email);
    expect(smtp.silent[0]?.readableEnded).toBe(false);
    expect(real.received.some(({ recipients }) => recipients.includes(first.credentials.email))).toBe(false);
    smtp.silent[0]?.destroy();
    await real.codeTo(first.credentials.email);
  });

  it('that was given up is in the log, and listed for admins alone', async () => {
    const [owner, admin] = [await signUp(app), await signUp(app)];
    await app.database.query('UPDATE users SET is_admin = true WHERE id = $1', [admin.userId]);
    await admin.login();
    smtp.behave('refuse');
    const allTries = () => app.logged.filter(({ msg }) => String(msg).startsWith('a job failed'));
    const earlier = allTries().length;
    const tries = () => allTries().slice(earlier);
    await ask(owner);
    await eventually(
      () => Promise.resolve(tries()),
      ({ length }) => length > 0,
    );
    expect(tries()[0]).toMatchObject({ tries: 1, msg: 'a job failed, and will be tried again' });
    // Ten minutes later.
    await app.database.query(
      `UPDATE jobs.job SET retry_limit = retry_count WHERE state < 'completed' AND name <> 'dead'`,
    );
    await eventually(
      () => Promise.resolve(tries()),
      (lines) => lines.some(({ msg }) => msg === 'a job failed for the last time, and is given up'),
    );
    const { deadMail } = await eventually(
      () => admin.ask<{ deadMail: { totalCount: number; nodes: { id: string; reason: string }[] } }>(DEAD_MAIL),
      ({ deadMail: { totalCount } }) => totalCount > 0,
    );
    smtp.behave('deliver');
    const { email } = owner.credentials;
    expect(deadMail.nodes).toEqual([
      expect.objectContaining({
        kind: 'EMAIL_VERIFICATION',
        email,
        reason: expect.stringMatching(/^the SMTP server did not/),
      }),
    ]);
    expect(deadMail.nodes[0]?.reason).not.toContain(email);
    const listed = await admin.rest('GET', '/admin/dead-mail');
    expect(listed).toMatchObject({ status: 200, body: { data: [{ mail_id: deadMail.nodes[0]?.id, email }] } });
    expect((await owner.graphql(DEAD_MAIL)).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    expect((await owner.rest('GET', '/admin/dead-mail')).status).toBe(403);
    expect(JSON.stringify(app.logged)).not.toContain(email);
  });
});
