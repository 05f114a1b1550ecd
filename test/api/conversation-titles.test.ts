import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { startModelServer, type ModelServer, type ScriptedReply } from '../support/model-server.js';
import { askModel, CHANGE_PLAN, eventsOf, readReply } from '../support/replies.js';
import { stores } from '../support/servers.js';

const PLAN = { price: 0, daily_messages: 100, daily_tokens: 1_000_000, max_conversations: 100, max_file_uploads: 0 };
const TIGHT_TOKENS = 3_000;
const PLANS = JSON.stringify({ free: PLAN, tight: { ...PLAN, daily_tokens: TIGHT_TOKENS } });
const LIMITS = { contextTokens: 2_000, maxReplyTokens: 300 };

interface Entry {
  readonly kind: string;
  readonly tokens: number | null;
}

interface Titled {
  readonly conversation: { readonly title: string | null; readonly updatedAt: string; readonly version: string };
}

const EVENTS = `subscription ($after: Int) {
  conversationListEvents(after: $after) { ... on ConversationUpdated { sequence conversation { id title } } }
}`;
const LEDGER = `{ usageLedger(first: 10) { nodes {
  kind tokens source model cachedTokens completionTokens reasoningTokens cost
} } }`;
const RENAME = `mutation ($id: ID!, $input: UpdateConversationInput!) {
  updateConversation(id: $id, input: $input) { title }
}`;

