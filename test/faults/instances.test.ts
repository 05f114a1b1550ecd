import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Actor, collect, signUp } from '../support/actor.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { type CreatedDatabase, testServerUrl } from '../support/servers.js';
import { eventually } from '../support/eventually.js';
import { startModelServer, type ModelServer } from '../support/model-server.js';
import { killPrograms, startProgram, type Program, type ProgramEnvironment } from '../support/program.js';
import {
  askModel,
  CREATE_MESSAGE,
  followReply,
  readReply,
  ROOMY_PLANS,
  storedMessage,
  textIn,
  usageOf,
} from '../support/replies.js';
import type { ReplyEvent } from '../support/replies.js';

const CHUNKS = ['The ', 'sky ', 'is ', 'blue.'];
const MESSAGE = { content: { text: 'Why?' }, message_type: 'user', invoke_llm: true };
const BY_HAND = 'The model is asked again, by hand';
const HELD = 'The sky is ';
const MODEL = 'meta/llama:8b';

type User = Awaited<ReturnType<typeof signUp>>;

const redisUrl = process.env['TEST_REDIS_URL'];
const server = testServerUrl();
const onServers = server === undefined ? describe.skip : describe;

onServers.each([
  ['with Redis between them', redisUrl],
  ['with nothing but the database between them', undefined],
])('two instances %s', (_, url) => {
  const resources = new AsyncDisposableStack();
  let model: ModelServer;
  let database: CreatedDatabase;
  let environment: ProgramEnvironment;
  let first: Program;
  let second: Program;

  beforeAll(async () => {
    const directory = await mkdtemp(join(tmpdir(), 'flynkle-instances-'));
    resources.defer(() => rm(directory, { recursive: true, force: true }));
    model = await startModelServer();
    resources.defer(() => model.close());
    database = await createMigratedDatabase(server ?? '');
    resources.defer(() => database.drop());
    resources.defer(killPrograms);
    environment = {
      DATA_DIR: directory,
      DATABASE_URL: database.url,
      REDIS_URL: url,
      OPENAI_BASE_URL: model.url,
      MODELS: JSON.stringify([
        { name: MODEL, baseUrl: model.url, contextTokens: 4_000, maxReplyTokens: 400, takes: ['tools'] },
      ]),
      SECRET_KEY: 'one key of thirty-two bytes or more',
      PLANS: ROOMY_PLANS,
      RATE_LIMIT_CHAT: '1000/60',
      MODEL_BREAKER_FAILURES: '1',
      MODEL_BREAKER_SECONDS: '3600',
    };
    [first, second] = await Promise.all([startProgram(environment), startProgram(environment)]);
  });
  afterAll(() => resources.disposeAsync());

  /** A user of the test's own, on both. */
  const newUser = async () => {
    const owner = await signUp(first);
    const onSecond = new Actor(second.url, owner.credentials);
    onSecond.token = owner.token;
    return { owner, onSecond };
  };
  /** Kills the first instance, as the machine that it runs on would. */
  const killFirst = async () => {
    first.kill('SIGKILL');
    await first.exited;
  };
  const replaceFirst = async () => {
    first = await startProgram(environment);
  };

  it('stream, stop and store the same reply', async () => {
    const { owner, onSecond } = await newUser();
    const conversationId = await owner.createConversation();
    const gate = Promise.withResolvers<undefined>();
    model.reply({ chunks: CHUNKS, hold: { after: 3, until: gate.promise }, usage: 7 });
    const id = await askModel(owner, conversationId);
    const reader = followReply(onSecond, 'eventStream', id);
    const seen: ReplyEvent[] = [];
    do seen.push(...[(await reader.next()).value ?? []].flat());
    while (textIn(seen) !== HELD);
    gate.resolve(undefined);
    seen.push(...(await collect(reader)));
    expect(seen).toEqual(await readReply(owner, 'eventStream', id));
    expect(seen.at(-1)).toMatchObject({ __typename: 'ReplyCompleted', response: CHUNKS.join(''), tokens: 7 });
  });

  it('list, and stop for an admin on one, a reply that runs on the other', async () => {
    const { owner, onSecond } = await newUser();
    const conversationId = await owner.createConversation();
    const admin = await signUp(second);
    await onDatabase(database.url, `UPDATE users SET is_admin = true WHERE id = '${admin.userId}'`);
    model.reply({ chunks: CHUNKS, stallAfter: 3 });
    const id = await askModel(owner, conversationId);
    const reader = followReply(onSecond, 'eventStream', id);
    const seen: ReplyEvent[] = [];
    do seen.push(...[(await reader.next()).value ?? []].flat());
    while (textIn(seen) !== HELD);
    expect((await admin.rest('GET', '/admin/running-replies')).body.data).toMatchObject([
      { message_id: id, user_id: owner.userId, state: 'running', is_here: false },
    ]);
    const { body } = await admin.rest('POST', `/admin/running-replies/${id}/stop`);
    expect(body.data).toMatchObject({ message_id: id, state: 'ended' });
    expect((await collect(reader)).at(-1)).toMatchObject({ code: 'STOPPED', partial: HELD });
    expect(await storedMessage(owner, id)).toMatchObject({ status: 'PARTIAL', text: HELD });
    const { ledger } = await usageOf(owner);
    expect(ledger).toMatchObject([{ messageId: id, source: 'ESTIMATED' }]);
  });

  it('ask a model again that both leave alone, once an admin closes its breaker on one', async () => {
    const { owner, onSecond } = await newUser();
    await onDatabase(database.url, `UPDATE users SET is_admin = true WHERE id = '${owner.userId}'`);
    const stateAt = async (actor: Actor) =>
      (await actor.ask<{ modelBreakers: readonly { state: string }[] }>('{ modelBreakers { state } }')).modelBreakers[0]
        ?.state;
    const open = async (actor: Actor) => {
      model.reply({ error: { status: 503 } });
      const { errors } = await actor.graphql('mutation { chat(input: { message: "Why?" }) { response } }');
      expect(errors?.map(({ extensions }) => extensions.code)).toEqual(['UPSTREAM_FAILED']);
      expect(await stateAt(actor)).toBe('OPEN');
    };
    for (const actor of [owner, onSecond]) await open(actor);
    const { body } = await owner.rest('POST', `/admin/model-breakers/${encodeURIComponent(MODEL)}/close`);
    expect(body.data).toMatchObject({ model: MODEL, state: 'closed' });
    expect(await stateAt(owner)).toBe('CLOSED');
    await eventually(
      () => stateAt(onSecond),
      (state) => state === 'CLOSED',
    );
    const asked = model.requests.length;
    for (const actor of [owner, onSecond]) {
      model.reply('Because.');
      expect(await actor.ask('mutation { chat(input: { message: "Why?" }) { response } }')).toEqual({
        chat: { response: 'Because.' },
      });
    }
    expect(model.requests).toHaveLength(asked + 2);
    // What opens later stays open: the closing is over. It has been looked for again when a later one is heard of.
    await open(owner);
    await open(onSecond);
    await onSecond.rest('POST', `/admin/model-breakers/${encodeURIComponent(MODEL)}/close`);
    await eventually(
      () => stateAt(owner),
      (state) => state === 'CLOSED',
    );
    for (const program of [first, second]) expect(program.output().split(BY_HAND)).toHaveLength(3);
  });

  it("leave each other's replies alone while these are at work, however long that takes", async () => {
    const { owner, onSecond } = await newUser();
    const conversationId = await owner.createConversation();
    const gate = Promise.withResolvers<undefined>();
    model.reply({ chunks: CHUNKS, hold: { after: 3, until: gate.promise } });
    const id = await askModel(owner, conversationId);
    await eventually(
      () => storedMessage(onSecond, id),
      ({ text }) => text === HELD,
    );
    const [firstLease] = await leases(database.url, owner);
    const [renewed] = await eventually(
      () => leases(database.url, owner),
      ([lease]) => Number(lease) > Number(firstLease),
    );
    expect(Number(renewed) - Date.now()).toBeGreaterThan(0);
    expect(await storedMessage(onSecond, id)).toMatchObject({ status: 'STREAMING' });
    gate.resolve(undefined);
    expect(await readReply(onSecond, 'eventStream', id)).toContainEqual(
      expect.objectContaining({ __typename: 'ReplyCompleted', response: CHUNKS.join('') }),
    );
  });

  it("end each other's replies once the lease of a dead one has run out, and not before", async () => {
    const { owner, onSecond } = await newUser();
    const conversationId = await owner.createConversation();
    model.reply({ chunks: CHUNKS, stallAfter: 3 });
    const id = await askModel(owner, conversationId);
    const reader = followReply(onSecond, 'webSocket', id);
    const seen: ReplyEvent[] = [];
    do seen.push(...[(await reader.next()).value ?? []].flat());
    while (textIn(seen) !== HELD);
    await eventually(
      () => storedMessage(onSecond, id),
      ({ text }) => text === HELD,
    );
    await killFirst();
    expect(await storedMessage(onSecond, id)).toMatchObject({ status: 'STREAMING' });

    await runOutLease(database.url, owner);
    const message = { id, status: 'PARTIAL', text: HELD };
    expect(await collect(reader)).toEqual([
      {
        __typename: 'ReplyFailed',
        sequence: seen.length + 1,
        code: 'INTERRUPTED',
        reason: 'The server ended before the reply did',
        partial: HELD,
        message,
      },
    ]);
    expect(await storedMessage(onSecond, id)).toEqual(message);
    const { today, ledger } = await usageOf(onSecond);
    expect(ledger).toHaveLength(1);
    expect(ledger[0]).toMatchObject({ source: 'ESTIMATED', messageId: id });
    expect(today).toEqual({ messageCount: 1, tokenCount: ledger[0]?.tokens });
  });

  /** How often the second has told that it ended replies of a dead one, which it does after it has. */
  const endings = () => second.output().split('ended replies that an instance left behind').length;

  it.each([
    ['a reply', (id: string) => ({ path: `/conversations/${id}/messages`, body: MESSAGE })],
    ['a chat that stores nothing', () => ({ path: '/chat', body: { message: 'Why?' } })],
  ])('name the request that asked in the lines of %s that a dead one left behind', async (_name, asking) => {
    await replaceFirst();
    const { owner } = await newUser();
    const { path, body } = asking(await owner.createConversation());
    model.reply({ chunks: CHUNKS, stallAfter: 3 });
    const requestId = randomUUID();
    const asked = model.requests.length;
    const answer = owner.rest('POST', path, body, { 'x-request-id': requestId }).catch(() => null);
    await eventually(
      () => leases(database.url, owner),
      ({ length }) => length === 1,
    );
    // Otherwise the next test would get the answer that was meant for this one.
    await model.request(asked);
    const before = endings();
    await killFirst();
    await answer;
    await runOutLease(database.url, owner);
    await eventually(
      () => Promise.resolve(endings()),
      (count) => count > before,
    );
    const named = linesOf(second).filter((line) => line['requestId'] === requestId);
    expect(named).toMatchObject([{ msg: 'ended a reply that an instance left behind' }]);
  });

  it('go on with a reply whose instance died while it waited for its tools', async () => {
    await replaceFirst();
    const { owner, onSecond } = await newUser();
    const conversationId = await owner.createConversation();
    model.reply({ chunks: ['Hm. '], toolCalls: [{ id: 'call_1', name: 'now', arguments: '{}' }], usage: 7 });
    const { createMessage } = await owner.ask<{ createMessage: { reply: { id: string } } }>(CREATE_MESSAGE, {
      input: {
        conversationId,
        content: { text: 'What time is it?' },
        messageType: 'user',
        invokeLlm: true,
        tools: [{ name: 'now' }],
      },
    });
    const { id } = createMessage.reply;
    const events = readReply(onSecond, 'webSocket', id);
    await eventually(
      () =>
        onDatabase<{ waits: boolean }>(database.url, 'SELECT true AS waits FROM messages WHERE waits_until > now()'),
      ({ rows }) => rows.length === 1,
    );
    await killFirst();
    model.reply({ chunks: ['Noon.'], usage: 9 });
    await onSecond.ask(
      `mutation ($id: ID!) {
        submitToolResults(messageId: $id, results: [{ callId: "call_1", output: "12:00" }]) { id }
      }`,
      { id },
    );
    expect(await events).toMatchObject([
      { __typename: 'ReplyDelta', sequence: 1, text: 'Hm. ' },
      { __typename: 'ReplyToolCall', sequence: 2, id: 'call_1' },
      { __typename: 'ReplyToolResult', sequence: 3, output: '12:00' },
      { __typename: 'ReplyDelta', sequence: 4, text: 'Noon.' },
      { __typename: 'ReplyCompleted', sequence: 5, response: 'Hm. Noon.', tokens: 16 },
    ]);
    const { today, ledger } = await usageOf(onSecond);
    expect(ledger.map(({ tokens }) => tokens)).toEqual([9, 7]);
    expect(today).toEqual({ messageCount: 1, tokenCount: 16 });
  });
});

