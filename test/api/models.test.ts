import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { collect, signUp, type Actor } from '../support/actor.js';
import { auditOf, newAdmin } from '../support/admins.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { startModelServer, type ModelServer, type ScriptedReply } from '../support/model-server.js';
import { CHANGE_PLAN } from '../support/replies.js';
import { stores } from '../support/servers.js';
import * as wire from '../support/wire.js';

const plan = { price: 0, daily_messages: 1_000, daily_tokens: 1_000_000, max_conversations: 100, max_file_uploads: 0 };
const PLANS = JSON.stringify({ free: plan, pro: { ...plan, price: 10 }, tight: { ...plan, daily_tokens: 2_500 } });

/** Failed tries that open a breaker, which then stays open until an admin closes it. */
const FAILURES = 3;

const modelsOf = (one: ModelServer, other: ModelServer) => [
  {
    name: 'wise',
    id: 'wise-1',
    baseUrl: other.url,
    keyVariable: 'OTHER_KEY',
    plans: ['pro', 'tight'],
    fallback: 'fast',
  },
  { name: 'fast', id: 'fast-1', baseUrl: one.url, keyVariable: 'ONE_KEY', default: true },
  { name: 'lone', id: 'lone-1', baseUrl: other.url },
];
const LIMITS = {
  wise: {
    contextTokens: 4_000,
    maxReplyTokens: 400,
    takes: ['images', 'tools'],
    price: { prompt: 3, cached: '1.5', completion: 15.000001 },
  },
  fast: { contextTokens: 2_000, maxReplyTokens: 300, takes: ['tools'], price: { prompt: 0.15, completion: 0.6 } },
  lone: { contextTokens: 1_000, maxReplyTokens: 100 },
};

const GENERATION = `generation {
  model requestedModel promptTokens cachedTokens completionTokens reasoningTokens cost firstTextMs finishReason
}`;
const CHAT = `mutation ($input: ChatInput!) { chat(input: $input) { response tokens ${GENERATION} } }`;
const CREATE_CONVERSATION = `mutation ($input: CreateConversationInput!) {
  createConversation(input: $input) { id version model instructions temperature maxTokens }
}`;
const UPDATE_CONVERSATION = `mutation ($id: ID!, $input: UpdateConversationInput!) {
  updateConversation(id: $id, input: $input) { model instructions temperature maxTokens }
}`;
const CREATE_MESSAGE = `mutation ($input: CreateMessageInput!) {
  createMessage(input: $input) { reply { id status ${GENERATION} } }
}`;
const EVENTS = `subscription ($input: ChatInput!) {
  chat(input: $input) {
    __typename
    ... on ReplyCompleted { response ${GENERATION} }
    ... on ReplyFailed { code reason ${GENERATION} }
  }
}`;
const LEDGER = `{ usageLedger(first: 1) { nodes {
  reservedTokens tokens model cachedTokens completionTokens reasoningTokens cost
} } }`;
const CLOSE_BREAKER = `mutation ($model: String!, $reason: String) {
  closeModelBreaker(model: $model, reason: $reason) { model state failures openedAt retryAt }
}`;
const BREAKERS = '{ modelBreakers { model provider state failures openedAt retryAt lastFailure } }';

interface Generation {
  readonly model: string;
  readonly requestedModel: string;
  readonly cost: string | null;
  readonly firstTextMs: number | null;
  readonly finishReason: string | null;
}

const USAGE = {
  prompt_tokens: 1_000,
  completion_tokens: 70,
  total_tokens: 1_070,
  prompt_tokens_details: { cached_tokens: 600 },
  completion_tokens_details: { reasoning_tokens: 50 },
};
/** 400 tokens at 3, 600 at 1.5 and 70 at 15.000001 a million. */
const COST = '0.00315000007';

const down: ScriptedReply = { error: { status: 500 } };