describe.each(stores)('titles by the model on %s', (on) => {
  let answers: ModelServer;
  let titles: ModelServer;
  let app: TestApp;
  let owner: Actor & { readonly userId: string };
  beforeAll(async () => {
    [answers, titles] = await Promise.all([startModelServer(), startModelServer()]);
    const models = [
      { name: 'main', baseUrl: answers.url, ...LIMITS },
      {
        name: 'cheap',
        id: 'cheap-1',
        baseUrl: titles.url,
        price: { prompt: 2, completion: 10 },
        plans: ['tight'],
        ...LIMITS,
      },
    ];
    app = await startTestApp({
      stores: on,
      settings: {
        PLANS,
        MODELS: JSON.stringify(models),
        CONVERSATION_TITLES: 'model',
        CONVERSATION_TITLE_MODEL: 'cheap',
      },
    });
  });
  beforeEach(async () => {
    owner = await signUp(app);
  });
  afterAll(async () => {
    await app.close();
    await Promise.all([answers.close(), titles.close()]);
  });

  const answerIn = async (id: string, question?: string) =>
    readReply(owner, 'webSocket', await askModel(owner, id, question));
  const find = async (id: string) =>
    (await owner.ask<Titled>(`{ conversation(id: "${id}") { title updatedAt version } }`)).conversation;
  const untilTitled = (id: string) =>
    eventually(
      () => find(id),
      ({ title }) => title !== null,
    );
  /** The ledger's lines of titles, the latest first. */
  const titleEntries = async () => {
    const { usageLedger } = await owner.ask<{ usageLedger: { nodes: readonly Entry[] } }>(LEDGER);
    return usageLedger.nodes.filter(({ kind }) => kind === 'TITLE');
  };
  const untilSettled = () => eventually(titleEntries, ([latest]) => latest !== undefined && latest.tokens !== null);
  /** The states of the jobs for a conversation. */
  const jobsOf = async (id: string) => {
    const { rows } = await app.database.query<{ state: string }>(
      `SELECT state::text FROM jobs.job WHERE name = 'conversation-titles' AND data->>'conversationId' = $1`,
      [id],
    );
    return rows.map(({ state }) => state);
  };
  const untilDone = (id: string) =>
    eventually(
      () => jobsOf(id),
      ([state]) => state === 'completed',
    );
  /** Lets the model begin with a title, and go on when `resume` is called. */
  const heldTitle = (reply: ScriptedReply = { chunks: ['A robot', ' title'] }) => {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    titles.reply({ ...reply, hold: { after: 1, until: promise } });
    const asked = titles.request(titles.requests.length);
    return {
      asked,
      resume: () => {
        resolve(undefined);
      },
    };
  };

  it('come after the first answer, are told of, and are in the ledger to the last token', async () => {
    const id = await owner.createConversation();
    answers.reply('To the sea, of course.');
    const { asked, resume } = heldTitle({
      chunks: ['"A trip', ' to the sea."\n', 'Ask me more'],
      usage: { prompt_tokens: 100, completion_tokens: 9, total_tokens: 109 },
    });
    await answerIn(id, 'Where to?');
    const request = await asked;
    expect(request).toMatchObject({ model: 'cheap-1', maxTokens: 24 });
    expect(request.messages[1]?.content).toBe('Question:\nWhere to?\n\nAnswer:\nTo the sea, of course.');
    const { updatedAt, version } = await find(id);
    // After that it was made, that something was said in it, and that the answer is complete.
    const events = eventsOf('conversationListEvents', owner.webSocket<Record<string, object>>(EVENTS, { after: 3 }));
    const told = events.next();
    resume();
    expect((await told).value).toEqual({ sequence: 4, conversation: { id, title: 'A trip to the sea' } });
    await events.return();
    const titled = await find(id);
    expect(titled).toMatchObject({ title: 'A trip to the sea', updatedAt });
    expect(titled.version).not.toBe(version);
    // 100 tokens at 2 and 9 at 10 a million.
    const entry = {
      kind: 'TITLE',
      tokens: 109,
      source: 'REPORTED',
      model: 'cheap',
      cachedTokens: null,
      completionTokens: 9,
      reasoningTokens: null,
      cost: '0.00029',
    };
    expect(await titleEntries()).toEqual([entry]);
    const { usageSummary } = await owner.ask<{ usageSummary: readonly { readonly group: string }[] }>(
      '{ usageSummary(by: KIND) { group count tokens cost } }',
    );
    expect(usageSummary).toContainEqual({ group: 'TITLE', count: 1, tokens: 109, cost: '0.00029' });
    const { rows: days } = await app.database.query(
      `SELECT d.message_count AS messages, d.token_count = sum(e.tokens) AS "isSum"
       FROM usage_daily d JOIN usage_entries e USING (user_id) WHERE d.user_id = $1 GROUP BY d.id`,
      [owner.userId],
    );
    expect(days).toEqual([{ messages: 1, isSum: true }]);
    await answerIn(id);
    await owner.ask(RENAME, { id, input: { title: null } });
    await answerIn(id);
    expect(await jobsOf(id)).toHaveLength(1);
  });

  it('do not replace the title of a person, who may give one meanwhile', async () => {
    const titled = await owner.createConversation('Mine');
    await answerIn(titled);
    expect(await jobsOf(titled)).toEqual([]);
    const id = await owner.createConversation();
    const { asked, resume } = heldTitle();
    await answerIn(id);
    await asked;
    await owner.ask(RENAME, { id, input: { title: 'Mine, too' } });
    resume();
    await untilDone(id);
    expect(await find(id)).toMatchObject({ title: 'Mine, too' });
    expect(await titleEntries()).toMatchObject([{ source: 'ESTIMATED', tokens: expect.any(Number) }]);
  });

  it('are settled where the conversation is deleted meanwhile', async () => {
    const id = await owner.createConversation();
    const { asked, resume } = heldTitle();
    await answerIn(id);
    await asked;
    await owner.ask('mutation ($id: ID!) { deleteConversation(id: $id) { id } }', { id });
    resume();
    expect(await untilSettled()).toMatchObject([{ source: 'ESTIMATED' }]);
    await untilDone(id);
  });

  it('are asked for again where the model failed', async () => {
    const id = await owner.createConversation();
    titles.reply({ error: { status: 400 } }, 'Second try');
    await answerIn(id);
    expect(await untilTitled(id)).toMatchObject({ title: 'Second try' });
    const [second, first] = await titleEntries();
    expect(first).toMatchObject({ tokens: 0, cost: '0' });
    expect(second?.tokens).toBeGreaterThan(0);
    expect(app.logged.filter(({ queue }) => queue === 'conversation-titles')).toEqual([]);
  });

  it('are not asked for where nothing was answered, or nothing is left of the plan', async () => {
    const before = titles.requests.length;
    const failed = await owner.createConversation();
    answers.reply({ error: { status: 400 } });
    await answerIn(failed);
    expect(await jobsOf(failed)).toEqual([]);
    await owner.ask(CHANGE_PLAN, { plan: 'tight' });
    const id = await owner.createConversation();
    answers.reply({
      chunks: ['All of it.'],
      usage: { prompt_tokens: TIGHT_TOKENS - 10, completion_tokens: 10, total_tokens: TIGHT_TOKENS },
    });
    await answerIn(id);
    await untilDone(id);
    expect(await find(id)).toMatchObject({ title: null });
    expect(await titleEntries()).toEqual([]);
    expect(titles.requests).toHaveLength(before);
  });
});
