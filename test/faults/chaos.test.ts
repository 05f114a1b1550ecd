import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text as readText } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Actor, signUp } from '../support/actor.js';
import { eventually } from '../support/eventually.js';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.js';
import { killPrograms, startProgram, withDataDirectory, type Program } from '../support/program.js';
import { randomFrom, type Random } from '../support/random.js';
import { startRedisServer, type RedisServer } from '../support/redis-server.js';
import { followReply, ROOMY_PLANS, streamingDoors, type ReplyEvent } from '../support/replies.js';
import { createDatabase, testServerUrl } from '../support/servers.js';

/** For how long faults come in `.ci/run`; in its nightly part, for 300 s. */
const SECONDS = Number(process.env['CHAOS_SECONDS'] ?? 30);
const SEED = Number(process.env['CHAOS_SEED'] ?? 1);
const FAULT_EVERY_MS = 3_000;
/** By then, the replies of a dead instance have been ended, with time to spare. */
const RECOVERED_MS = 12_000;
const INSTANCES = 3;
const USERS = 6;

/** A call of the model that was answered to its end, with the tokens that the provider counted. */
interface Call {
  readonly question: string;
  readonly tokens: number;
}

/** A provider that counts what it gives out, and fails when it is told to. */
async function startProvider(random: Random) {
  const calls: Call[] = [];
  const open = new Set<ServerResponse>();
  let refuses = false;
  const server = createServer((request, response) => {
    open.add(response);
    response.once('close', () => open.delete(response));
    void (async () => {
      const { messages } = JSON.parse(await readText(request)) as { messages: { content: string }[] };
      const question = messages.at(-1)?.content ?? '';
      if (refuses) {
        response.writeHead(500, { 'content-type': 'application/json' }).end('{"error":{"message":"chaos"}}');
        return;
      }
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const words = 10 + random.below(40);
      const prompt = messages.length * 10;
      const send = (chunk: object) => response.write(`data: ${JSON.stringify(chunk)}\n\n`);
      for (let word = 0; word < words && !response.destroyed; word++) {
        send({ choices: [{ index: 0, delta: { content: `${question}.${word} ` }, finish_reason: null }] });
        await sleep(random.below(60));
      }
      if (response.destroyed) return;
      const tokens = prompt + words * 3;
      send({ choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] });
      send({ choices: [], usage: { prompt_tokens: prompt, completion_tokens: words * 3, total_tokens: tokens } });
      response.end('data: [DONE]\n\n', () => calls.push({ question, tokens }));
    })().catch(() => response.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    calls,
    hangUp: () => {
      for (const response of open) response.destroy();
    },
    refuse: (value: boolean) => {
      refuses = value;
    },
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

interface Reading {
  readonly replyId: string;
  text: string;
  /** How the reader was told that the reply had ended. */
  end: Extract<ReplyEvent, { __typename: 'ReplyCompleted' | 'ReplyFailed' }> | undefined;
  faults: string[];
}

/** What clients did, and were told that it was done. */
interface Deeds {
  /** Contents of messages, by id, of writes that were acknowledged. */
  readonly acknowledged: Map<string, string>;
  /** Contents that were sent, whether or not an answer came. */
  readonly sent: Set<string>;
  readonly deleted: Set<string>;
  readonly readings: Reading[];
  readonly answers: { readonly messageId: string; readonly response: string }[];
  failures: number;
}

const CREATE = `mutation ($input: CreateMessageInput!) {
  createMessage(input: $input) { message { id } reply { id } }
}`;

class World {
  readonly deeds: Deeds = {
    acknowledged: new Map(),
    sent: new Set(),
    deleted: new Set(),
    readings: [],
    answers: [],
    failures: 0,
  };
  readonly log: string[] = [];
  readonly instances: (Program | undefined)[] = [];
  isOver = false;
  /**
   * While the database is away, and until another instance has ended the replies of one that was killed, Redis has the only copy of
   * what readers were shown: to empty it then would lose that, as docs/reliability.md says.
   */
  onlyInRedisUntil = 0;
  private contents = 0;

  constructor(private readonly random: Random) {}

  say(text: string): void {
    this.log.push(`${new Date().toISOString().slice(14, 23)} ${text}`);
  }

  keepRedis(): void {
    this.onlyInRedisUntil = Math.max(this.onlyInRedisUntil, Date.now() + RECOVERED_MS);
  }

  /** A new content that says which it is. */
  content(): string {
    const content = `q${this.contents++}`;
    this.deeds.sent.add(content);
    return content;
  }

  /** An actor of the same user on any instance that is up. */
  async on(user: Actor): Promise<Actor> {
    for (;;) {
      const up = this.instances.filter((instance) => instance !== undefined);
      const [first, ...rest] = up;
      if (first !== undefined) {
        const actor = new Actor(this.random.pick([first, ...rest]).url, user.credentials);
        actor.token = user.token;
        return actor;
      }
      await sleep(50);
    }
  }
}

/** Reads a reply to its end, over any instance and door, with cuts; goes on after the last number that it saw. */
async function readThrough(world: World, random: Random, user: Actor, replyId: string): Promise<void> {
  const reading: Reading = { replyId, text: '', end: undefined, faults: [] };
  world.deeds.readings.push(reading);
  let seen = 0;
  while (reading.end === undefined) {
    const actor = await world.on(user);
    const cutAfter = random.chance(30) ? random.below(20) : Infinity;
    let came = 0;
    try {
      for await (const event of followReply(actor, random.pick(['webSocket', ...streamingDoors]), replyId, seen)) {
        if (event.sequence !== seen + 1) reading.faults.push(`${event.sequence} came after ${seen}`);
        seen = event.sequence;
        if (event.__typename === 'ReplyDelta') reading.text += event.text;
        else if (event.__typename === 'ReplyCompleted' || event.__typename === 'ReplyFailed') reading.end = event;
        if (++came >= cutAfter) break;
      }
    } catch {
      await sleep(100);
    }
  }
}

async function actAs(world: World, random: Random, user: Actor): Promise<void> {
  const { deeds } = world;
  const conversationId = await (await world.on(user)).createConversation();
  const readers: Promise<void>[] = [];
  const mine: string[] = [];
  while (!world.isOver) {
    const actor = await world.on(user);
    try {
      const act = random.below(10);
      if (act < 5) {
        const content = world.content();
        const { createMessage } = await actor.ask<{
          createMessage: { message: { id: string }; reply: { id: string } };
        }>(CREATE, {
          input: { conversationId, content: { text: content }, messageType: 'user', invokeLlm: true },
        });
        deeds.acknowledged.set(createMessage.message.id, content);
        mine.push(createMessage.message.id);
        readers.push(readThrough(world, random, user, createMessage.reply.id));
        if (random.chance(50)) readers.push(readThrough(world, random, user, createMessage.reply.id));
        if (random.chance(15)) {
          await sleep(random.below(500));
          await actor.ask('mutation ($id: ID!) { stopReply(messageId: $id) { status } }', {
            id: createMessage.reply.id,
          });
        }
      } else if (act < 7) {
        const content = world.content();
        const { status, body } = await actor.rest('POST', '/chat', {
          message: content,
          conversation_id: conversationId,
        });
        if (status === 200) deeds.answers.push(restAnswer(body.data));
        else deeds.failures++;
      } else if (act < 9) {
        const content = world.content();
        const { status, body } = await actor.rest('POST', `/conversations/${conversationId}/messages`, {
          content: { text: content },
          message_type: 'note',
        });
        if (status === 201 || status === 200)
          deeds.acknowledged.set((body.data as { message_id: string }).message_id, content);
        else deeds.failures++;
      } else {
        const id = mine.shift();
        if (id === undefined) continue;
        const { status } = await actor.rest('DELETE', `/messages/${id}`);
        // Without an answer it may be done or not.
        if (status < 300) deeds.deleted.add(id);
        else if (status !== 404) deeds.acknowledged.delete(id);
      }
    } catch {
      deeds.failures++;
      await sleep(200);
    }
    await sleep(random.below(150));
  }
  await Promise.all(readers);
}

function restAnswer(data: unknown): { messageId: string; response: string } {
  const { message_id: messageId, response } = data as { message_id: string; response: string };
  return { messageId, response };
}

const server = testServerUrl();
const onServers = server === undefined || process.env['TEST_REDIS_URL'] === undefined ? describe.skip : describe;

onServers('three instances under load, with a fault every three seconds', () => {
  it(`for ${SECONDS} s lose nothing, double nothing, and leave nothing behind (seed ${SEED})`, async () => {
    const random = randomFrom(SEED);
    const world = new World(random);
    const database = await createDatabase(server ?? '');
    const target = new URL(database.url);
    const directory = await mkdtemp(join(tmpdir(), 'flynkle-chaos-'));
    const redis = await startRedisServer(directory);
    const provider = await startProvider(random);
    const databaseProxy = await startFaultProxy({ host: target.hostname, port: Number(target.port || '5432') });
    const redisProxy = await startFaultProxy({ host: '127.0.0.1', port: redis.port });
    const throughProxy = new URL(target);
    throughProxy.hostname = '127.0.0.1';
    throughProxy.port = String(databaseProxy.port);
    try {
      await withDataDirectory(async (data) => {
        const start = async (index: number) => {
          world.instances[index] = await startProgram({
            DATA_DIR: join(data, String(index)),
            DATABASE_URL: throughProxy.href,
            DATABASE_POOL_SIZE: '5',
            REDIS_URL: `redis://127.0.0.1:${redisProxy.port}`,
            OPENAI_BASE_URL: provider.url,
            SECRET_KEY: 'one key of thirty-two bytes or more',
            PLANS: ROOMY_PLANS,
            RATE_LIMIT_CHAT: '100000/60',
            RATE_LIMIT_MESSAGE: '100000/60',
            // The model is away for seconds at a time; what follows is to meet it again.
            MODEL_BREAKER_SECONDS: '1',
          });
        };
        for (let index = 0; index < INSTANCES; index++) await start(index);
        const users: Actor[] = [];
        for (let index = 0; index < USERS; index++)
          users.push(await signUp({ url: world.instances[index % INSTANCES]?.url ?? '' }));
        const acting = users.map((user, index) => actAs(world, randomFrom(SEED * 1_000 + index), user));
        await faultsFor(SECONDS, { world, random, redis, provider, databaseProxy, redisProxy, start });
        world.isOver = true;
        world.say('healed');
        await eventually(
          () => leftBehind(database.url),
          (left) => left === 0,
        );
        world.say('nothing left');
        await Promise.all(acting);
        const faults = [...(await faultsIn(world.deeds, database.url, provider.calls))];
        if (faults.length > 0) throw new Error([`seed ${SEED}`, ...faults.slice(0, 40), '', ...world.log].join('\n'));
        if (process.env['CHAOS_LOG'] !== undefined) process.stderr.write(`${summaryOf(world, provider.calls)}\n`);
        expect(world.deeds.acknowledged.size).toBeGreaterThan(SECONDS);
        expect(world.deeds.readings.length).toBeGreaterThan(SECONDS);
      });
    } finally {
      await killPrograms();
      provider.close();
      await Promise.all([databaseProxy.close(), redisProxy.close(), redis.close()]);
      await database.drop();
      await rm(directory, { recursive: true, force: true });
    }
  });
});

function summaryOf({ deeds, log }: World, calls: readonly Call[]): string {
  const ends = deeds.readings.map(({ end }) => (end?.__typename === 'ReplyFailed' ? end.code : 'COMPLETED'));
  const counts = Object.fromEntries(
    Map.groupBy(ends, (end) => end)
      .entries()
      .map(([end, list]) => [end, list.length]),
  );
  const { acknowledged, readings, answers, failures, deleted } = deeds;
  return [
    ...log,
    `${acknowledged.size} writes acknowledged, ${deleted.size} deleted, ${answers.length} answers of chat, ${failures} refused or without an answer`,
    `${readings.length} readers: ${JSON.stringify(counts)}; ${calls.length} calls of the model`,
  ].join('\n');
}

interface Stage {
  readonly world: World;
  readonly random: Random;
  readonly redis: RedisServer;
  readonly provider: Awaited<ReturnType<typeof startProvider>>;
  readonly databaseProxy: FaultProxy;
  readonly redisProxy: FaultProxy;
  readonly start: (index: number) => Promise<void>;
}

async function faultsFor(seconds: number, stage: Stage): Promise<void> {
  const { world } = stage;
  const healing: Promise<void>[] = [];
  const end = Date.now() + seconds * 1_000;
  while (Date.now() < end) {
    await sleep(FAULT_EVERY_MS);
    healing.push(faultOf(stage).catch((error: unknown) => world.say(`a fault failed: ${String(error)}`)));
  }
  await Promise.all(healing);
}

/** One fault, drawn at random. Resolves when it is mended. */
async function faultOf({ world, random, redis, provider, databaseProxy, redisProxy, start }: Stage): Promise<void> {
  const index = random.below(INSTANCES);
  const forMs = 500 + random.below(6_000);
  const instance = world.instances[index];
  const mend = async (name: string, begin: () => void, heal: () => void) => {
    world.say(`${name} for ${forMs} ms`);
    begin();
    await sleep(forMs);
    heal();
    world.say(`${name} is over`);
  };
  switch (random.below(9)) {
    case 0:
    case 1:
      if (instance === undefined) return;
      world.say(`kill of instance ${index}`);
      world.keepRedis();
      world.instances[index] = undefined;
      instance.kill('SIGKILL');
      await instance.exited;
      // Another fault may keep it from starting, as it would keep a supervisor.
      while (
        !(await start(index).then(
          () => true,
          () => false,
        ))
      )
        await sleep(200);
      world.say(`instance ${index} is back`);
      return;
    case 2:
      if (instance === undefined) return;
      return mend(
        `freeze of instance ${index}`,
        () => {
          instance.kill('SIGSTOP');
        },
        () => {
          instance.kill('SIGCONT');
        },
      );
    case 3:
      return mend(
        'freeze of Redis',
        () => redis.signal('SIGSTOP'),
        () => redis.signal('SIGCONT'),
      );
    case 4:
      if (Date.now() < world.onlyInRedisUntil) {
        world.say('Redis stays as it is, since it may have the only copy of a reply');
        return;
      }
      world.say('restart of Redis, empty');
      redis.signal('SIGCONT');
      return redis.restart();
    case 5:
      return mend(
        'Redis refuses',
        () => {
          redisProxy.refuse();
        },
        () => {
          redisProxy.heal();
        },
      );
    case 6:
      return mend(
        'PostgreSQL refuses',
        () => {
          world.keepRedis();
          databaseProxy.refuse();
        },
        () => {
          world.keepRedis();
          databaseProxy.heal();
        },
      );
    case 7:
      return mend(
        'PostgreSQL stalls',
        () => {
          world.keepRedis();
          databaseProxy.freeze();
        },
        () => {
          world.keepRedis();
          databaseProxy.heal();
        },
      );
    default:
      provider.hangUp();
      return mend(
        'the model refuses',
        () => {
          provider.refuse(true);
        },
        () => {
          provider.refuse(false);
        },
      );
  }
}

async function query<Row extends pg.QueryResultRow>(url: string, statement: string): Promise<Row[]> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<Row>(statement)).rows;
  } finally {
    await client.end();
  }
}

