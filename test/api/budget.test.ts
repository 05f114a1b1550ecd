import { readdirSync, readFileSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ALL_OF_MESSAGE } from '../load/calls.js';
import { SECRET_KEY } from '../load/data.js';
import { signUp, type Actor } from '../support/actor.js';
import { Inspector } from '../support/inspector.js';
import { startModelServer, type ModelServer } from '../support/model-server.js';
import { killPrograms, startProgram, type Program } from '../support/program.js';
import { CREATE_MESSAGE, ROOMY_PLANS } from '../support/replies.js';
import { createDatabase, testServerUrl } from '../support/servers.js';
import { startStatementCounter, type StatementCounter } from '../support/statement-counter.js';

/**
 * What a call and a start may cost, in figures that do not depend on the machine. Each is what it was when it was last looked at, with
 * some room for what V8 and its libraries change by themselves; statements have none. Lower a figure when a change brings it down.
 */
const BUDGET = {
  /** Statements, and kilobytes that V8 allocates, for one call that is alone. */
  calls: {
    'REST me': { statements: 2, allocatedKb: 120 },
    'REST conversation': { statements: 2, allocatedKb: 130 },
    'REST 50 conversations': { statements: 2, allocatedKb: 350 },
    'REST 50 messages': { statements: 2, allocatedKb: 370 },
    'REST create a message': { statements: 3, allocatedKb: 220 },
    'GraphQL me': { statements: 2, allocatedKb: 120 },
    'GraphQL 50 messages': { statements: 3, allocatedKb: 290 },
    'GraphQL 50 messages, all that REST has': { statements: 2, allocatedKb: 500 },
    'GraphQL nested 10 x 5': { statements: 3, allocatedKb: 260 },
    'GraphQL create a message': { statements: 3, allocatedKb: 230 },
  },
  /**
   * Kilobytes of a call, of which several run at once, that V8 does not find when it collects young objects: a whole collection has to.
   * Little of it is really needed for so long; most is held by something old that nobody has any more (decision 93).
   */
  outlivingKb: {
    'REST me': 9,
    'REST 50 conversations': 30,
    'REST 50 messages': 30,
    'GraphQL 50 messages': 17,
    'GraphQL nested 10 x 5': 13,
  },
  /** The size of the program: all of it, and what is read before it listens on PostgreSQL. */
  bundleMb: 24,
  readAtStartMb: 12,
  modulesAtStart: 60,
  /** What the heap of V8 holds before the first request, by the checks of production. */
  heapAtRestMb: 50,
};

const DIST = fileURLToPath(new URL('../../dist/', import.meta.url));
/** Calls whose statements are counted until one has no more than the budget. */
const MOST_LOOKS = 100;
const MOST_SAMPLES = 8;
const CALLS = 20;
/** Calls that run at once. */
const LANES = 8;

const CONVERSATION =
  'query ($id: ID!) { conversation(id: $id) { id messages(first: 50) { nodes { id text createdAt } } } }';
const ALL_OF_MESSAGES = `query ($id: ID!) { messages(conversationId: $id, first: 50) { nodes { ${ALL_OF_MESSAGE} } } }`;
const NESTED = '{ conversations(first: 10) { nodes { id title messages(first: 5) { nodes { id text } } } } }';

/** The files of a folder and its folders. */
function bytesIn(folder: string): number {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.js'))
    .reduce((sum, { parentPath, name }) => sum + statSync(`${parentPath}/${name}`).size, 0);
}

const server = testServerUrl();