/** The lines of its log so far. */
function linesOf(program: Program): readonly Readonly<Record<string, unknown>>[] {
  const lines = program.output().split('\n');
  return lines.flatMap((line) => (line.startsWith('{') ? [JSON.parse(line) as Record<string, unknown>] : []));
}

/** When the leases of the user's running replies expire. */
async function leases(url: string, user: User): Promise<readonly (Date | undefined)[]> {
  const { rows } = await onDatabase<{ until: Date }>(
    url,
    `SELECT lease_expires_at AS until FROM usage_entries WHERE user_id = '${user.userId}' AND settled_at IS NULL`,
  );
  return rows.map(({ until }) => until);
}

/** Expires the lease of the dead instance that runs the user's reply, as if its 20 s had passed. @throws unless there was exactly one */
async function runOutLease(url: string, user: User): Promise<void> {
  const { rowCount } = await onDatabase(
    url,
    `UPDATE usage_entries SET lease_expires_at = lease_expires_at - interval '20 seconds'
     WHERE user_id = '${user.userId}' AND settled_at IS NULL
       AND lease_expires_at > now() AND lease_expires_at <= now() + interval '20 seconds'`,
  );
  if (rowCount !== 1) throw new Error(`${String(rowCount)} leases were held`);
}

async function onDatabase<Row extends pg.QueryResultRow>(url: string, statement: string): Promise<pg.QueryResult<Row>> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return await client.query<Row>(statement);
  } finally {
    await client.end();
  }
}
