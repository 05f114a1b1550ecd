import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import pg from 'pg';
import { Actor, signUp } from '../support/actor.js';
import { eventually } from '../support/eventually.js';
import { startModelServer, type ModelServer } from '../support/model-server.js';
import {
  killPrograms,
  startProgram,
  withDatabaseDirectory,
  withDataDirectory,
  type Program,
  type ProgramEnvironment,
} from '../support/program.js';
import { randomFrom } from '../support/random.js';
import { ROOMY_PLANS } from '../support/replies.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { type CreatedDatabase, testServerUrl } from '../support/servers.js';

/** Keyed calls while instances are killed; the nightly run has 1,000. */
const CALLS = Number(process.env['KEYED_CALLS'] ?? 100);
const SEED = Number(process.env['KEYED_SEED'] ?? 1);
/** An instance is killed after so many answers. */
const KILL_EVERY = 15;
const AT_ONCE = 6;

const redisUrl = process.env['TEST_REDIS_URL'];
const server = testServerUrl();
const onServers = server === undefined ? describe.skip : describe;

const UNLIMITED = { RATE_LIMIT_CHAT: '100000/60', RATE_LIMIT_MESSAGE: '100000/60' };
const SECRET_KEY = 'one key of thirty-two bytes or more';

interface Answer {
  readonly status: number;
  readonly isReplayed: boolean;
  readonly data: unknown;
  readonly message: string;
}

