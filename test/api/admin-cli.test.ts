import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { openDatabase } from '../../src/adapters/postgres/open-database.js';
import type { Environment } from '../../src/config.js';
import { Actor, signUp } from '../support/actor.js';
import { eventually } from '../support/eventually.js';
import { startFaultProxy } from '../support/fault-proxy.js';
import { giveUpJobs } from '../support/jobs.js';
import { startMailServer } from '../support/mail-server.js';
import { CREATE_MESSAGE, storedMessage } from '../support/replies.js';
import { runAdmin } from '../support/admin-program.js';
import { startTestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { createMigratedDatabase, fillDataDirectory } from '../support/migrated-database.js';
import { createDatabase, migrationsDirectory, silentLogger, testServerUrl } from '../support/servers.js';

const PASSWORD = 'a battery of horses';
const ADMIN = { email: 'ada@example.com', password: PASSWORD };
const USER = { email: 'eve@example.com', password: PASSWORD };

let resources: AsyncDisposableStack;
let dataDirectory: string;
beforeEach(async () => {
  resources = new AsyncDisposableStack();
  dataDirectory = await mkdtemp(join(tmpdir(), 'flynkle-admin-'));
  resources.defer(() => rm(dataDirectory, { recursive: true, force: true }));
});
afterEach(() => resources.disposeAsync());

async function newServerDatabase(create = createDatabase): Promise<string> {
  const { url, drop } = await create(testServerUrl() ?? '');
  resources.defer(drop);
  return url;
}

describe.each(stores)('the command line on %s', (on) => {
  /** Settings shared by the service and the command line, on a database with tables but no users. */
  const settingsOf = async (): Promise<Environment> => {
    const settings = { DATA_DIR: dataDirectory, SECRET_KEY: 'one key of thirty-two bytes or more' };
    if (on === 'embedded') {
      await fillDataDirectory(dataDirectory);
      return settings;
    }
    const url = await newServerDatabase(createMigratedDatabase);
    return { ...settings, DATABASE_URL: url };
  };

  it('makes the first admin and another user, and changes what the service then goes by', async () => {
    const settings = await settingsOf();
    const admin = (words: readonly string[], input?: string) => runAdmin(settings, words, input);
    const service = async (work: (url: string) => Promise<void>) => {
      const app = await startTestApp({ stores: on, settings });
      await work(app.url).finally(() => app.close());
    };
    const statusOf = async (url: string, { email, password }: typeof USER) =>
      (await new Actor(url).rest('POST', '/auth/login', { email, password })).status;

    const created = await admin(['create', ADMIN.email], `${PASSWORD}\n`);
    expect(created).toMatchObject({ code: 0, printed: '' });
    expect(created.said).toMatch(/^ada@example\.com \([0-9a-f-]{36}\) is a new admin\n$/);
    const generated = await admin(['create', USER.email, '--no-admin', '--generate']);
    expect(generated).toMatchObject({ code: 0, printed: expect.stringMatching(/^[\w-]{20}\n$/) });
    const eve = { ...USER, password: generated.printed.trim() };
    expect(await admin(['suspend', ADMIN.email, '--yes'])).toMatchObject({
      code: 1,
      said: 'error: This is the last admin; make another user an admin first\n',
    });

    let token: string | undefined;
    await service(async (url) => {
      const ada = new Actor(url, ADMIN);
      await ada.login();
      expect((await ada.rest('GET', '/admin/users')).status).toBe(200);
      const user = new Actor(url, eve);
      await user.login();
      token = user.token;
      expect((await user.rest('GET', '/admin/users')).status).toBe(403);
    });
    expect(await admin(['suspend', eve.email])).toMatchObject({ code: 2, said: expect.stringContaining('--yes') });
    expect((await admin(['suspend', eve.email, '--yes'])).code).toBe(0);
    await service(async (url) => {
      expect(await statusOf(url, eve)).toBe(403);
    });
    for (const command of ['reinstate', 'promote']) expect((await admin([command, eve.email])).code).toBe(0);
    expect((await admin(['reset', eve.email], `${PASSWORD} again\n`)).code).toBe(0);
    await service(async (url) => {
      expect(await statusOf(url, eve)).toBe(401);
      const user = new Actor(url, { ...eve, password: `${PASSWORD} again` });
      user.token = token;
      expect((await user.rest('GET', '/users/me')).status).toBe(401);
      await user.login();
      expect((await user.rest('GET', '/admin/users')).status).toBe(200);
      const { auditEvents } = await user.ask<{ auditEvents: { nodes: unknown[] } }>(
        '{ auditEvents(action: USER_SUSPENDED) { nodes { actorId details } } }',
      );
      expect(auditEvents.nodes).toEqual([{ actorId: null, details: { by: 'command line' } }]);
    });
    for (const words of [
      ['demote', eve.email, '--yes'],
      ['delete', eve.email, '--yes'],
      ['restore', eve.email],
    ]) {
      expect((await admin(words)).code).toBe(0);
    }
    const { printed } = await admin(['list']);
    expect(printed.split('\n').map((line) => line.replace(/ +/g, ' '))).toEqual([
      'ADDRESS ID STATE PLAN CREATED LAST LOGIN',
      expect.stringMatching(/^eve@example\.com [0-9a-f-]{36} unverified free /),
      expect.stringMatching(/^ada@example\.com [0-9a-f-]{36} admin free /),
      '',
    ]);
  });

  it('makes, lists and revokes invitations, which the service then goes by', async () => {
    const settings = { ...(await settingsOf()), SIGN_UP: 'invite' };
    const admin = (...words: string[]) => runAdmin(settings, words);
    const invited = [await admin('invite'), await admin('invite', USER.email)];
    const [revoked, bound] = invited.map(({ printed }) => printed.trim());
    const listed = JSON.parse((await admin('invitations', '--json')).printed) as Record<
      'id' | 'email',
      string | null
    >[];
    expect(listed.map(({ email }) => email)).toEqual([USER.email, null]);
    expect(await admin('revoke-invitation', listed[1]?.id ?? '', '--yes')).toMatchObject({
      code: 0,
      said: 'the invitation is revoked; 0 accounts were made with it\n',
    });
    const app = await startTestApp({ stores: on, settings });
    const signUpWith = async (invitation: string | undefined) =>
      (await new Actor(app.url).rest('POST', '/users', { provider: 'email', ...USER, invitation })).body.message;
    expect([await signUpWith(revoked), await signUpWith(bound)]).toEqual(['Invalid invitation', 'Success']);
    await app.close();
    expect((await admin('invitations')).printed).toMatch(/^eve@example\.com .* used up .*\nanyone .* revoked /m);
  });

  it('lists replies and stops one, which then ends with what had come', async () => {
    const settings = await settingsOf();
    const admin = (...words: string[]) => runAdmin(settings, words);
    const app = await startTestApp({ stores: on, settings });
    const user = await signUp(app);
    const conversationId = await user.createConversation();
    app.model.reply({ chunks: ['Hm. '], toolCalls: [{ id: 'call_1', name: 'now', arguments: '{}' }], usage: 7 });
    const input = { conversationId, content: { text: 'When?' }, messageType: 'user', invokeLlm: true };
    const { createMessage } = await user.ask<{ createMessage: { reply: { id: string } } }>(CREATE_MESSAGE, {
      input: { ...input, tools: [{ name: 'now' }] },
    });
    const { id } = createMessage.reply;
    await eventually(
      () => app.database.query('SELECT id FROM messages WHERE waits_until > now()'),
      ({ rows }) => rows.length === 1,
    );
    await app.close();
    expect((await admin('replies')).printed.replace(/ +/g, ' ')).toMatch(
      new RegExp(`^REPLY USER .*\n${id} ${user.userId} ${conversationId} .* waiting for tools \\d{4}-`),
    );
    expect(JSON.parse((await admin('replies', '--json')).printed)).toMatchObject([{ id, state: 'WAITING_FOR_TOOLS' }]);
    expect(await admin('stop-reply', id, '--yes', '--reason', 'by hand')).toMatchObject({
      code: 0,
      said: 'the reply is asked to stop; its instance ends it within seconds\n',
    });
    const again = await startTestApp({ stores: on, settings });
    resources.defer(() => again.close());
    const later = Object.assign(new Actor(again.url), { token: user.token });
    const stored = await eventually(
      () => storedMessage(later, id),
      ({ status }) => status !== 'STREAMING',
    );
    expect(stored).toMatchObject({ status: 'PARTIAL', text: 'Hm. ' });
    const { rows } = await again.database.query(
      "SELECT actor_id, subject_id, details FROM audit_events WHERE action = 'REPLY_STOPPED'",
    );
    const details = { messageId: id, conversationId, reason: 'by hand', by: 'command line' };
    expect(rows).toEqual([{ actor_id: null, subject_id: user.userId, details }]);
  });

  it('has a mail that was given up sent after all, by the service', async () => {
    const mail = await startMailServer();
    resources.defer(() => mail.close());
    const smtp = await startFaultProxy({ host: '127.0.0.1', port: mail.port });
    resources.defer(() => smtp.close());
    const settings = {
      ...(await settingsOf()),
      SMTP_URL: `smtp://127.0.0.1:${smtp.port}`,
      MAIL_FROM: 'Flynkle <no-reply@example.com>',
    };
    const admin = (...words: string[]) => runAdmin(settings, words);
    const app = await startTestApp({ stores: on, settings });
    smtp.refuse();
    const users = [await signUp(app), await signUp(app)];
    const emails = users.map(({ credentials }) => credentials.email);
    for (const email of emails) await users[0]?.rest('POST', '/auth/request-verify', { email });
    await eventually(
      async () => {
        await giveUpJobs(app);
        return app.database.query("SELECT id FROM jobs.job WHERE name = 'dead'");
      },
      ({ rows }) => rows.length === 2,
    );
    await app.close();
    smtp.heal();
    const listed = JSON.parse((await admin('dead-mail', '--json')).printed) as Record<
      'id' | 'queue' | 'email',
      string
    >[];
    const [first, second] = listed;
    expect(await admin('drop-mail', first?.id ?? '', '--yes')).toMatchObject({
      code: 0,
      said: 'the mail is dropped\n',
    });
    expect(await admin('retry-mail', '--queue', second?.queue ?? '')).toMatchObject({
      code: 0,
      said: '1 mail is tried again\n',
    });
    const again = await startTestApp({ stores: on, settings });
    resources.defer(() => again.close());
    await mail.codeTo(second?.email ?? '');
    expect(mail.received.some(({ recipients }) => recipients.includes(first?.email ?? ''))).toBe(false);
    const { rows } = await again.database.query(
      "SELECT action::text, details FROM audit_events WHERE action IN ('JOB_DROPPED', 'JOB_RETRIED') ORDER BY id",
    );
    expect(rows).toEqual(
      [first, second].map((job, index) => ({
        action: ['JOB_DROPPED', 'JOB_RETRIED'][index],
        details: { queue: job?.queue, jobIds: [job?.id], by: 'command line' },
      })),
    );
  });

  it("leaves it to the service to make the key of its tokens, which would be the operator's file otherwise", async () => {
    const settings = { ...(await settingsOf()), SECRET_KEY: undefined };
    expect((await runAdmin(settings, ['create', ADMIN.email, '--generate'])).code).toBe(0);
    expect(await readdir(dataDirectory)).not.toContain('secret-key');
  });

  it('names every fault of the settings, and makes nothing', async () => {
    const ran = await runAdmin({ DATA_DIR: dataDirectory, PORT: 'x', RATE_LIMIT_LOGIN: 'often' }, ['list']);
    expect(ran).toMatchObject({ code: 1, printed: '' });
    for (const name of ['PORT', 'RATE_LIMIT_LOGIN']) expect(ran.said).toContain(`- ${name}: `);
    expect(await readdir(dataDirectory)).toEqual([]);
  });
});

it('the command line ends quietly when nobody reads its output any more', async () => {
  const child = spawn(process.execPath, ['dist/admin.js', 'help'], { env: { PATH: process.env['PATH'] } });
  child.stdout.destroy();
  const [said, [code]] = await Promise.all([text(child.stderr), once(child, 'close') as Promise<[number]>]);
  expect({ code, said }).toEqual({ code: 0, said: '' });
});

it('the command line needs no settings to show its help, or what is wrong with a command', async () => {
  const settings = { PORT: 'x' };
  const help = await runAdmin(settings, ['--help']);
  expect(help).toMatchObject({ code: 0, said: '' });
  expect(help.printed).toContain('Usage: npm run admin -- <command>');
  expect(await runAdmin(settings, ['promot', 'x'])).toMatchObject({
    code: 2,
    said: expect.stringContaining('Did you mean promote?'),
  });
});

describe('the command line on the embedded database', () => {
  it('says that the folder is in use while the service runs on it, and what to do', async () => {
    await fillDataDirectory(dataDirectory);
    const app = await startTestApp({ settings: { DATA_DIR: dataDirectory } });
    resources.defer(() => app.close());
    const { code, said } = await runAdmin({ DATA_DIR: dataDirectory }, ['list']);
    expect(code).toBe(1);
    expect(said).toContain(`DATA_DIR ${dataDirectory} is in use by another process (pid ${app.pid})`);
    expect(said).toContain('/api/v1/admin/users');
    expect(await signUp(app)).toBeDefined();
  });

  it('makes no database where there is none', async () => {
    const { code, said } = await runAdmin({ DATA_DIR: dataDirectory }, ['list']);
    expect({ code, said }).toEqual({
      code: 1,
      said: `error: DATA_DIR ${dataDirectory} holds no database yet: start the service once, which makes one\n`,
    });
    expect(await readdir(dataDirectory)).toEqual([]);
  });
});

(testServerUrl() === undefined ? describe.skip : describe)('the command line on PostgreSQL', () => {
  it('ends the open streams of a user whom it suspends while the service runs', async () => {
    const settings = { DATABASE_URL: await newServerDatabase(createMigratedDatabase), DATA_DIR: dataDirectory };
    const app = await startTestApp({ stores: 'servers', settings });
    resources.defer(() => app.close());
    const user = await signUp(app);
    const id = await user.createConversation();
    const stream = user.webSocket(
      'subscription ($id: ID!) { conversationEvents(conversationId: $id) { __typename } }',
      { id },
    );
    const ending = stream.next().then(
      (result) => JSON.stringify(result),
      (error: unknown) => JSON.stringify(error),
    );
    expect(await runAdmin(settings, ['suspend', user.credentials.email, '--yes'])).toMatchObject({ code: 0 });
    expect(await ending).toContain('Invalid token');
    stream.close();
  });

  it('changes no tables: neither where there are none, nor those of an older release', async () => {
    const url = await newServerDatabase();
    const settings = { DATABASE_URL: url, DATA_DIR: dataDirectory };
    expect(await runAdmin(settings, ['list'])).toEqual({
      code: 1,
      printed: '',
      said: 'error: The database has no tables yet: start the service once, which makes them\n',
    });
    const database = await openDatabase({ url, dataDirectory, migrationsDirectory, logger: silentLogger });
    const last = `migration_name = (SELECT max(migration_name) FROM _prisma_migrations)`;
    await database.query(`DELETE FROM _prisma_migrations WHERE ${last}`);
    expect(await runAdmin(settings, ['list'])).toMatchObject({
      code: 1,
      said: expect.stringMatching(
        /^error: The database is of an older release, without 1 of the migrations of this one: start/,
      ),
    });
    await database.close();
  });

  it('says that the server cannot be reached', async () => {
    const settings = { DATABASE_URL: 'postgres://nobody:sesame@127.0.0.1:1/none', DATA_DIR: dataDirectory };
    const { code, said } = await runAdmin(settings, ['list']);
    expect(code).toBe(1);
    expect(said).toMatch(/^error: DATABASE_URL: PostgreSQL at 127\.0\.0\.1:1\/none cannot be used: /);
    expect(said).not.toContain('sesame');
  });
});
