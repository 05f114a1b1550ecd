import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { describe, expect, it } from '@jest/globals';
import { Client } from 'minio';
import pg from 'pg';
import { makeToken } from '../support/access-tokens.js';
import { Actor, signUp } from '../support/actor.js';
import { runAdmin } from '../support/admin-program.js';
import { challengeOf, complete, protect } from '../support/authenticator.js';
import { branchOf, EDIT, FORK, REGENERATE, SELECT } from '../support/branches.js';
import { eventually } from '../support/eventually.js';
import { startModelServer } from '../support/model-server.js';
import { postgresBinaries } from '../support/postgres-server.js';
import { startProgram, withDataDirectory } from '../support/program.js';
import { startRedisServer } from '../support/redis-server.js';
import { askModel, eventsOf, readReply, storedMessage, streamingDoors } from '../support/replies.js';
import { administer, createDatabase, testServerUrl } from '../support/servers.js';

const server = testServerUrl();
const endpoint = process.env['TEST_S3_ENDPOINT'];
const S3 = {
  MINIO_ACCESS_KEY: process.env['TEST_S3_ACCESS_KEY'] ?? 'minioadmin',
  MINIO_SECRET_KEY: process.env['TEST_S3_SECRET_KEY'] ?? 'minioadmin',
};
const PLANS = JSON.stringify({
  free: {
    price: 0,
    daily_messages: 100_000,
    daily_tokens: 100_000_000,
    max_conversations: 1_000,
    max_file_uploads: 50,
  },
});
/** More than a part of an upload in several. */
const LARGE = 6 * 1024 * 1024;
const CREATE = 'mutation ($input: CreateConversationInput!) { createConversation(input: $input) { id } }';
const EVENTS = `subscription ($id: ID!, $after: Int) {
  conversationEvents(conversationId: $id, after: $after) { __typename ... on EventsExpired { sequence } }
}`;
/** Rows by table, as text. */
type Rows = Readonly<Record<string, readonly string[]>>;

/** Every row of every table, pg-boss's included. */
async function rowsOf(client: pg.Client): Promise<Rows> {
  const { rows: tables } = await client.query<{ name: string }>(
    `SELECT format('%I.%I', schemaname, tablename) AS name FROM pg_tables
      WHERE schemaname NOT IN ('pg_catalog', 'information_schema') ORDER BY 1`,
  );
  const found: Record<string, readonly string[]> = {};
  for (const { name } of tables) {
    const { rows } = await client.query<{ row: string }>(`SELECT t::text AS row FROM ${name} t ORDER BY 1`);
    found[name] = rows.map(({ row }) => row);
  }
  return found;
}

async function connected<Result>(url: string, work: (client: pg.Client) => Promise<Result>): Promise<Result> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The lines of docs/operations.md that begin with this command. */
async function documented(command: string): Promise<readonly string[]> {
  const lines = (await readFile('docs/operations.md', 'utf8')).split('\n').map((line) => line.trim());
  return lines.filter((line) => line.startsWith(`${command} `));
}