/** One REST call. Null when there was no answer. */
async function call(url: string, token: string | undefined, key: string, path: string, body: object) {
  try {
    const response = await fetch(`${url}/api/v1${path}`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'idempotency-key': key,
        ...(token !== undefined && { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
    });
    const { data, message } = (await response.json()) as Pick<Answer, 'data' | 'message'>;
    const isReplayed = response.headers.get('idempotency-replayed') === 'true';
    return { status: response.status, isReplayed, data, message } satisfies Answer;
  } catch {
    return null;
  }
}

async function rowsOf<Row extends pg.QueryResultRow>(url: string, statement: string, values: unknown[] = []) {
  const client = new pg.Client(url);
  await client.connect();
  try {
    return (await client.query<Row>(statement, values)).rows;
  } finally {
    await client.end();
  }
}

/** Keeps every call that makes a conversation in the middle of its transaction. */
async function holdUp(url: string): Promise<{ open(): Promise<void> }> {
  const gate = new pg.Client(url);
  await gate.connect();
  await gate.query('BEGIN');
  await gate.query('LOCK TABLE conversations IN SHARE MODE');
  return { open: () => gate.end() };
}

/** The claim of the only key, once there is another one than `before`. */
async function claimOf(url: string, before: string | null): Promise<string> {
  const [row] = await eventually(
    () => rowsOf<{ claim: string }>(url, 'SELECT claim FROM idempotency_keys WHERE outcome IS NULL'),
    ([found]) => found !== undefined && found.claim !== before,
  );
  return row?.claim ?? '';
}

onServers('a call with an Idempotency-Key on two instances', () => {
  let model: ModelServer;
  let database: CreatedDatabase;

  beforeEach(async () => {
    [model, database] = await Promise.all([startModelServer(), createMigratedDatabase(server ?? '')]);
  });
  afterEach(async () => {
    await killPrograms();
    await Promise.all([model.close(), database.drop()]);
  });

  const environmentIn = (directory: string): ProgramEnvironment => ({
    DATA_DIR: directory,
    DATABASE_URL: database.url,
    REDIS_URL: redisUrl,
    OPENAI_BASE_URL: model.url,
    SECRET_KEY,
    PLANS: ROOMY_PLANS,
    ...UNLIMITED,
  });

  it('acts once, 50 times at once', async () => {
    await withDataDirectory(async (directory) => {
      const environment = environmentIn(directory);
      const both = await Promise.all([startProgram(environment), startProgram(environment)]);
      const owner = await signUp(both[0]);
      const key = randomUUID();
      const calls = Array.from({ length: 50 }, (_, index) =>
        call(both[index % 2 === 0 ? 0 : 1].url, owner.token, key, '/conversations', { title: 'one' }),
      );
      const answers = await Promise.all(calls);
      expect(answers.map((answer) => [answer?.status, answer?.data])).toEqual(
        answers.map(() => [200, answers[0]?.data]),
      );
      expect(answers.filter((answer) => answer?.isReplayed === false)).toHaveLength(1);
      expect(await rowsOf(database.url, 'SELECT FROM conversations')).toHaveLength(1);
    });
  });

  it('that asks the model and stores nothing is answered by either, and its usage counts once when it is killed', async () => {
    await withDataDirectory(async (directory) => {
      const environment = environmentIn(directory);
      const [first, second] = await Promise.all([startProgram(environment), startProgram(environment)]);
      const owner = await signUp(first);
      const [kept, lost] = [randomUUID(), randomUUID()];
      const gate = Promise.withResolvers<undefined>();
      model.reply({ chunks: ['One, ', 'two.'], usage: 5, hold: { after: 1, until: gate.promise } });
      const asked = call(first.url, owner.token, kept, '/chat', { message: 'count' });
      await model.request(0);
      const repeated = call(second.url, owner.token, kept, '/chat', { message: 'count' });
      gate.resolve(undefined);
      expect((await asked)?.data).toMatchObject({ response: 'One, two.', tokens: 5 });
      expect((await repeated)?.data).toEqual((await asked)?.data);

      model.reply({ chunks: ['One, ', 'two.'], stallAfter: 1 });
      const cut = call(first.url, owner.token, lost, '/chat', { message: 'count' });
      await model.request(1);
      first.kill('SIGKILL');
      expect(await cut).toBeNull();
      expect(await call(second.url, owner.token, lost, '/chat', { message: 'count' })).toMatchObject({
        status: 503,
        isReplayed: true,
        message: 'The server ended before the reply did',
      });
      expect(model.requests).toHaveLength(2);
      expect(await rowsOf(database.url, 'SELECT FROM usage_entries WHERE settled_at IS NOT NULL')).toHaveLength(2);
    });
  });

  it('that is killed before it is committed has done nothing, and after it is not done again', async () => {
    await withDataDirectory(async (directory) => {
      const environment = environmentIn(directory);
      const [first, second] = await Promise.all([startProgram(environment), startProgram(environment)]);
      const owner = await signUp(first);
      const titles = () =>
        rowsOf<{ title: string }>(database.url, 'SELECT title FROM conversations WHERE user_id = $1', [owner.userId]);

      const gate = await holdUp(database.url);
      const key = randomUUID();
      const lost = call(first.url, owner.token, key, '/conversations', { title: 'early' });
      await claimOf(database.url, null);
      first.kill('SIGKILL');
      expect(await lost).toBeNull();
      await first.exited;
      await gate.open();
      expect(await titles()).toEqual([]);
      const answer = await call(second.url, owner.token, key, '/conversations', { title: 'early' });
      expect(answer).toMatchObject({ status: 200, isReplayed: false });
      expect(await titles()).toEqual([{ title: 'early' }]);

      // Killed when the act is committed, whether its answer is out or not.
      const third = await startProgram(environment);
      const late = randomUUID();
      const unread = call(second.url, owner.token, late, '/conversations', { title: 'late' });
      await eventually(
        () => rowsOf(database.url, 'SELECT FROM idempotency_keys WHERE outcome IS NOT NULL'),
        ({ length }) => length === 2,
      );
      second.kill('SIGKILL');
      await unread;
      const again = await call(third.url, owner.token, late, '/conversations', { title: 'late' });
      expect(again).toMatchObject({ status: 200, isReplayed: true });
      expect(await titles()).toHaveLength(2);
    });
  });

  it('that is taken for dead while it is not rolls back, and answers as the one that acted in its place', async () => {
    await withDataDirectory(async (directory) => {
      const environment = environmentIn(directory);
      const [first, second] = await Promise.all([startProgram(environment), startProgram(environment)]);
      const owner = await signUp(first);
      const gate = await holdUp(database.url);
      const key = randomUUID();
      const slow = call(first.url, owner.token, key, '/conversations', { title: 'one' });
      const claim = await claimOf(database.url, null);
      process.kill(first.pid, 'SIGSTOP');
      const quick = call(second.url, owner.token, key, '/conversations', { title: 'one' });
      await claimOf(database.url, claim);
      process.kill(first.pid, 'SIGCONT');
      await gate.open();
      const answer = await quick;
      expect(answer).toMatchObject({ status: 200, data: { title: 'one' } });
      expect((await slow)?.data).toEqual(answer?.data);
      expect(await rowsOf(database.url, 'SELECT FROM conversations')).toHaveLength(1);
    });
  });

  it(`is done once, ${CALLS} times, while instances are killed`, async () => {
    await withDataDirectory(async (directory) => {
      const environment = environmentIn(directory);
      const random = randomFrom(SEED);
      const programs: Program[] = await Promise.all([startProgram(environment), startProgram(environment)]);
      const owner = await signUp(random.pick(programs as [Program, ...Program[]]));
      const conversationId = await owner.createConversation('talk');
      const places = ['/conversations', `/conversations/${conversationId}/messages`, '/chat'] as const;
      const bodyOf = (path: string, text: string) =>
        path === '/chat'
          ? { message: text, conversation_id: conversationId }
          : path === '/conversations'
            ? { title: text }
            : { content: { text }, message_type: 'note' };

      let answered = 0;
      let kills = 0;
      let killing: Promise<void> = Promise.resolve();
      const killOne = async (index: number) => {
        kills++;
        programs[index]?.kill('SIGKILL');
        await programs[index]?.exited;
        programs[index] = await startProgram(environment);
      };
      /** A reply that was cut for good is an answer, too; of one that is forgotten the next call asks again. */
      const isFinal = ({ status, isReplayed }: Answer) => status === 200 || (status === 503 && isReplayed);

      const answers = new Map<string, { readonly path: string; readonly answers: Answer[] }>();
      const untilAnswered = async (key: string, path: string): Promise<Answer> => {
        for (;;) {
          const { url } = random.pick(programs as [Program, ...Program[]]);
          const answer = await call(url, owner.token, key, path, bodyOf(path, key));
          if (answer !== null && isFinal(answer)) return answer;
          if (answer !== null && ![409, 502, 503].includes(answer.status)) throw new Error(JSON.stringify(answer));
          await sleep(50);
        }
      };
      const keys = Array.from({ length: CALLS }, () => randomUUID());
      const work = async () => {
        for (let key = keys.pop(); key !== undefined; key = keys.pop()) {
          const asked = key;
          const path = random.pick(places);
          const calls = Array.from({ length: 1 + random.below(2) }, () => untilAnswered(asked, path));
          answers.set(key, { path, answers: await Promise.all(calls) });
          answered++;
          if (answered % KILL_EVERY === 0) {
            const index = random.below(programs.length);
            killing = killing.then(() => killOne(index));
          }
        }
      };
      await Promise.all(Array.from({ length: AT_ONCE }, work));
      await killing;
      expect(answers.size).toBe(CALLS);
      expect(kills).toBeGreaterThanOrEqual(Math.floor(CALLS / KILL_EVERY));

      const count = async (statement: string) =>
        new Map((await rowsOf<{ key: string; n: number }>(database.url, statement)).map(({ key, n }) => [key, n]));
      const stored = {
        '/conversations': await count('SELECT title AS key, count(*)::int AS n FROM conversations GROUP BY title'),
        messages: await count(
          `SELECT content->>'text' AS key, count(*)::int AS n FROM messages WHERE user_id IS NOT NULL GROUP BY 1`,
        ),
      };
      const effects = [...answers].map(([key, { path }]) =>
        path === '/conversations' ? stored['/conversations'].get(key) : stored.messages.get(key),
      );
      expect(effects).toEqual(Array.from({ length: CALLS }, () => 1));
      // Whoever asked twice was answered alike.
      const unlike = [...answers.values()].filter(({ answers: [one, ...others] }) =>
        others.some((other) => JSON.stringify([other.status, other.data]) !== JSON.stringify([one?.status, one?.data])),
      );
      expect(unlike).toEqual([]);
    });
  });
});

describe('a call with an Idempotency-Key on the embedded database', () => {
  it('is done once when the program is killed at any moment of it', async () => {
    await withDatabaseDirectory(async (directory) => {
      const environment = { DATA_DIR: directory, SECRET_KEY, PLANS: ROOMY_PLANS };
      let program = await startProgram(environment);
      const owner = await signUp(program);
      for (const delay of [0, 5, 15]) {
        const key = randomUUID();
        const lost = call(program.url, owner.token, key, '/conversations', { title: key });
        await sleep(delay);
        program.kill('SIGKILL');
        await Promise.all([lost, program.exited]);
        program = await startProgram(environment);
        const answer = await call(program.url, owner.token, key, '/conversations', { title: key });
        expect(answer?.status).toBe(200);
        const actor = new Actor(program.url, owner.credentials);
        actor.token = owner.token;
        const { body } = await actor.rest('GET', `/conversations?q=${key}`);
        expect(body.data).toHaveLength(1);
      }
    });
  });
});
