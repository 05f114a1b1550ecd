import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { openDatabase } from '../../src/adapters/postgres/open-database.js';
import { Actor, signUp } from '../support/actor.js';
import { runAdmin } from '../support/admin-program.js';
import { eventually } from '../support/eventually.js';
import { startModelServer } from '../support/model-server.js';
import {
  startInVain,
  startProgram,
  withDatabaseDirectory,
  withDataDirectory,
  type Program,
} from '../support/program.js';
import { migrationsDirectory, silentLogger } from '../support/servers.js';

const PLANS = JSON.stringify({
  free: {
    price: 0,
    daily_messages: 100_000,
    daily_tokens: 100_000_000,
    max_conversations: 1_000,
    max_file_uploads: 50,
  },
});
const UPLOADED = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index % 251));
const SETTINGS = { PLANS, RATE_LIMIT_MESSAGE: '1000/60' };
const MESSAGES = `query ($id: ID!) {
  conversation(id: $id) { messages(first: 100) { nodes { status content } } }
}`;

const EVENTS = `subscription ($id: ID!, $after: Int) {
  conversationEvents(conversationId: $id, after: $after) { __typename ... on EventsExpired { sequence } }
}`;

interface Texts {
  readonly conversation: {
    readonly messages: {
      readonly nodes: readonly { readonly status: string; readonly content: { readonly text: string | null } }[];
    };
  };
}

async function stop(program: Program): Promise<void> {
  program.kill('SIGTERM');
  expect(await program.exited).toEqual({ code: 0, signal: null });
}

/** Every row of every table, pg-boss's included, as text. */
async function rowsOf(dataDirectory: string): Promise<Record<string, unknown>> {
  const database = await openDatabase({
    url: undefined,
    dataDirectory,
    migrationsDirectory,
    logger: silentLogger,
    missingMigrations: 'leave',
  });
  try {
    const { rows: tables } = await database.query<{ name: string }>(
      `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
        WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
    );
    const found: Record<string, unknown> = {};
    for (const { name } of tables) {
      const { rows } = await database.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t ORDER BY 1`);
      found[name] = rows.map(({ row }) => row);
    }
    return found;
  } finally {
    await database.close();
  }
}

async function upload(owner: Actor): Promise<string> {
  const form = new FormData();
  form.set('file', new File([UPLOADED], 'numbers.bin'));
  const response = await fetch(`${owner.url}/api/v1/uploads`, { method: 'POST', headers: owner.headers, body: form });
  const { data } = (await response.json()) as { data: { url: string } };
  return new URL(data.url).pathname;
}