/** Runs a command as an operator does, in a folder of its own. @throws when it complains, or fails */
async function runLine(line: string | undefined, folder: string, url: string): Promise<void> {
  const child = spawn('/bin/sh', ['-c', line ?? 'false'], {
    cwd: folder,
    env: { DATABASE_URL: url, PATH: `${postgresBinaries ?? ''}${delimiter}${process.env['PATH'] ?? ''}` },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const closed = once(child, 'close');
  const said = await text(child.stderr);
  await closed;
  expect({ line, said, code: child.exitCode }).toEqual({ line, said: '', code: 0 });
}

/** An empty database of a user who may do nothing else on the server. */
async function createOwned(address: string): Promise<{ url: string; drop(): Promise<void> }> {
  const { url, drop } = await createDatabase(address);
  const owned = new URL(url);
  owned.username = `restore_${randomUUID().replaceAll('-', '')}`;
  owned.password = 'sesame';
  await administer(address, `CREATE ROLE ${owned.username} LOGIN PASSWORD '${owned.password}'`);
  await administer(address, `ALTER DATABASE ${owned.pathname.slice(1)} OWNER TO ${owned.username}`);
  return {
    url: owned.href,
    drop: async () => {
      await drop();
      await administer(address, `DROP ROLE ${owned.username}`);
    },
  };
}

/**
 * What a start changes in the service's tables: how many rows are no longer there, and how many are new. Left out are pg-boss's
 * tables, in which it keeps count of its instances and says when it last looked, and mail that is due is sent; and rate limits,
 * of which a sweep removes what is over by then.
 */
function changes(before: Rows, after: Rows): Record<string, { gone: number; new: number }> {
  const found: Record<string, { gone: number; new: number }> = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (name.startsWith('jobs.') || name === 'public.rate_limits') continue;
    const [old, now] = [new Set(before[name]), new Set(after[name])];
    const difference = { gone: old.difference(now).size, new: now.difference(old).size };
    if (difference.gone + difference.new > 0) found[name] = difference;
  }
  return found;
}

/** What an operator does with a bucket, by the protocol's usual client. */
class Buckets {
  readonly #client: Client;
  readonly #names: string[] = [];

  constructor(address: string) {
    const { hostname, port } = new URL(`http://${address}`);
    this.#client = new Client({
      endPoint: hostname,
      port: Number(port || '80'),
      useSSL: false,
      accessKey: S3.MINIO_ACCESS_KEY,
      secretKey: S3.MINIO_SECRET_KEY,
    });
  }

  async make(): Promise<string> {
    const name = `restore-${randomUUID()}`;
    await this.#client.makeBucket(name);
    this.#names.push(name);
    return name;
  }

  async keys(bucket: string): Promise<string[]> {
    const keys: string[] = [];
    for await (const { name } of this.#client.listObjectsV2(bucket, '', true) as AsyncIterable<{ name: string }>)
      keys.push(name);
    return keys.sort();
  }

  /** Copies what is there, of `wanted` if it is given, and deletes nothing. */
  async copy(from: string, to: string, wanted?: ReadonlySet<string>): Promise<void> {
    for (const key of await this.keys(from)) {
      if (wanted?.has(key) === false) continue;
      const bytes = await buffer(await this.#client.getObject(from, key));
      const { metaData } = await this.#client.statObject(from, key);
      await this.#client.putObject(to, key, bytes, bytes.length, metaData);
    }
  }

  async drop(): Promise<void> {
    for (const name of this.#names) {
      await this.#client.removeObjects(name, await this.keys(name));
      await this.#client.removeBucket(name);
    }
  }
}

interface File {
  readonly id: string;
  readonly path: string;
  readonly bytes: Buffer;
}

async function upload(owner: Actor, size: number): Promise<File> {
  const bytes = Buffer.from(Array.from({ length: size }, (_, index) => (index * 7 + size) % 251));
  const form = new FormData();
  form.set('file', new globalThis.File([bytes], `${size}.bin`, { type: 'application/x-numbers' }));
  const response = await fetch(`${owner.url}/api/v1/uploads`, { method: 'POST', headers: owner.headers, body: form });
  const { data } = (await response.json()) as { data: { url: string } };
  const { uploads } = await owner.ask<{ uploads: { nodes: { id: string; url: string }[] } }>(
    '{ uploads(first: 100) { nodes { id url } } }',
  );
  const id = uploads.nodes.find(({ url }) => url === data.url)?.id ?? '';
  return { id, path: new URL(data.url).pathname, bytes };
}

/** The same user at another service. */
function at({ url }: { readonly url: string }, user: Actor, token = user.token): Actor {
  return Object.assign(new Actor(url, user.credentials), { token });
}

const refresh = (actor: Actor, token: string) =>
  actor.rest('POST', '/auth/refresh', undefined, { 'x-refresh-token': token });

const createKeyed = async (actor: Actor, key: string): Promise<unknown> => {
  const response = await fetch(`${actor.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': key, ...actor.headers },
    body: JSON.stringify({ query: CREATE, variables: { input: { title: 'keyed' } } }),
  });
  return response.json();
};

/** Follows the order that docs/operations.md gives, under "Backup". */
const suite =
  server !== undefined && endpoint !== undefined && postgresBinaries !== undefined ? describe : describe.skip;
suite('an installation on servers', () => {
  it('is restored with all that was stored when its database was dumped, however busy it was', () =>
    withDataDirectory(async (directory) => {
      const model = await startModelServer();
      const [redis, emptyRedis] = [await startRedisServer(directory), await startRedisServer(directory)];
      const [database, target] = [await createDatabase(server ?? ''), await createOwned(server ?? '')];
      const buckets = new Buckets(endpoint ?? '');
      try {
        const [bucket, backup, onlyBefore, onlyAfter, restored] = [
          await buckets.make(),
          await buckets.make(),
          await buckets.make(),
          await buckets.make(),
          await buckets.make(),
        ];
        const settings = {
          ...S3,
          PLANS,
          MINIO_ENDPOINT: endpoint,
          SECRET_KEY: 'one key of thirty-two bytes or more',
          OPENAI_BASE_URL: model.url,
          OPENAI_API_KEY: 'sk-test',
          RATE_LIMIT_MESSAGE: '1000/60',
          // The model is silent for as long as the backup takes.
          MODEL_STALL_SECONDS: '3600',
          MAX_REPLY_SECONDS: '3600',
        };
        const first = await startProgram({
          ...settings,
          DATA_DIR: join(directory, 'first'),
          DATABASE_URL: database.url,
          REDIS_URL: redis.url,
          MINIO_BUCKET: bucket,
        });
        const owner = await signUp(first);
        const { refreshToken: unused } = await owner.login();
        const { refreshToken: used, accessToken: other } = await at(first, owner).login();
        const script = await makeToken(owner, ['conversations:read']);
        const careful = await signUp(first);
        const secondFactor = await protect(careful);
        const key = randomUUID();
        const keyed = await createKeyed(owner, key);

        const tree = await owner.createConversation('tree');
        const whole = await askModel(owner, tree, 'A question');
        const streamed = await readReply(owner, 'eventStream', whole);
        const [question] = (await branchOf(owner, tree)).messages;
        await owner.ask(EDIT, { id: question?.id, input: { content: { text: 'Another question' } } });
        await owner.ask(REGENERATE, { id: whole, waitForReply: true });
        await owner.ask(SELECT, { id: question?.id });
        await owner.ask(FORK, { id: whole });
        const branch = await branchOf(owner, tree);

        const kept = await Promise.all([1, 70_000, LARGE].map((size) => upload(owner, size)));
        const gone = await upload(owner, 300);

        model.reply({
          chunks: ['The first words', ' and the rest.'],
          hold: { after: 1, until: new Promise(() => undefined) },
        });
        const running = await askModel(owner, await owner.createConversation('asked'));
        await connected(database.url, (client) =>
          eventually(
            () => client.query('SELECT FROM messages WHERE id = $1 AND delta_ends <> $2', [running, []]),
            ({ rowCount }) => rowCount === 1,
          ),
        );

        await buckets.copy(bucket, backup);
        await buckets.copy(bucket, onlyBefore);
        const late = await upload(owner, 400);

        // Dumped under load; the snapshot is the test's means to know what is to be in it.
        const written = await owner.createConversation('written');
        const load = { isOver: false };
        const writing = (async () => {
          for (let number = 0; !load.isOver; number++)
            await owner.rest('POST', `/conversations/${written}/messages`, {
              content: { text: `number ${number}` },
              message_type: 'user',
            });
        })();
        const [dump] = await documented('pg_dump');
        const expected = await connected(database.url, async (client) => {
          await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
          const { rows } = await client.query<{ id: string }>('SELECT pg_export_snapshot() AS id');
          const snapshot = rows[0]?.id ?? '';
          await runLine(dump?.replace('pg_dump', `pg_dump --snapshot=${snapshot}`), directory, database.url);
          return rowsOf(client);
        });
        load.isOver = true;
        await writing;

        const rotated = (await refresh(at(first, owner), used)).body.data as { refresh_token: string };
        await owner.ask('mutation ($id: ID!) { deleteUpload(id: $id) { id } }', { id: gone.id });
        const after = await upload(owner, 500);
        await buckets.copy(bucket, backup);
        await buckets.copy(bucket, onlyAfter);
        first.kill('SIGKILL');
        await first.exited;

        const [restoring] = await documented('pg_restore');
        const [raising, listing] = await documented('psql');
        await runLine(restoring, directory, target.url);
        expect(await connected(target.url, rowsOf)).toEqual(expected);
        await runLine(raising, directory, target.url);
        await runLine(listing, directory, target.url);
        const wanted = new Set((await readFile(join(directory, 'files'), 'utf8')).trim().split('\n'));
        expect([...wanted].sort()).toEqual([...kept, gone, late].map(({ id }) => id).sort());
        await buckets.copy(backup, restored, wanted);
        // One copy alone lacks what was deleted before it, or what was uploaded after it.
        const lacking = async (copy: string) => {
          const keys = await buckets.keys(copy);
          return [...wanted].filter((id) => !keys.includes(id));
        };
        expect(await lacking(restored)).toEqual([]);
        expect(await lacking(onlyBefore)).toEqual([late.id]);
        expect(await lacking(onlyAfter)).toEqual([gone.id]);
        const ready = await connected(target.url, rowsOf);

        const place = {
          ...settings,
          DATA_DIR: join(directory, 'second'),
          DATABASE_URL: target.url,
          REDIS_URL: emptyRedis.url,
          MINIO_BUCKET: restored,
        };
        const second = await startProgram(place);
        const { printed } = await runAdmin(place, ['doctor']);
        expect(printed).toMatch(/^ok +database .*\nok +redis .*\nok +store /);
        const again = at(second, owner);
        await eventually(
          () => storedMessage(again, running),
          ({ status }) => status !== 'STREAMING',
        );
        // The end of the reply that ran: it is told, and settled.
        expect(changes(ready, await connected(target.url, rowsOf))).toEqual({
          'public.event_feeds': { gone: 1, new: 1 },
          'public.feed_events': { gone: 0, new: 1 },
          'public.messages': { gone: 1, new: 1 },
          'public.usage_daily': { gone: 1, new: 1 },
          'public.usage_entries': { gone: 1, new: 1 },
        });

        expect(await storedMessage(again, running)).toMatchObject({ status: 'PARTIAL', text: 'The first words' });
        for (const door of streamingDoors) {
          expect(await readReply(again, door, whole, 1)).toEqual(streamed.slice(1));
          const end = { __typename: 'ReplyFailed', code: 'INTERRUPTED', partial: 'The first words' };
          expect((await readReply(again, door, running)).at(-1)).toMatchObject({ ...end, sequence: 2 });
          // Who saw more of it than was dumped is told its end, too.
          expect(await readReply(again, door, running, 20)).toMatchObject([end]);
        }
        expect(await branchOf(again, tree)).toEqual(branch);
        for (const { path, bytes } of [...kept, gone, late]) {
          const served = await fetch(`${second.url}${path}`);
          expect(served.headers.get('content-type')).toBe('application/x-numbers');
          expect(Buffer.from(await served.arrayBuffer()).equals(bytes)).toBe(true);
        }
        expect((await fetch(`${second.url}${after.path}`)).status).toBe(404);
        expect(await createKeyed(again, key)).toEqual(keyed);
        expect((await at(second, owner, script.token).rest('GET', '/conversations')).status).toBe(200);
        expect((await refresh(again, unused)).status).toBe(200);
        // The dump knows nothing of the token that another session was given after it, and takes its holder for a thief.
        expect((await refresh(again, rotated.refresh_token)).status).toBe(401);
        expect((await at(second, owner, other).rest('GET', '/users/me')).status).toBe(401);
        const protectedUser = at(second, careful);
        const login = await complete(protectedUser, await challengeOf(protectedUser), secondFactor.app.code(1));
        expect(login.data?.completeLogin.accessToken).toEqual(expect.any(String));
        const recovery = await complete(
          protectedUser,
          await challengeOf(protectedUser),
          secondFactor.recoveryCodes[0] ?? '',
        );
        expect(recovery.data?.completeLogin.accessToken).toEqual(expect.any(String));
        // A client that had seen more events than were dumped is told to read anew.
        const events = eventsOf(
          'conversationEvents',
          again.eventStream<Record<string, { __typename: string }>>(EVENTS, { id: tree, after: 500 }),
        );
        expect((await events.next()).value).toMatchObject({ __typename: 'EventsExpired' });
        second.kill('SIGTERM');
        expect(await second.exited).toEqual({ code: 0, signal: null });
      } finally {
        await buckets.drop();
        await model.close();
        await Promise.all([redis.close(), emptyRedis.close(), database.drop(), target.drop()]);
      }
    }));
});
