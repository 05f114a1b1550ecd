import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signUp } from '../support/actor.js';
import { auditOf, newAdmin, type Someone } from '../support/admins.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.js';
import { giveUpJobs } from '../support/jobs.js';
import { startMailServer, type MailServer } from '../support/mail-server.js';
import { stores } from '../support/servers.js';

const LIST = '{ deadMail(first: 100) { totalCount nodes { id queue email } } }';
const RETRY = 'mutation ($id: ID!) { retryDeadMail(id: $id) { id queue email } }';
const RETRY_ALL = 'mutation ($queue: String!) { retryAllDeadMail(queue: $queue) { retried left } }';
const DROP = 'mutation ($id: ID!) { dropDeadMail(id: $id) { id email } }';

interface Dead {
  readonly id: string;
  readonly queue: string;
  readonly email: string;
}

describe.each(stores)('mail that was given up, on %s', (on) => {
  const resources = new AsyncDisposableStack();
  let mail: MailServer;
  let smtp: FaultProxy;
  let app: TestApp;
  let admin: Someone;

  beforeAll(async () => {
    mail = await startMailServer();
    resources.defer(() => mail.close());
    smtp = await startFaultProxy({ host: '127.0.0.1', port: mail.port });
    resources.defer(() => smtp.close());
    app = await startTestApp({
      stores: on,
      settings: { SMTP_URL: `smtp://127.0.0.1:${smtp.port}`, MAIL_FROM: 'Flynkle <no-reply@example.com>' },
    });
    resources.defer(() => app.close());
    admin = await newAdmin(app);
  });
  afterAll(() => resources.disposeAsync());

  const list = async () => (await admin.ask<{ deadMail: { totalCount: number; nodes: Dead[] } }>(LIST)).deadMail;

  /** A mail to each of so many new users that is given up, and the mail server is there again. */
  async function giveUp(count: number): Promise<readonly Dead[]> {
    smtp.refuse();
    const users = await Promise.all(Array.from({ length: count }, () => signUp(app)));
    const emails = users.map(({ credentials }) => credentials.email);
    for (const email of emails) await admin.rest('POST', '/auth/request-verify', { email });
    const dead = await eventually(
      async () => {
        await giveUpJobs(app);
        return (await list()).nodes.filter(({ email }) => emails.includes(email));
      },
      ({ length }) => length === count,
    );
    smtp.heal();
    return dead;
  }
  const mailsTo = (email: string) => mail.received.filter(({ recipients }) => recipients.includes(email)).length;
  const auditOfJob = async (action: string, id: string) =>
    (await auditOf(admin, action)).filter(({ details }) => (details['jobIds'] as readonly string[]).includes(id));

  it('is sent once when admins retry it all at once, over both doors', async () => {
    const [dead] = await giveUp(1);
    const { id = '', queue = '', email = '' } = dead ?? {};
    const answers = await Promise.all(
      Array.from({ length: 10 }, async (_, number) => {
        if (number % 2 === 0) return (await admin.rest('POST', `/admin/dead-mail/${id}/retry`)).status;
        return (await admin.graphql(RETRY, { id })).errors?.[0]?.extensions.code ?? 200;
      }),
    );
    expect(answers.filter((answer) => answer === 200)).toHaveLength(1);
    expect(new Set(answers)).toEqual(new Set([200, 404, 'NOT_FOUND']));
    await mail.codeTo(email);
    // Those that come later are begun later.
    const [other] = await giveUp(1);
    await admin.ask(RETRY, { id: other?.id });
    await mail.codeTo(other?.email ?? '');
    expect(mailsTo(email)).toBe(1);
    expect(await auditOfJob('JOB_RETRIED', id)).toEqual([
      { action: 'JOB_RETRIED', actorId: admin.userId, subjectId: null, details: { queue, jobIds: [id] } },
    ]);
    expect(await list()).toEqual({ totalCount: 0, nodes: [] });
  });

  it('is sent, all of a queue, by one call', async () => {
    const dead = await giveUp(3);
    const queue = dead[0]?.queue ?? '';
    expect(await admin.ask(RETRY_ALL, { queue: 'of no such name' })).toEqual({
      retryAllDeadMail: { retried: 0, left: 0 },
    });
    const { status, body } = await admin.rest('POST', '/admin/dead-mail/retry', { queue });
    expect({ status, data: body.data }).toEqual({ status: 200, data: { retried: 3, left: 0 } });
    for (const { email } of dead) await mail.codeTo(email);
    const [event] = await auditOfJob('JOB_RETRIED', dead[0]?.id ?? '');
    expect([...(event?.details['jobIds'] as string[])].sort()).toEqual(dead.map(({ id }) => id).sort());
    expect(await admin.ask(RETRY_ALL, { queue })).toEqual({ retryAllDeadMail: { retried: 0, left: 0 } });
  });

  it('is never sent once it is dropped', async () => {
    const [first, second] = await giveUp(2);
    expect(await admin.ask(DROP, { id: first?.id })).toEqual({ dropDeadMail: { id: first?.id, email: first?.email } });
    expect((await admin.rest('DELETE', `/admin/dead-mail/${second?.id ?? ''}`)).body.data).toMatchObject({
      mail_id: second?.id,
      queue: second?.queue,
    });
    for (const id of [first?.id ?? '', second?.id ?? '', crypto.randomUUID()]) {
      for (const document of [DROP, RETRY]) {
        const { errors } = await admin.graphql(document, { id });
        expect(errors).toMatchObject([{ message: 'Mail not found', extensions: { code: 'NOT_FOUND' } }]);
      }
    }
    expect(await list()).toMatchObject({ totalCount: 0 });
    expect(await auditOfJob('JOB_DROPPED', first?.id ?? '')).toMatchObject([{ actorId: admin.userId }]);
    expect(mailsTo(first?.email ?? '')).toBe(0);
  });
});