/** The events of running replies, as the service keeps them for its next process. */
async function eventsIn(directory: string): Promise<string> {
  const folder = join(directory, 'replies');
  const files = await readdir(folder);
  return (await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')))).join('');
}

async function textsOf(actor: Actor, id: string) {
  const { conversation } = await actor.ask<Texts>(MESSAGES, { id });
  return conversation.messages.nodes.map(({ status, content }) => ({ status, text: content.text }));
}

describe('a backup of the embedded database', () => {
  it('made while the service writes and answers has all that was stored before, and works again elsewhere', () =>
    withDatabaseDirectory(async (directory) => {
      const model = await startModelServer();
      const release = Promise.withResolvers<undefined>();
      model.reply({ chunks: ['The first words', ' and the rest.'], hold: { after: 1, until: release.promise } });
      // The model is silent for as long as the backup takes.
      const patience = { MODEL_STALL_SECONDS: '3600', MAX_REPLY_SECONDS: '3600' };
      const settings = { ...SETTINGS, ...patience, OPENAI_BASE_URL: model.url, OPENAI_API_KEY: 'sk-test' };
      const first = await startProgram({ ...settings, DATA_DIR: directory });
      const owner = await signUp(first);
      const { refreshToken } = await owner.login();
      const path = await upload(owner);
      const { email } = owner.credentials;
      await owner.ask('mutation ($email: String!) { requestEmailVerification(email: $email) }', { email });
      await eventually(
        () => readdir(join(directory, 'mail')).catch(() => []),
        (mails) => mails.length > 0,
      );
      const asked = await owner.createConversation('asked');
      const question = owner.rest('POST', '/chat', { message: 'Well?', conversation_id: asked });
      await eventually(
        () => eventsIn(directory),
        (events) => events.includes('The first words'),
      );
      const written = await owner.createConversation('written');
      const write = (number: number) =>
        owner.rest('POST', `/conversations/${written}/messages`, {
          content: { text: `number ${number}` },
          message_type: 'user',
        });
      let stored = 0;
      for (; stored < 5; stored++) expect((await write(stored)).status).toBe(200);

      const file = join(directory, 'of-today.tar.gz');
      const made = { isDone: false };
      const backup = runAdmin({ DATA_DIR: directory }, ['backup', file]).finally(() => {
        made.isDone = true;
      });
      let later = stored;
      for (; !made.isDone; later++) expect((await write(later)).status).toBe(200);
      expect(await backup).toMatchObject({ code: 0, said: expect.stringMatching(/of-today\.tar\.gz has \d+ files/) });
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      release.resolve(undefined);
      expect((await question).status).toBe(200);
      await eventually(
        () => readdir(directory),
        (names) => !names.some((name) => name.startsWith('snapshot-')),
      );
      await stop(first);

      const target = join(directory, 'elsewhere');
      const restored = await runAdmin({ DATA_DIR: target }, ['restore', file]);
      expect(restored).toMatchObject({ code: 0, said: expect.stringContaining(`${target} is as it was at 20`) });
      expect(await readFile(join(target, 'secret-key'))).toEqual(await readFile(join(directory, 'secret-key')));
      expect(await readdir(join(target, 'mail'))).toEqual(await readdir(join(directory, 'mail')));
      const second = await startProgram({ ...settings, DATA_DIR: target });
      const again = Object.assign(new Actor(second.url, owner.credentials), { token: owner.token });
      const messages = (await textsOf(again, written)).map(({ text }) => text);
      expect(messages).toEqual(Array.from({ length: messages.length }, (_, number) => `number ${number}`));
      expect(messages.length).toBeGreaterThanOrEqual(stored);
      expect(messages.length).toBeLessThanOrEqual(later);
      // The process that wrote it is another one: what had come is kept, and the reply is ended.
      expect((await textsOf(again, asked)).at(-1)).toEqual({ status: 'PARTIAL', text: 'The first words' });
      // What clients saw since the backup has numbers that are not given again.
      const events = again.eventStream(EVENTS, { id: written, after: 1 });
      expect(await events.next()).toMatchObject({
        value: {
          data: { conversationEvents: { __typename: 'EventsExpired', sequence: expect.any(Number) as unknown } },
        },
      });
      events.close();
      const served = await fetch(`${second.url}${path}`);
      expect(Buffer.from(await served.arrayBuffer())).toEqual(UPLOADED);
      expect((await again.rest('POST', '/auth/refresh', undefined, { 'x-refresh-token': refreshToken })).status).toBe(
        200,
      );
      await again.login();
      await stop(second);
      await model.close();
    }));

  it('of a service that is stopped has every row of every table, but for the events that clients may have missed', () =>
    withDatabaseDirectory(async (directory) => {
      const program = await startProgram({ ...SETTINGS, DATA_DIR: directory });
      const owner = await signUp(program);
      await owner.rest('POST', '/chat', { message: 'Well?' });
      await owner.createConversation();
      await upload(owner);
      await stop(program);
      const file = join(directory, 'backup.tar.gz');
      const target = join(directory, 'elsewhere');
      expect((await runAdmin({ DATA_DIR: directory }, ['backup', file])).code).toBe(0);
      expect((await runAdmin({ DATA_DIR: target }, ['restore', file])).code).toBe(0);
      const rows = await rowsOf(directory);
      expect(Object.keys(rows)).toEqual(expect.arrayContaining(['public.users', 'public.messages', 'public.uploads']));
      expect(await rowsOf(target)).toEqual({
        ...rows,
        'public.event_feeds': expect.not.arrayContaining(rows['public.event_feeds'] as string[]),
        'public.feed_events': [],
      });
      expect(await runAdmin({ DATA_DIR: directory }, ['backup', file])).toMatchObject({
        code: 1,
        said: expect.stringContaining('takes the place of no file'),
      });
    }));

  it('is not restored under a service, over other data, or by half', () =>
    withDatabaseDirectory(async (directory) => {
      const file = join(directory, 'backup.tar.gz');
      const settings = { DATA_DIR: directory };
      expect((await runAdmin(settings, ['backup', file])).code).toBe(0);
      const refused = await runAdmin(settings, ['restore', file]);
      expect(refused).toMatchObject({ code: 1, said: expect.stringContaining('--force moves') });
      const program = await startProgram(settings);
      const inUse = await runAdmin(settings, ['restore', file, '--force']);
      expect(inUse).toMatchObject({ code: 1, said: expect.stringContaining('stop the service first') });
      await stop(program);
      const forced = await runAdmin(settings, ['restore', file, '--force']);
      expect(forced).toMatchObject({ code: 0, said: expect.stringContaining('what was there before is in') });
      await writeFile(join(directory, 'restore.unfinished'), '');
      const { code, output } = await startInVain(settings);
      expect(code).toBe(1);
      expect(output).toContain('is half restored');
      expect((await runAdmin(settings, ['restore', file, '--force'])).code).toBe(0);
      await stop(await startProgram(settings));
    }));

  it('says what it is not for, and what is not there', () =>
    withDataDirectory(async (directory) => {
      const file = join(directory, 'backup.tar.gz');
      const server = { DATABASE_URL: 'postgresql://nobody:sesame@127.0.0.1:1/none', DATA_DIR: directory };
      for (const word of ['backup', 'restore']) {
        const { code, said } = await runAdmin(server, [word, file]);
        expect([code, said]).toEqual([1, expect.stringContaining('docs/operations.md')]);
      }
      const settings = { DATA_DIR: join(directory, 'data') };
      expect((await runAdmin(settings, ['backup', file])).said).toContain('holds no database yet');
      expect((await runAdmin(settings, ['restore', file])).said).toContain('there is no file');
      await mkdir(settings.DATA_DIR, { recursive: true });
      await writeFile(file, 'a text');
      expect(await runAdmin(settings, ['restore', file])).toMatchObject({
        code: 1,
        said: expect.stringContaining('is damaged, or no backup'),
      });
    }));
});
