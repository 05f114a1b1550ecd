import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { simpleParser } from 'mailparser';
import { startMailServer, type MailServer } from '../../../test/support/mail-server.js';
import type { Mail } from '../../ports/mailer.js';
import { MailFolder } from '../disk/mail-folder.js';
import { SmtpMailer } from './smtp-mailer.js';

const FROM = 'Flynkle <no-reply@example.com>';
const MAIL: Mail = {
  to: 'Ada.Lovelace+chat@example.com',
  subject: 'Grüße – ✓',
  text: 'Hello\n.\nZoë',
  html: '<p>Hello Zoë</p>',
};

/** Addresses that would reach someone else, or be read as a header, if they were written into the mail unescaped. */
const INJECTIONS = [
  'ada@example.com\r\nBcc: eve@example.com',
  'ada@example.com\nBcc: eve@example.com',
  'ada@example.com, eve@example.com',
  'ada@example.com>,<eve@example.com',
  'Ada <eve@example.com>',
  'ada@example.com eve@example.com',
  'ada@example.com\0',
  'eve@example.com (ada@example.com)',
  '',
];

describe('mail through SMTP', () => {
  let server: MailServer;
  beforeAll(async () => {
    server = await startMailServer();
  });
  afterAll(() => server.close());

  const mailer = () => new SmtpMailer({ url: server.url, from: FROM });

  it('comes as it was written, in both forms, and says that no person sent it', async () => {
    await expect(mailer().send(MAIL)).resolves.toBe('sent');
    const { message, recipients } = await server.mailTo(MAIL.to);
    expect(recipients).toEqual([MAIL.to]);
    expect(message).toMatchObject({ subject: MAIL.subject, text: MAIL.text, html: MAIL.html });
    expect(message.headers.get('auto-submitted')).toBe('auto-generated');
    expect(message.messageId).toMatch(/@example\.com>$/);
  });

  it.each(INJECTIONS)('is refused for the address %j', async (to) => {
    const before = server.received.length;
    await expect(mailer().send({ ...MAIL, to })).resolves.toBe('refused');
    expect(server.received).toHaveLength(before);
  });

  it('keeps a line break in a subject out of the headers', async () => {
    const to = 'subject@example.com';
    await mailer().send({ ...MAIL, to, subject: 'Hello\r\nBcc: eve@example.com' });
    const { message, recipients } = await server.mailTo(to);
    expect(recipients).toEqual([to]);
    expect(message.bcc).toBeUndefined();
  });

  it('is refused where the server does not know the recipient', async () => {
    await expect(mailer().send({ ...MAIL, to: 'nobody@example.com' })).resolves.toBe('refused');
  });

  it('fails, to be tried again, where there is no server, and says so without the address', async () => {
    const failure = await new SmtpMailer({ url: 'smtp://user:secret@127.0.0.1:1', from: FROM })
      .send(MAIL)
      .catch((error: unknown) => error);
    expect(String(failure)).toBe('Error: the SMTP server did not take the mail: ESOCKET CONN');
  });

  it('describes its server without the credentials', () => {
    const { description } = new SmtpMailer({ url: 'smtps://user:secret@mail.example.com:465', from: FROM });
    expect(description).toBe('SMTP at mail.example.com:465');
  });
});

describe('mail in a folder', () => {
  let directory: string;
  const files: unknown[] = [];
  beforeEach(async () => {
    directory = join(await mkdtemp(join(tmpdir(), 'flynkle-mail-')), 'mail');
    files.length = 0;
  });
  afterEach(() => rm(join(directory, '..'), { recursive: true, force: true }));

  const folder = () => new MailFolder({ directory, from: FROM, log: { info: (fields) => files.push(fields) } });

  it('is a file for each, named after its time, for its owner alone, and the log says where', async () => {
    await folder().send(MAIL);
    await folder().send(MAIL);
    const names = await readdir(directory);
    expect(names).toHaveLength(2);
    const [name = ''] = names.sort();
    expect(name).toMatch(/^\d{8}T\d{9}Z-[0-9a-f]{8}-[0-9a-f]{8}\.eml$/);
    const file = join(directory, name);
    expect(files).toContainEqual({ file });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
    const message = await simpleParser(await readFile(file));
    expect(message).toMatchObject({ subject: MAIL.subject, to: { text: MAIL.to } });
  });

  it.each(INJECTIONS)('is refused for the address %j', async (to) => {
    await expect(folder().send({ ...MAIL, to })).resolves.toBe('refused');
  });
});
