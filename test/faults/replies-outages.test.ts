import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Actor, collect, signUp } from '../support/actor.js';
import { eventually } from '../support/eventually.js';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.js';
import { startModelServer, type ModelServer } from '../support/model-server.js';
import { killPrograms, startProgram, type Program } from '../support/program.js';
import { startRedisServer, type RedisServer } from '../support/redis-server.js';
import {
  askModel,
  CHAT,
  CREATE_MESSAGE,
  CHAT_EVENTS,
  eventsOf,
  followReply,
  readReply,
  ROOMY_PLANS,
  storedMessage,
  streamingDoors,
  textIn,
  usageOf,
  type ReplyEvent,
  type StoredMessage,
} from '../support/replies.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { type CreatedDatabase, testServerUrl } from '../support/servers.js';

const WORDS = Array.from({ length: 60 }, (_, index) => `word${index} `);
const TEXT = WORDS.join('');

const server = testServerUrl();
const onServers = server === undefined || process.env['TEST_REDIS_URL'] === undefined ? describe.skip : describe;

onServers('replies on two instances', () => {
  let directory: string;
  let model: ModelServer;
  let redis: RedisServer;
  let database: CreatedDatabase;
  /** Between the instances and PostgreSQL. */
  let proxy: FaultProxy;
  let instances: [first: Program, second: Program];
  /** A user, on each of the instances. */
  let owner: Actor;
  let onSecond: Actor;
  let conversationId: string;

  const start = (): Promise<Program> => {
    const throughProxy = new URL(database.url);
    throughProxy.hostname = '127.0.0.1';
    throughProxy.port = String(proxy.port);
    return startProgram({
      DATA_DIR: join(directory, 'data'),
      DATABASE_URL: throughProxy.href,
      REDIS_URL: redis.url,
      OPENAI_BASE_URL: model.url,
      SECRET_KEY: 'one key of thirty-two bytes or more',
      PLANS: ROOMY_PLANS,
    });
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'flynkle-outages-'));
    const target = new URL(server ?? '');
    [model, redis, database, proxy] = await Promise.all([
      startModelServer(),
      startRedisServer(directory),
      createMigratedDatabase(server ?? ''),
      startFaultProxy({ host: target.hostname, port: Number(target.port || '5432') }),
    ]);
    // One after the other, since the first one makes the tables.
    instances = [await start(), await start()];
  });
  beforeEach(async () => {
    owner = await signUp(instances[0]);
    onSecond = new Actor(instances[1].url, owner.credentials);
    onSecond.token = owner.token;
    conversationId = await owner.createConversation();
  });
  afterAll(async () => {
    await killPrograms();
    await Promise.all([model.close(), redis.close(), proxy.close()]);
    await database.drop();
    await rm(directory, { recursive: true, force: true });
  });

  /** An empty one, which both instances reach. */
  const redisIsBack = async () => {
    await redis.restart();
    for (const instance of instances) {
      const somebody = await signUp(instance);
      const conversation = await somebody.createConversation();
      const note = { content: { text: 'note' }, message_type: 'note' };
      await eventually(
        () => somebody.rest('POST', `/conversations/${conversation}/messages`, note),
        ({ status }) => status !== 503,
      );
    }
  };
  /** Reads on both instances and both doors. */
  const readEverywhere = (actors: readonly Actor[], id: string) =>
    Promise.all(actors.flatMap((actor) => streamingDoors.map((door) => readReply(actor, door, id))));
  const onDatabase = async (statement: string) => {
    const client = new pg.Client(database.url);
    await client.connect();
    await client.query(statement).finally(() => client.end());
  };

  it('have each word once, under one number, when Redis stalls in the middle', async () => {
    model.reply({ chunks: WORDS, delayMs: 100, usage: 99 });
    const id = await askModel(owner, conversationId);
    const reading = readEverywhere([owner, onSecond], id);
    for (const pauseMs of [2_600, 1_200]) {
      await sleep(600);
      redis.signal('SIGSTOP');
      await sleep(pauseMs);
      redis.signal('SIGCONT');
    }
    const [events = [], ...others] = await reading;
    expect(textIn(events)).toBe(TEXT);
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)).toMatchObject({ __typename: 'ReplyCompleted', response: TEXT, tokens: 99 });
    for (const other of others) expect(other).toEqual(events);
    // A number shown live means the same to whoever resumes by it, from log or row.
    for (const after of [1, 7, events.length - 2]) {
      expect(await readReply(onSecond, 'eventStream', id, after)).toEqual(events.slice(after));
    }
  });

  it('end, are answered and go on for their own instance when Redis is lost in the middle', async () => {
    const asked = model.requests.length;
    const gate = Promise.withResolvers<undefined>();
    const held = { chunks: WORDS, hold: { after: 20, until: gate.promise }, usage: 99 };
    model.reply(held, held, held, held);
    const reading = readReply(owner, 'eventStream', await askModel(owner, conversationId));
    const chat = owner.ask<{ chat: { response: string } }>(CHAT, { input: { message: 'Why?', conversationId } });
    const waiting = owner.ask<{ createMessage: { reply: StoredMessage } }>(CREATE_MESSAGE, {
      input: { conversationId, content: { text: 'Why?' }, messageType: 'user', invokeLlm: true, waitForReply: true },
    });
    const unstored = collect(
      eventsOf<ReplyEvent>('chat', owner.webSocket(CHAT_EVENTS, { input: { message: 'Why?' } })),
    );
    await model.request(asked + 3);
    redis.signal('SIGKILL');
    gate.resolve(undefined);
    expect((await chat).chat.response).toBe(TEXT);
    expect((await waiting).createMessage.reply).toMatchObject({ status: 'COMPLETE', text: TEXT });
    for (const events of [await reading, await unstored]) {
      expect(textIn(events)).toBe(TEXT);
      expect(events.at(-1)).toMatchObject({ __typename: 'ReplyCompleted' });
    }
    await redisIsBack();
  });

  it('and what is done to messages are told as done when Redis is lost, and refused where they were not done', async () => {
    const path = `/conversations/${conversationId}/messages`;
    const note = { content: { text: 'note' }, message_type: 'note' };
    const { body } = await owner.rest('POST', path, note);
    const { message_id: id } = body.data as { message_id: string };
    redis.signal('SIGKILL');
    expect((await owner.rest('PATCH', `/messages/${id}`, { content: { text: 'changed' } })).status).toBe(200);
    expect(await storedMessage(owner, id)).toMatchObject({ text: 'changed' });
    expect((await owner.rest('DELETE', `/messages/${id}`)).status).toBe(200);
    // Its rate limit cannot be checked, so that nothing of it is done.
    expect((await owner.rest('POST', path, note)).status).toBe(503);
    const { messages } = await owner.ask<{ messages: { totalCount: number } }>(
      'query ($id: ID!) { messages(conversationId: $id) { totalCount } }',
      { id: conversationId },
    );
    expect(messages.totalCount).toBe(0);
    expect((await owner.rest('DELETE', `/conversations/${conversationId}`)).status).toBe(200);
    await redisIsBack();
  });

  it('are told as ended when their end is stored, however long the database is away', async () => {
    const gate = Promise.withResolvers<undefined>();
    model.reply({ chunks: WORDS, hold: { after: 30, until: gate.promise }, usage: 99 });
    const id = await askModel(owner, conversationId);
    const readers = [owner, onSecond].flatMap((actor) => streamingDoors.map((door) => followReply(actor, door, id)));
    const begun = await Promise.all(
      readers.map(async (reader) => {
        const events: ReplyEvent[] = [];
        while (textIn(events) !== WORDS.slice(0, 30).join(''))
          events.push(...[(await reader.next()).value ?? []].flat());
        return events;
      }),
    );
    proxy.refuse();
    gate.resolve(undefined);
    // Longer than a lease, and than the tries of a single answer.
    await sleep(12_000);
    proxy.heal();
    for (const [index, reader] of readers.entries()) {
      const events = [...(begun[index] ?? []), ...(await collect(reader))];
      expect(textIn(events)).toBe(TEXT);
      expect(events.at(-1)).toMatchObject({ __typename: 'ReplyCompleted', response: TEXT });
    }
    expect(await storedMessage(onSecond, id)).toEqual({ id, status: 'COMPLETE', text: TEXT });
    expect((await usageOf(owner)).ledger).toMatchObject([{ tokens: 99, source: 'REPORTED' }]);
  });

  it('of an instance that is frozen past its lease are ended by another, and it learns that before it shows or charges more', async () => {
    model.reply({ chunks: WORDS, delayMs: 40, usage: 99 });
    const id = await askModel(owner, conversationId);
    const reading = [owner, onSecond].map((actor) => readReply(actor, 'webSocket', id));
    await eventually(
      () => storedMessage(onSecond, id),
      ({ text }) => text !== '',
    );
    instances[0].kill('SIGSTOP');
    const ended = await eventually(
      () => storedMessage(onSecond, id),
      ({ status }) => status !== 'STREAMING',
    );
    expect(ended.status).toBe('PARTIAL');
    const before = await usageOf(onSecond);
    instances[0].kill('SIGCONT');
    for (const events of await Promise.all(reading)) {
      expect(textIn(events)).toBe(ended.text);
      expect(events.at(-1)).toMatchObject({ __typename: 'ReplyFailed', code: 'INTERRUPTED', partial: ended.text });
    }
    expect(await storedMessage(owner, id)).toEqual(ended);
    // What the model wrote meanwhile is charged all the same.
    const after = await eventually(
      () => usageOf(onSecond),
      ({ today }) => today.tokenCount > before.today.tokenCount,
    );
    expect(after.ledger).toMatchObject([{ tokens: after.today.tokenCount, messageId: id }]);
  });

  it('go on when the clock of the database jumps', async () => {
    const asked = model.requests.length;
    const gate = Promise.withResolvers<undefined>();
    model.reply({ chunks: WORDS, hold: { after: 10, until: gate.promise }, usage: 99 });
    const id = await askModel(owner, conversationId);
    const reading = readReply(onSecond, 'eventStream', id);
    await model.request(asked);
    for (let jump = 0; jump < 3; jump++) {
      await onDatabase("UPDATE usage_entries SET lease_expires_at = now() - interval '1 hour'");
      await sleep(1_500);
    }
    gate.resolve(undefined);
    expect((await reading).at(-1)).toMatchObject({ __typename: 'ReplyCompleted', response: TEXT });
  });

  it('stop when their question, their conversation or their user goes, also without Redis', async () => {
    const asked = model.requests.length;
    const gone = await owner.createConversation();
    const ends = new Map<string, Promise<ReplyEvent[]>>();
    const ask = async (name: string, inConversation: string) => {
      model.reply({ chunks: WORDS, stallAfter: 5 });
      const { createMessage } = await owner.ask<{ createMessage: { message: { id: string }; reply: StoredMessage } }>(
        CREATE_MESSAGE,
        {
          input: { conversationId: inConversation, content: { text: 'Why?' }, messageType: 'user', invokeLlm: true },
        },
      );
      ends.set(name, readReply(onSecond, 'eventStream', createMessage.reply.id));
      return { question: createMessage.message.id, reply: createMessage.reply.id };
    };
    const stopped = await ask('stopped', conversationId);
    const orphaned = await ask('orphaned', conversationId);
    const deleted = await ask('deleted', conversationId);
    await ask('of a conversation', gone);
    await ask('of a user', conversationId);
    await model.request(asked + 4);
    redis.signal('SIGKILL');
    const stop = onSecond.ask('mutation ($id: ID!) { stopReply(messageId: $id) { status } }', { id: stopped.reply });
    await onSecond.rest('DELETE', `/messages/${orphaned.question}`);
    await onSecond.rest('DELETE', `/messages/${deleted.reply}`);
    await onSecond.rest('DELETE', `/conversations/${gone}`);
    await stop;
    const endOf = async (name: string) => (await ends.get(name))?.at(-1);
    const failed = { __typename: 'ReplyFailed', code: 'STOPPED' };
    expect(await endOf('stopped')).toMatchObject({ ...failed, reason: 'The reply was stopped' });
    expect(await endOf('orphaned')).toMatchObject({
      ...failed,
      reason: 'The question was deleted',
      message: { status: 'PARTIAL' },
    });
    expect(await endOf('deleted')).toMatchObject({ code: 'DELETED', message: null });
    expect(await endOf('of a conversation')).toMatchObject({ code: 'DELETED', message: null });
    await onDatabase(`UPDATE users SET is_suspended = true WHERE email = '${owner.credentials.email}'`);
    // The reader's stream ends with its session; what counts is that the model is stopped, and the reply settled.
    await ends.get('of a user')?.catch(() => undefined);
    expect(await (await model.request(asked + 4)).abortedByClient).toBe(true);
    await redisIsBack();
  });

  it('of an instance that is killed have at least what anybody was shown', async () => {
    model.reply({ chunks: WORDS, delayMs: 30 });
    const id = await askModel(owner, conversationId);
    const reader = followReply(onSecond, 'webSocket', id);
    const own = followReply(owner, 'eventStream', id);
    const shown: ReplyEvent[] = [];
    const readOwn = (async () => {
      for await (const event of own) shown.push(event);
    })().catch(() => undefined);
    const seen: ReplyEvent[] = [];
    while (seen.length < 25) seen.push(...[(await reader.next()).value ?? []].flat());
    instances[0].kill('SIGKILL');
    await instances[0].exited;
    await readOwn;
    seen.push(...(await collect(reader)));
    const { status, text } = await storedMessage(onSecond, id);
    expect(status).toBe('PARTIAL');
    expect(textIn(seen)).toBe(text);
    expect(text?.startsWith(textIn(shown))).toBe(true);
    expect(seen.at(-1)).toMatchObject({ __typename: 'ReplyFailed', code: 'INTERRUPTED', partial: text });
  });
});