describe.each(stores)('several models on %s', (on) => {
  let one: ModelServer;
  let other: ModelServer;
  let app: TestApp;
  beforeAll(async () => {
    [one, other] = await Promise.all([startModelServer(), startModelServer()]);
    const models = modelsOf(one, other).map((model) => ({ ...model, ...LIMITS[model.name as keyof typeof LIMITS] }));
    app = await startTestApp({
      stores: on,
      settings: {
        PLANS,
        MODELS: JSON.stringify(models),
        CURRENCY: 'EUR',
        ONE_KEY: 'sk-of-the-one',
        OTHER_KEY: 'sk-of-the-other',
        MODEL_BREAKER_FAILURES: String(FAILURES),
        MODEL_BREAKER_SECONDS: '3600',
      },
    });
  });
  afterAll(async () => {
    await app.close();
    await Promise.all([one.close(), other.close()]);
  });

  const userOn = async (name: string): Promise<Actor> => {
    const actor = await signUp(app);
    if (name !== 'free') await actor.ask(CHANGE_PLAN, { plan: name });
    return actor;
  };
  const latestEntry = async (actor: Actor) => {
    const { usageLedger } = await actor.ask<{ usageLedger: { nodes: readonly object[] } }>(LEDGER);
    return usageLedger.nodes[0];
  };
  /** The requests that the providers get while `work` is done. */
  const requestsDuring = async (work: () => Promise<unknown>) => {
    const [ofOne, ofOther] = [one.requests.length, other.requests.length];
    await work();
    return { one: one.requests.slice(ofOne), other: other.requests.slice(ofOther) };
  };
  const chat = async (actor: Actor, input: object) =>
    (await actor.ask<{ chat: { response: string; tokens: number; generation: Generation } }>(CHAT, { input })).chat;

  it('are listed with what they do and cost, what the plan allows, and nothing of where they are', async () => {
    const [free, pro] = [await userOn('free'), await userOn('pro')];
    const answer = await free.rest('GET', '/models');
    expect(wire.dataOf(answer, z.array(wire.model))).toEqual([
      {
        name: 'wise',
        is_allowed: false,
        is_default: false,
        context_tokens: 4_000,
        max_reply_tokens: 400,
        takes_images: true,
        takes_tools: true,
        price: { prompt: '3', cached: '1.5', completion: '15.000001', currency: 'EUR' },
        fallback: 'fast',
      },
      {
        name: 'fast',
        is_allowed: true,
        is_default: true,
        context_tokens: 2_000,
        max_reply_tokens: 300,
        takes_images: false,
        takes_tools: true,
        price: { prompt: '0.15', cached: '0.15', completion: '0.6', currency: 'EUR' },
        fallback: null,
      },
      {
        name: 'lone',
        is_allowed: true,
        is_default: false,
        context_tokens: 1_000,
        max_reply_tokens: 100,
        takes_images: false,
        takes_tools: false,
        price: null,
        fallback: null,
      },
    ]);
    expect(JSON.stringify(answer.body)).not.toMatch(/sk-of|127\.0\.0\.1|fast-1|KEY/);
    const { models } = await pro.ask<{ models: unknown }>('{ models { name isAllowed isDefault } }');
    expect(models).toEqual([
      { name: 'wise', isAllowed: true, isDefault: false },
      { name: 'fast', isAllowed: true, isDefault: true },
      { name: 'lone', isAllowed: true, isDefault: false },
    ]);
  });

  it('are chosen by a conversation, with instructions, a temperature and a length, through both doors', async () => {
    const actor = await userOn('pro');
    const settings = { model: 'wise', instructions: 'Answer in verse.', temperature: 0.5, maxTokens: 120 };
    const { createConversation: made } = await actor.ask<{ createConversation: { id: string } }>(CREATE_CONVERSATION, {
      input: settings,
    });
    expect(made).toMatchObject(settings);
    other.reply('Roses are red.');
    const input = {
      conversationId: made.id,
      content: { text: 'Why?' },
      messageType: 'user',
      invokeLlm: true,
      waitForReply: true,
    };
    const asked = await requestsDuring(() => actor.ask(CREATE_MESSAGE, { input }));
    expect(asked.one).toHaveLength(0);
    expect(asked.other).toHaveLength(1);
    expect(asked.other[0]).toMatchObject({ model: 'wise-1', maxTokens: 120, body: { temperature: 0.5 } });
    expect(asked.other[0]?.headers.authorization).toBe('Bearer sk-of-the-other');
    expect(asked.other[0]?.messages[0]).toEqual({
      role: 'system',
      content: expect.stringMatching(/^You are Flynkle[^]*\n\nAnswer in verse\.$/),
    });

    const path = `/conversations/${made.id}`;
    const read = await actor.rest('GET', path);
    const whole = wire.dataOf(read, wire.conversation);
    expect(whole).toMatchObject({ model: 'wise', instructions: 'Answer in verse.', temperature: 0.5, max_tokens: 120 });
    const back = await actor.rest('PATCH', path, { ...whole, model: 'fast', temperature: null, max_tokens: null });
    expect(wire.dataOf(back, wire.conversation)).toMatchObject({
      model: 'fast',
      instructions: 'Answer in verse.',
      temperature: null,
      max_tokens: null,
    });
    expect(back.headers.get('etag')).not.toBe(read.headers.get('etag'));
    const { updateConversation } = await actor.ask<{ updateConversation: unknown }>(UPDATE_CONVERSATION, {
      id: made.id,
      input: { instructions: null },
    });
    expect(updateConversation).toEqual({ model: 'fast', instructions: null, temperature: null, maxTokens: null });
    const plain = await requestsDuring(() => chat(actor, { message: 'Why?', conversationId: made.id }));
    expect(plain.one[0]).toMatchObject({ model: 'fast-1', maxTokens: 300 });
    expect(plain.one[0]?.body).not.toHaveProperty('temperature');
    expect(plain.one[0]?.messages[0]?.content).not.toContain('verse');
  });

  it('and their settings have bounds, all faults at once', async () => {
    const actor = await userOn('pro');
    const bad = { model: ' ', instructions: 'x'.repeat(8_001), temperature: 2.1, max_tokens: 0 };
    wire.expectFaults(await actor.rest('POST', '/conversations', bad), {
      model: 'must not be empty',
      instructions: 'must be at most 8000 characters',
      temperature: 'must be a number from 0 to 2',
      max_tokens: 'must be a whole number from 1 to 1000000',
    });
  });

  it('that are unknown, or not in the plan, are refused through both doors', async () => {
    const actor = await userOn('free');
    const conversationId = await actor.createConversation();
    const before = one.requests.length + other.requests.length;
    const unknown = {
      code: 'BAD_USER_INPUT',
      errors: [{ field: 'input.model', message: 'must be one of fast, lone' }],
    };
    const upgrade = { code: 'QUOTA_EXCEEDED' };
    const message = { conversationId, content: { text: 'Why?' }, messageType: 'user', invokeLlm: true };
    for (const [model, expected] of [
      ['no-such', unknown],
      ['wise', upgrade],
    ] as const) {
      for (const [query, variables] of [
        [CHAT, { input: { message: 'Why?', model } }],
        [CREATE_MESSAGE, { input: { ...message, model } }],
        [CREATE_CONVERSATION, { input: { model } }],
        [UPDATE_CONVERSATION, { id: conversationId, input: { model } }],
      ] as const) {
        const { errors } = await actor.graphql(query, variables);
        expect(errors?.[0]?.extensions).toMatchObject(expected);
      }
    }
    wire.expectFaults(await actor.rest('POST', '/chat', { message: 'Why?', model: 'no-such' }), {
      model: 'must be one of fast, lone',
    });
    for (const [method, path, body] of [
      ['POST', '/chat', { message: 'Why?', model: 'wise' }],
      ['POST', '/conversations', { model: 'wise' }],
      ['PATCH', `/conversations/${conversationId}`, { model: 'wise' }],
    ] as const) {
      expect(await actor.rest(method, path, body)).toMatchObject({
        status: 403,
        body: { message: 'Upgrade required' },
      });
    }
    expect(one.requests.length + other.requests.length).toBe(before);
    expect(await latestEntry(actor)).toBeUndefined();
  });

  it('that a conversation had, and its user or the service has no longer, are told of', async () => {
    const actor = await userOn('pro');
    const conversationId = await actor.createConversation();
    await actor.ask(UPDATE_CONVERSATION, { id: conversationId, input: { model: 'wise' } });
    await app.database.query(
      `UPDATE users SET plan = 'free' WHERE id = (SELECT user_id FROM conversations WHERE id = $1)`,
      [conversationId],
    );
    const refused = await actor.graphql(CHAT, { input: { message: 'Why?', conversationId } });
    expect(refused.errors?.[0]?.extensions.code).toBe('QUOTA_EXCEEDED');
    await app.database.query(`UPDATE conversations SET model = 'retired' WHERE id = $1`, [conversationId]);
    const { generation } = await chat(actor, { message: 'Why?', conversationId });
    expect(generation).toMatchObject({ model: 'fast', requestedModel: 'retired' });
  });

  it('say what an answer took, to the last digit, in the reply, its stream and the ledger', async () => {
    const actor = await userOn('pro');
    const conversationId = await actor.createConversation();
    const figures = { promptTokens: 1_000, cachedTokens: 600, completionTokens: 70, reasoningTokens: 50, cost: COST };
    const expected = {
      model: 'wise',
      requestedModel: 'wise',
      ...figures,
      finishReason: 'STOP',
      firstTextMs: expect.any(Number),
    };
    const entry = {
      tokens: 1_070,
      model: 'wise',
      cachedTokens: 600,
      completionTokens: 70,
      reasoningTokens: 50,
      cost: COST,
    };
    const input = { message: 'Why?', model: 'wise', conversationId };

    other.reply({ chunks: ['Because.'], usage: USAGE });
    expect(await chat(actor, input)).toEqual({ response: 'Because.', tokens: 1_070, generation: expected });
    expect(await latestEntry(actor)).toMatchObject(entry);

    other.reply({ chunks: ['Because.'], usage: USAGE });
    const events = await collect(actor.webSocket<{ chat: object }>(EVENTS, { input }));
    expect(events.at(-1)?.data?.chat).toEqual({
      __typename: 'ReplyCompleted',
      response: 'Because.',
      generation: expected,
    });

    other.reply({ chunks: ['Because.'], usage: USAGE });
    const answer = await actor.rest('POST', '/chat', {
      message: 'Why?',
      model: 'wise',
      conversation_id: conversationId,
    });
    const told = wire.dataOf(answer, wire.chat).generation;
    expect(told).toEqual({
      model: 'wise',
      requested_model: 'wise',
      prompt_tokens: 1_000,
      cached_tokens: 600,
      completion_tokens: 70,
      reasoning_tokens: 50,
      cost: COST,
      first_text_ms: expect.any(Number),
      finish_reason: 'stop',
    });
    const list = wire.dataOf(
      await actor.rest('GET', `/conversations/${conversationId}/messages`),
      z.array(wire.message),
    );
    expect(list.map(({ generation }) => generation?.cost ?? null)).toEqual([null, COST, null, COST, null, COST]);
    expect(list.at(-1)?.generation).toEqual(told);

    const { rows } = await app.database.query<{ cost: string }>(
      `SELECT trim_scale(sum(cost))::text AS cost FROM usage_entries WHERE model = 'wise' AND cost IS NOT NULL AND tokens = 1070`,
    );
    expect(rows).toEqual([{ cost: '0.00945000021' }]);
  });

  it('have no cost without a price, and an estimate by the tokenizer where the provider reports nothing', async () => {
    const actor = await userOn('free');
    other.reply({ chunks: ['Four words of answer'], usage: null, finishReason: 'length' });
    const { tokens, generation } = await chat(actor, { message: 'Why?', model: 'lone' });
    expect(generation).toMatchObject({
      model: 'lone',
      cost: null,
      cachedTokens: null,
      completionTokens: 4,
      promptTokens: tokens - 4,
      finishReason: 'LENGTH',
    });
  });

  it('say of a reply that was stopped that it was', async () => {
    const actor = await userOn('free');
    const conversationId = await actor.createConversation();
    one.reply({ chunks: ['Well, '], stallAfter: 1 });
    const input = { conversationId, content: { text: 'Why?' }, messageType: 'user', invokeLlm: true };
    const { createMessage } = await actor.ask<{ createMessage: { reply: { id: string; generation: Generation } } }>(
      CREATE_MESSAGE,
      { input },
    );
    const { id, generation } = createMessage.reply;
    expect(generation).toMatchObject({
      model: 'fast',
      requestedModel: 'fast',
      cost: null,
      firstTextMs: null,
      finishReason: null,
    });
    const reply = actor.webSocket<{ reply: { __typename: string } }>(
      'subscription ($id: ID!) { reply(messageId: $id) { __typename } }',
      { id },
    );
    await reply.next();
    const { stopReply } = await actor.ask<{ stopReply: { generation: Generation } }>(
      `mutation ($id: ID!) { stopReply(messageId: $id) { ${GENERATION} } }`,
      { id },
    );
    expect(stopReply.generation).toMatchObject({
      model: 'fast',
      finishReason: 'STOPPED',
      firstTextMs: expect.any(Number),
    });
    expect(stopReply.generation.cost).toMatch(/^0\.0000\d+$/);
    reply.close();
  });

  it('reserve each by its own limits and counts: a fallback too, where it may need more', async () => {
    const reserved = async (actor: Actor, input: object) => {
      await chat(actor, { message: 'Why?', ...input });
      const { rows } = await app.database.query<{ reserved: number; prompt: number }>(
        `SELECT reserved_tokens AS reserved, prompt_tokens AS prompt FROM usage_entries ORDER BY id DESC LIMIT 1`,
      );
      return rows[0] ?? { reserved: 0, prompt: 0 };
    };
    const { rows: rates } = await app.database.query<{ model: string }>('SELECT model FROM token_rates');
    expect(rates).toEqual([]);
    const actor = await userOn('pro');
    // Nobody has reported on it but once, above: half more than our count is assumed.
    const lone = await reserved(actor, { model: 'lone' });
    expect(lone.reserved).toBe(Math.ceil(lone.prompt * 1.5) + 100);
    const conversationId = await actor.createConversation();
    await actor.ask(UPDATE_CONVERSATION, { id: conversationId, input: { model: 'lone', maxTokens: 10 } });
    const short = await reserved(actor, { conversationId });
    expect(short.reserved).toBe(Math.ceil(short.prompt * 1.5) + 10);
  });

  it('never go over what the plan has left, however many are asked at once', async () => {
    const actor = await userOn('tight');
    const names = ['wise', 'fast', 'lone'];
    const answers = await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        actor.graphql(CHAT, { input: { message: `Question ${index}`, model: names[index % 3] } }),
      ),
    );
    const codes = new Set(answers.flatMap(({ errors }) => errors?.map(({ extensions }) => extensions.code) ?? []));
    expect([...codes]).toEqual(['QUOTA_EXCEEDED']);
    expect(answers.filter(({ errors }) => errors === undefined).length).toBeGreaterThan(0);
    const { usage } = await actor.ask<{ usage: readonly { tokenCount: number }[] }>('{ usage { tokenCount } }');
    expect(usage[0]?.tokenCount).toBeLessThanOrEqual(2_500);
    const { rows } = await app.database.query<{ tokens: number }>(
      `SELECT sum(e.tokens)::int AS tokens FROM usage_entries e JOIN users u ON u.id = e.user_id WHERE u.plan = 'tight'`,
    );
    expect(rows[0]?.tokens).toBe(usage[0]?.tokenCount);
  });

  // From here on, breakers open and stay so.
  it('fall back to another one before any text, and say so, through both doors', async () => {
    const actor = await userOn('pro');
    const conversationId = await actor.createConversation();
    other.reply({ ...down, error: { status: 401, message: 'bad key' } });
    one.reply({ chunks: ['In its place.'], usage: { prompt_tokens: 20, completion_tokens: 5, total_tokens: 25 } });
    const input = { message: 'Why?', model: 'wise', conversationId };
    const answered = await chat(actor, input);
    const instead = { model: 'fast', requestedModel: 'wise', finishReason: 'STOP', cost: '0.000006' };
    expect(answered).toMatchObject({ response: 'In its place.', tokens: 25, generation: instead });
    expect(await latestEntry(actor)).toMatchObject({ model: 'fast', tokens: 25, cost: '0.000006' });

    other.reply({ ...down, error: { status: 403 } });
    const rest = await actor.rest('POST', '/chat', { message: 'Why?', model: 'wise', conversation_id: conversationId });
    expect(wire.dataOf(rest, wire.chat).generation).toMatchObject({ model: 'fast', requested_model: 'wise' });
    const { messages } = await actor.ask<{ messages: { nodes: readonly { generation: Generation | null }[] } }>(
      `query ($id: ID!) { messages(conversationId: $id) { nodes { ${GENERATION} } } }`,
      { id: conversationId },
    );
    expect(messages.nodes[1]?.generation).toMatchObject(instead);
  });

  it('do not fall back once there was text, nor for a question of its own fault', async () => {
    const actor = await userOn('pro');
    const before = one.requests.length;
    // Resets the count of failures, too: the provider has answered.
    other.reply({ error: { status: 400, message: 'bad request' } });
    const refused = await actor.graphql(CHAT, { input: { message: 'Why?', model: 'wise' } });
    expect(refused.errors?.[0]?.extensions).toMatchObject({
      code: 'UPSTREAM_FAILED',
      reason: "the model's provider rejected the request",
    });
    other.reply({ chunks: ['Well, ', 'no'], cutAfter: 1 });
    const events = await collect(
      actor.eventStream<{ chat: object }>(EVENTS, { input: { message: 'Why?', model: 'wise' } }),
    );
    expect(events.at(-1)?.data?.chat).toMatchObject({
      __typename: 'ReplyFailed',
      code: 'UPSTREAM_FAILED',
      generation: { model: 'wise', requestedModel: 'wise', finishReason: 'FAILED' },
    });
    expect(one.requests.length).toBe(before);
  });

  it('are left alone after failures in a row: the next question costs no call, and says why', async () => {
    const actor = await userOn('free');
    other.reply(...Array.from({ length: FAILURES }, () => down));
    const failing = await requestsDuring(() => actor.graphql(CHAT, { input: { message: 'Why?', model: 'lone' } }));
    expect(failing.other).toHaveLength(FAILURES);
    const resting = {
      code: 'UPSTREAM_FAILED',
      reason: "the model's provider has failed several times and is not asked for a while",
    };
    const { other: none } = await requestsDuring(async () => {
      const { errors } = await actor.graphql(CHAT, { input: { message: 'Why?', model: 'lone' } });
      expect(errors?.[0]?.extensions).toMatchObject(resting);
      const answer = await actor.rest('POST', '/chat', { message: 'Why?', model: 'lone' });
      expect(answer).toMatchObject({ status: 502, body: { data: { source: 'openai', reason: resting.reason } } });
    });
    expect(none).toHaveLength(0);
    // Neither message nor tokens were charged.
    expect(await latestEntry(actor)).toMatchObject({ model: 'lone', tokens: 0, cost: null });
  });

  it('are each left alone by itself: another of the same provider is asked, until it fails, too', async () => {
    const actor = await userOn('pro');
    other.reply('Still here.');
    expect(await chat(actor, { message: 'Why?', model: 'wise' })).toMatchObject({ response: 'Still here.' });
    other.reply(...Array.from({ length: FAILURES }, () => down));
    const opening = await requestsDuring(() => chat(actor, { message: 'Why?', model: 'wise' }));
    expect([opening.other.length, opening.one.length]).toEqual([FAILURES, 1]);
    const open = await requestsDuring(async () => {
      const { generation } = await chat(actor, { message: 'Why?', model: 'wise' });
      expect(generation).toMatchObject({ model: 'fast', requestedModel: 'wise' });
    });
    expect([open.other.length, open.one.length]).toEqual([0, 1]);
  });

  it('that are left alone are told to orchestrators and to admins, with their failures', async () => {
    const ready = await fetch(`${app.url}/health/ready`);
    expect([ready.status, await ready.json()]).toEqual([
      200,
      { code: 200, message: 'Success', data: { status: 'ok', models: { wise: 'open', fast: 'closed', lone: 'open' } } },
    ]);
    const live = await fetch(`${app.url}/health/live`);
    expect(await live.json()).toMatchObject({ data: { status: 'ok' } });

    const admin = await userOn('free');
    expect((await admin.graphql(BREAKERS)).errors?.[0]?.extensions.code).toBe('FORBIDDEN');
    expect(await admin.rest('GET', '/admin/model-breakers')).toMatchObject({ status: 403 });
    await app.database.query('UPDATE users SET is_admin = true WHERE email = $1', [admin.credentials.email]);
    const { modelBreakers } = await admin.ask<{ modelBreakers: readonly object[] }>(BREAKERS);
    const time = expect.stringMatching(/^\d{4}-.*Z$/);
    const closed = { state: 'CLOSED', failures: 0, openedAt: null, retryAt: null };
    const opened = {
      state: 'OPEN',
      failures: FAILURES,
      openedAt: time,
      retryAt: time,
      lastFailure: "the model's provider is unavailable",
    };
    expect(modelBreakers).toEqual([
      { model: 'wise', provider: expect.stringMatching(/^wise-1 at 127\.0\.0\.1:\d+$/), ...opened },
      { model: 'fast', provider: expect.stringContaining('fast-1 at '), ...closed, lastFailure: null },
      { model: 'lone', provider: expect.stringContaining('lone-1 at '), ...opened },
    ]);
    const rest = await admin.rest('GET', '/admin/model-breakers');
    expect(wire.dataOf(rest, z.array(wire.modelBreaker)).map(({ state }) => state)).toEqual(['open', 'closed', 'open']);

    const { modelFailures } = await admin.ask<{
      modelFailures: { nodes: readonly { model: string; reason: string }[] };
    }>('{ modelFailures { nodes { model reason } } }');
    expect(modelFailures.nodes.map(({ model }) => model)).toEqual(['wise', 'lone', 'wise', 'wise', 'wise', 'wise']);
    expect(app.logged.filter(({ msg }) => msg === 'The model keeps failing and is left alone')).toHaveLength(2);
  });

  it('are asked again when an admin closes their breakers, through both doors', async () => {
    const [admin, actor] = [await newAdmin(app), await userOn('pro')];
    const ask = async (model: string) => (await chat(actor, { message: 'Why?', model })).generation.model;
    one.reply('In its place.');
    expect(await ask('wise')).toBe('fast');
    const closed = { state: 'CLOSED', failures: 0, openedAt: null, retryAt: null };
    const answer = { data: { closeModelBreaker: { model: 'wise', ...closed } } };
    expect(await admin.graphql(CLOSE_BREAKER, { model: 'wise', reason: 'it is up again' })).toEqual(answer);
    other.reply('Because.');
    expect(await ask('wise')).toBe('wise');
    // A repeat leaves it closed.
    expect(await admin.graphql(CLOSE_BREAKER, { model: 'wise' })).toEqual(answer);

    const key = { 'idempotency-key': crypto.randomUUID() };
    const path = '/admin/model-breakers/lone/close';
    const rest = await admin.rest('POST', path, { reason: 'up, too' }, key);
    expect(wire.dataOf(rest, wire.modelBreaker)).toMatchObject({ model: 'lone', state: 'closed', failures: 0 });
    const { modelBreakers } = await admin.ask<{ modelBreakers: readonly object[] }>(BREAKERS);
    expect(modelBreakers).toMatchObject(['wise', 'fast', 'lone'].map((model) => ({ model, ...closed })));
    other.reply('Well.');
    expect(await ask('lone')).toBe('lone');

    const { errors } = await admin.graphql(CLOSE_BREAKER, { model: 'clever' });
    expect(errors).toMatchObject([{ message: 'Model breaker not found', extensions: { code: 'NOT_FOUND' } }]);
    wire.expectError(await admin.rest('POST', '/admin/model-breakers/a%2Fb/close'), 404, 'Model breaker not found');
    const tooLong = await admin.rest('POST', path, { reason: 'x'.repeat(501) });
    expect([tooLong.status, JSON.stringify(tooLong.body)]).toEqual([422, expect.stringContaining('at most 500')]);

    const event = { action: 'MODEL_BREAKER_CLOSED', actorId: admin.userId, subjectId: null };
    expect(await auditOf(admin, 'MODEL_BREAKER_CLOSED')).toEqual([
      { ...event, details: { model: 'lone', reason: 'up, too' } },
      { ...event, details: { model: 'wise' } },
      { ...event, details: { model: 'wise', reason: 'it is up again' } },
    ]);
    expect(app.logged.filter(({ msg }) => msg === 'The model is asked again, by hand')).toHaveLength(2);
  });
});
