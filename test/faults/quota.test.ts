import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text as readText } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { FormattedExecutionResult } from 'graphql';
import { O200kTokenCounter } from '../../src/adapters/openai/token-counter.js';
import type { ModelMessage } from '../../src/ports/language-model.js';
import { collect, signUp, type Actor } from '../support/actor.js';
import { startProgram, withDataDirectory, type Program } from '../support/program.js';
import { randomFrom } from '../support/random.js';
import { CHAT, CHAT_EVENTS, CREATE_MESSAGE, readReply, usageOf, type StoredMessage } from '../support/replies.js';
import { createMigratedDatabase } from '../support/migrated-database.js';
import { type CreatedDatabase, testServerUrl } from '../support/servers.js';

const CALLS = 1_000;
const MESSAGES_LEFT = 37;
const TOKENS_LEFT = 6_000;
const OVERHEAD = 200;

const roomy = {
  price: 0,
  daily_messages: 100_000,
  daily_tokens: 100_000_000,
  max_conversations: 100,
  max_file_uploads: 0,
};
const PLANS = JSON.stringify({
  free: roomy,
  'few-messages': { ...roomy, daily_messages: MESSAGES_LEFT },
  'few-tokens': { ...roomy, daily_tokens: TOKENS_LEFT },
});

/** A provider that counts each call by a ratio of its own, and keeps to the limit that it is given by that count. */
async function startProvider(counter: O200kTokenCounter) {
  const random = randomFrom(7);
  const state = { overhead: 0, counted: 0 };
  const server = createServer((request, response) => {
    void (async () => {
      const body = JSON.parse(await readText(request)) as { messages: ModelMessage[]; max_tokens: number };
      const ratio = 0.8 + random.below(71) / 100;
      const prompt = state.overhead + Math.ceil(ratio * counter.countPrompt(body.messages));
      const tokens = Math.min(body.max_tokens, 5 + random.below(40));
      const words = Math.max(1, Math.floor(tokens / ratio));
      response.writeHead(200, { 'content-type': 'text/event-stream' });
      const send = (chunk: object) => response.write(`data: ${JSON.stringify(chunk)}\n\n`);
      send({ choices: [{ index: 0, delta: { content: ' word'.repeat(words) }, finish_reason: 'stop' }] });
      const usage = { prompt_tokens: prompt, completion_tokens: tokens, total_tokens: prompt + tokens };
      state.counted += usage.total_tokens;
      send({ choices: [], usage });
      response.end('data: [DONE]\n\n');
    })();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/v1`,
    state,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

/** In doubt: told that something is away or busy, which may have been before or after the question was taken. */
type Outcome = 'answered' | 'refused' | 'in doubt';
type Ask = (actor: Actor, conversationId: string) => Promise<Outcome>;

/** A thousand calls keep a busy machine's database busy: a reader who is told so comes again. */
async function readWhenPossible(actor: Actor, replyId: string): Promise<void> {
  for (;;) {
    try {
      await readReply(actor, 'eventStream', replyId);
      return;
    } catch (error) {
      if (!String(error).includes('UNAVAILABLE')) throw error;
    }
  }
}

function outcomeOf(errors: FormattedExecutionResult['errors']): Outcome {
  if (errors === undefined) return 'answered';
  return errors.some(({ extensions }) => extensions?.['code'] === 'UNAVAILABLE') ? 'in doubt' : 'refused';
}

const outcomeOfStatus = (status: number): Outcome =>
  status === 200 ? 'answered' : status === 503 ? 'in doubt' : 'refused';

/** Every way to ask the model. */
const DOORS: readonly [Ask, ...Ask[]] = [
  async (actor) => outcomeOf((await actor.graphql(CHAT, { input: { message: 'Why?' } })).errors),
  async (actor, conversationId) => {
    const input = { conversationId, content: { text: 'Why?' }, messageType: 'user', invokeLlm: true };
    const { data, errors } = await actor.graphql<{ createMessage: { reply: StoredMessage } }>(CREATE_MESSAGE, {
      input,
    });
    if (data?.createMessage !== undefined) await readWhenPossible(actor, data.createMessage.reply.id);
    return outcomeOf(errors);
  },
  async (actor) =>
    outcomeOf((await collect(actor.eventStream(CHAT_EVENTS, { input: { message: 'Why?' } }))).at(-1)?.errors),
  async (actor) =>
    collect(actor.webSocket(CHAT_EVENTS, { input: { message: 'Why?' } })).then(
      (results) => outcomeOf(results.at(-1)?.errors),
      // An error before the first event is thrown; a socket that was closed throws the event of its end.
      (error: unknown) => (Array.isArray(error) ? outcomeOf(error as FormattedExecutionResult['errors']) : 'in doubt'),
    ),
  async (actor) => outcomeOfStatus((await actor.rest('POST', '/chat', { message: 'Why?' })).status),
  async (actor, conversationId) => {
    const body = { content: { text: 'Why?' }, message_type: 'user', invoke_llm: true };
    return outcomeOfStatus((await actor.rest('POST', `/conversations/${conversationId}/messages`, body)).status);
  },
];

/** What was asked for in doubt may still be running when its asker was told so. */
async function usageWhenSettled(actor: Actor) {
  for (;;) {
    const usage = await usageOf(actor);
    if (usage.ledger.every(({ settledAt }) => settledAt !== null)) return usage;
  }
}

const server = testServerUrl();
const onServers = server === undefined ? describe.skip : describe;

onServers(`${CALLS} calls at once over every door, with a provider that counts 0.8 to 1.5 of what we do`, () => {
  const counter = new O200kTokenCounter();
  let provider: Awaited<ReturnType<typeof startProvider>>;
  let database: CreatedDatabase;
  let program: Program;
  let isOver: () => void;
  let ended: Promise<void>;

  beforeAll(async () => {
    await counter.load();
    provider = await startProvider(counter);
    database = await createMigratedDatabase(server ?? '');
    const over = new Promise<void>((resolve) => (isOver = resolve));
    const started = Promise.withResolvers<Program>();
    ended = withDataDirectory(async (directory) => {
      started.resolve(
        await startProgram({
          DATA_DIR: directory,
          DATABASE_URL: database.url,
          OPENAI_BASE_URL: provider.url,
          PLANS,
          RATE_LIMIT_CHAT: '100000/60',
          RATE_LIMIT_MESSAGE: '100000/60',
          MAX_STREAMS_PER_USER: '2000',
          MAX_WEBSOCKETS_PER_USER: '2000',
        }),
      );
      await over;
    });
    ended.catch(started.reject);
    program = await started.promise;
  });
  afterAll(async () => {
    isOver();
    await ended;
    provider.close();
    await database.drop();
  });

  const userOn = async (plan: string) => {
    const actor = await signUp(program);
    await actor.ask('mutation ($plan: ID!) { changePlan(plan: $plan) { changed } }', { plan });
    return { actor, conversationId: await actor.createConversation() };
  };

  it.each([
    ['few-tokens', 0],
    ['few-tokens', OVERHEAD],
    ['few-messages', 0],
  ])(
    'on the plan "%s" never go over it, and are charged what the provider counted (%d tokens more a prompt)',
    async (plan, overhead) => {
      const { actor, conversationId } = await userOn(plan);
      if (overhead > 0) {
        // What it adds to each prompt is known from the first call on.
        provider.state.overhead = overhead;
        const { actor: other } = await userOn('free');
        expect(await DOORS[0](other, conversationId)).toBe('answered');
      }
      const before = provider.state.counted;
      const answers = await Promise.all(
        Array.from({ length: CALLS }, (_, call) => (DOORS[call % DOORS.length] ?? DOORS[0])(actor, conversationId)),
      );
      const answered = answers.filter((outcome) => outcome === 'answered').length;
      const inDoubt = answers.filter((outcome) => outcome === 'in doubt').length;
      const { today } = await usageWhenSettled(actor);
      expect(today.tokenCount).toBe(provider.state.counted - before);
      expect(today.messageCount).toBeGreaterThanOrEqual(answered);
      expect(today.messageCount).toBeLessThanOrEqual(answered + inDoubt);
      // Until nothing that can be paid is left.
      while ((await DOORS[0](actor, conversationId)) !== 'refused');
      const atTheEnd = (await usageWhenSettled(actor)).today;
      if (plan === 'few-messages') expect(atTheEnd.messageCount).toBe(MESSAGES_LEFT);
      else {
        expect(answered).toBeGreaterThan(3);
        expect(atTheEnd.tokenCount).toBeLessThanOrEqual(TOKENS_LEFT);
      }
    },
  );
});