async function leftBehind(url: string): Promise<number> {
  const [row] = await query<{ left: number }>(
    url,
    `SELECT (SELECT count(*) FROM messages WHERE status = 'STREAMING')::int
       + (SELECT count(*) FROM usage_entries WHERE settled_at IS NULL)::int AS left`,
  );
  return row?.left ?? 0;
}

interface StoredRow {
  readonly id: string;
  readonly text: string | null;
  readonly status: string;
  readonly type: string;
  readonly question: string | null;
}

/** What broke a promise. */
async function faultsIn(deeds: Deeds, url: string, calls: readonly Call[]): Promise<string[]> {
  const rows = await query<StoredRow>(
    url,
    `SELECT m.id, m.content->>'text' AS text, m.status, m.message_type AS type, q.content->>'text' AS question
     FROM messages m LEFT JOIN messages q ON q.id = m.reply_to_id`,
  );
  const byId = new Map(rows.map((row) => [row.id, row]));
  const faults: string[] = [];
  for (const [id, content] of deeds.acknowledged) {
    if (deeds.deleted.has(id)) {
      if (byId.has(id)) faults.push(`${content} was deleted, and is there`);
    } else if (byId.get(id)?.text !== content) faults.push(`${content} was acknowledged, and is not there`);
  }
  const asked = rows.filter(({ type }) => type !== 'ai').map(({ text }) => text ?? '');
  for (const text of asked) if (!deeds.sent.has(text)) faults.push(`${text} was never sent`);
  if (new Set(asked).size !== asked.length) faults.push('a message is there twice');
  for (const { replyId, text, end, faults: seen } of deeds.readings) {
    faults.push(...seen.map((fault) => `${replyId}: ${fault}`));
    const row = byId.get(replyId);
    if (row === undefined) {
      if (end?.__typename !== 'ReplyFailed' || end.code !== 'DELETED') faults.push(`${replyId} is gone`);
      continue;
    }
    if (row.text !== text)
      faults.push(`${replyId}: a reader has ${JSON.stringify(text)}, stored is ${JSON.stringify(row.text)}`);
    const told = end?.__typename === 'ReplyCompleted' ? 'COMPLETE' : text === '' ? 'FAILED' : 'PARTIAL';
    if (row.status !== told) faults.push(`${replyId}: told ${told}, stored ${row.status}`);
  }
  for (const { messageId, response } of deeds.answers) {
    const row = byId.get(messageId);
    if (row !== undefined && row.text !== response) faults.push(`the answer ${messageId} is not what is stored`);
  }
  const ledger = await query<{
    question: string | null;
    tokens: number;
    source: string;
    messageId: string;
    reserved: number;
  }>(
    url,
    `SELECT e.tokens, e.source, e.message_id AS "messageId", e.reserved_tokens AS reserved, q.content->>'text' AS question
     FROM usage_entries e LEFT JOIN messages m ON m.id = e.message_id LEFT JOIN messages q ON q.id = m.reply_to_id`,
  );
  for (const { question, tokens, source } of ledger) {
    if (source !== 'REPORTED' || question === null) continue;
    if (!calls.some((call) => call.question === question && call.tokens === tokens))
      faults.push(`${question} is charged ${tokens}, which the provider did not count`);
  }
  const days = await query<{ counted: number; listed: number }>(
    url,
    `SELECT d.token_count AS counted, coalesce(sum(e.tokens), 0)::int AS listed
     FROM usage_daily d LEFT JOIN usage_entries e ON e.user_id = d.user_id AND e.date = d.date GROUP BY d.id`,
  );
  for (const { counted, listed } of days)
    if (counted !== listed) faults.push(`a day counts ${counted}, its ledger ${listed}`);
  return faults;
}