// Embedded, the database is a part of the process: what it allocates is not the service's.
(server === undefined ? describe.skip : describe)('the budget', () => {
  let model: ModelServer;
  let database: Awaited<ReturnType<typeof createDatabase>>;
  let counter: StatementCounter;
  let program: Program;
  let inspector: Inspector;
  let atStart: readonly string[];
  let heapAtRestKb: number;
  let owner: Actor;
  let conversationId: string;

  beforeAll(async () => {
    model = await startModelServer();
    database = await createDatabase(server ?? '');
    counter = await startStatementCounter(database.url);
    program = await startProgram({
      NODE_ENV: 'production',
      DATABASE_URL: counter.url,
      SECRET_KEY,
      OPENAI_BASE_URL: model.url,
      OPENAI_API_KEY: 'none',
      PLANS: ROOMY_PLANS,
      RATE_LIMIT_MESSAGE: '10000/60',
      // So little room for young objects that some calls fill it.
      NODE_OPTIONS: '--inspect=127.0.0.1:0 --max-semi-space-size=2',
    });
    inspector = await Inspector.open(program.output());
    atStart = await inspector.files();
    heapAtRestKb = await inspector.heapKb();
    owner = await signUp(program);
    for (let made = 0; made < 50; made++) conversationId = await owner.createConversation();
    for (let made = 0; made < 60; made++) await calls['GraphQL create a message']();
  });
  afterAll(async () => {
    inspector.close();
    await killPrograms();
    await counter.close();
    await database.drop();
    await model.close();
  });

  const get = async (path: string) => {
    expect((await owner.rest('GET', path)).status).toBe(200);
  };
  const message = () => ({ content: { text: 'Where is it warm in March?' }, messageType: 'user' });
  const calls: Record<keyof typeof BUDGET.calls, () => Promise<unknown>> = {
    'REST me': () => get('/users/me'),
    'REST conversation': () => get(`/conversations/${conversationId}`),
    'REST 50 conversations': () => get('/conversations?limit=50'),
    'REST 50 messages': () => get(`/conversations/${conversationId}/messages?limit=50`),
    'REST create a message': async () => {
      const { content, messageType } = message();
      const body = { content, message_type: messageType };
      expect((await owner.rest('POST', `/conversations/${conversationId}/messages`, body)).status).toBe(200);
    },
    'GraphQL me': () => owner.ask('{ me { id email createdAt } }'),
    'GraphQL 50 messages': () => owner.ask(CONVERSATION, { id: conversationId }),
    'GraphQL 50 messages, all that REST has': () => owner.ask(ALL_OF_MESSAGES, { id: conversationId }),
    'GraphQL nested 10 x 5': () => owner.ask(NESTED),
    'GraphQL create a message': () => owner.ask(CREATE_MESSAGE, { input: { conversationId, ...message() } }),
  };

  it.each(Object.keys(BUDGET.calls) as (keyof typeof BUDGET.calls)[])('of %s is kept', async (name) => {
    const times = async () => {
      for (let call = 0; call < CALLS; call++) await calls[name]();
    };
    for (let round = 0; round < 3; round++) await times();
    const { statements: mostStatements, allocatedKb: mostKb } = BUDGET.calls[name];
    // The least of some calls: jobs run beside them, on a busy machine beside most.
    let least = Infinity;
    for (let call = 0; call < MOST_LOOKS && least > mostStatements; call++) {
      const before = counter.count;
      await calls[name]();
      least = Math.min(least, counter.count - before);
    }
    // So it is of what is allocated: besides, samples are taken of it.
    let allocatedKb = Infinity;
    for (let look = 0; look < MOST_SAMPLES && allocatedKb > mostKb; look++) {
      allocatedKb = Math.min(allocatedKb, Math.round((await inspector.allocatedBytes(times)) / CALLS / 1024));
    }
    expect(least).toBeLessThanOrEqual(mostStatements);
    expect(allocatedKb).toBeLessThanOrEqual(mostKb);
  });

  it.each(Object.keys(BUDGET.outlivingKb) as (keyof typeof BUDGET.outlivingKb)[])(
    'of what outlives %s is kept',
    async (name) => {
      const times = async () => {
        const lane = async () => {
          for (let call = 0; call < CALLS; call++) await calls[name]();
        };
        await Promise.all(Array.from({ length: LANES }, lane));
      };
      await times();
      const mostKb = BUDGET.outlivingKb[name];
      let outlivingKb = Infinity;
      for (let look = 0; look < MOST_SAMPLES && outlivingKb > mostKb; look++) {
        const bytes = await inspector.survivingBytes(times);
        outlivingKb = Math.min(outlivingKb, Math.round(bytes / CALLS / LANES / 1024));
      }
      expect(outlivingKb).toBeLessThanOrEqual(mostKb);
    },
  );

  it('of a start is kept: files that are read, and their bytes', () => {
    const bytes = atStart.reduce((sum, path) => sum + readFileSync(path).length, 0);
    expect(atStart.length).toBeLessThanOrEqual(BUDGET.modulesAtStart);
    expect(bytes / 1e6).toBeLessThanOrEqual(BUDGET.readAtStartMb);
  });

  it('of memory at rest is kept', () => {
    expect(heapAtRestKb / 1024).toBeLessThanOrEqual(BUDGET.heapAtRestMb);
  });

  it('of the bundle is kept', () => {
    expect(bytesIn(DIST) / 1e6).toBeLessThanOrEqual(BUDGET.bundleMb);
  });
});
