import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor, signUp, type GraphQLAnswer, type RestAnswer } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { eventually } from '../support/eventually.js';
import { CHANGE_PLAN, CHAT, CREATE_MESSAGE, ROOMY_PLANS, usageOf } from '../support/replies.js';

const CALLS = 200;
const CREATE_CONVERSATION = 'mutation { createConversation(input: {}) { id } }';

const roomy = {
  price: 0,
  daily_messages: 100_000,
  daily_tokens: 100_000_000,
  max_conversations: 100,
  max_file_uploads: 0,
};
const PLANS = JSON.stringify({
  roomy,
  'few-conversations': { ...roomy, max_conversations: 7 },
  'few-messages': { ...roomy, daily_messages: 11 },
  'few-tokens': { ...roomy, daily_tokens: 2_000 },
});

const atOnce = <Result>(call: () => Promise<Result>) => Promise.all(Array.from({ length: CALLS }, call));

/** The number of answers by error code; `none` for answers without errors. */
function codes(answers: readonly GraphQLAnswer<unknown>[]): Record<string, number> {
  const grouped = Map.groupBy(answers, ({ errors }) => errors?.[0]?.extensions.code ?? 'none');
  return Object.fromEntries([...grouped].map(([code, same]) => [code, same.length]));
}

function expectRetryAfter({ status, headers, body }: RestAnswer, message: string): void {
  expect({ status, body }).toEqual({ status: 429, body: { code: 429, message, data: null } });
  const seconds = Number(headers.get('retry-after'));
  expect(Number.isInteger(seconds)).toBe(true);
  expect(seconds).toBeGreaterThanOrEqual(1);
  expect(seconds).toBeLessThanOrEqual(60);
}

describe.each(stores)(`${CALLS} calls at once on %s`, (on) => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { PLANS, OPENAI_MAX_REPLY_TOKENS: '300' } });
  });
  afterAll(() => app.close());

  const userOn = async (plan: string) => {
    const actor = await signUp(app);
    await actor.ask(CHANGE_PLAN, { plan });
    return actor;
  };

  it('leave limits that say what is used, what is left, and until when', async () => {
    const actor = await userOn('few-messages');
    const conversationId = await actor.createConversation();
    const input = { conversationId, content: { text: 'hi' }, messageType: 'user' };
    const answers = await atOnce(() => actor.graphql(CREATE_MESSAGE, { input }));
    const refused = answers.flatMap(({ errors = [] }) => errors);
    const midnight = new Date(new Date().setUTCHours(24, 0, 0, 0)).toISOString();
    expect(refused).toHaveLength(CALLS - 11);
    for (const { extensions } of refused) {
      expect(extensions).toEqual({ code: 'QUOTA_EXCEEDED', resetsAt: midnight });
    }
    const asked = await actor.rest('POST', '/chat', { message: 'Why?' });
    expect(asked).toMatchObject({ status: 403, body: { code: 403, message: 'Upgrade required', data: null } });
    expect(asked.headers.get('ratelimit-limit')).toBe('11');
    expect(asked.headers.get('ratelimit-remaining')).toBe('0');
    expect(asked.headers.get('retry-after')).toBeNull();
    const seconds = Number(asked.headers.get('ratelimit-reset'));
    expect(Math.abs(Date.now() + seconds * 1_000 - Date.parse(midnight))).toBeLessThan(60_000);

    const resetsAt = midnight.replace('.000', '');
    const limit = (used: number, most: number, by: object) => ({ used, limit: most, remaining: most - used, ...by });
    const { body } = await actor.rest('GET', '/user/limits');
    expect(body.data).toEqual({
      messages: limit(11, 11, { resets_at: expect.stringMatching(new RegExp(`^${resetsAt.slice(0, 19)}`)) }),
      tokens: limit(0, 100_000_000, { resets_at: expect.any(String) }),
      conversations: limit(1, 100, { resets_at: null }),
      uploads: limit(0, 0, { resets_at: null }),
    });
    const LIMITS = '{ messages { used remaining resetsAt } conversations { used } }';
    expect(await actor.ask(`{ limits ${LIMITS} me { limits ${LIMITS} } }`)).toEqual({
      limits: { messages: { used: 11, remaining: 0, resetsAt: expect.any(String) }, conversations: { used: 1 } },
      me: {
        limits: { messages: { used: 11, remaining: 0, resetsAt: expect.any(String) }, conversations: { used: 1 } },
      },
    });
    // A limit that no time lifts has no time.
    const few = await userOn('few-conversations');
    for (let number = 0; number < 7; number += 1) await few.createConversation();
    expect((await few.graphql(CREATE_CONVERSATION)).errors?.[0]?.extensions).toEqual({ code: 'QUOTA_EXCEEDED' });
  });

  it('are lines of a ledger that is read in parts and added up, at both doors', async () => {
    const actor = await userOn('roomy');
    const conversationId = await actor.createConversation();
    app.model.reply({ usage: 30 }, { usage: 12 });
    await actor.ask(CHAT, { input: { message: 'Why?' } });
    await actor.ask(CHAT, { input: { message: 'Why not?' } });
    await actor.ask(CREATE_MESSAGE, { input: { conversationId, content: { text: 'hi' }, messageType: 'user' } });
    const first = await actor.rest('GET', '/user/usage/ledger?limit=2', undefined, { prefer: 'count=exact' });
    expect(first.body.data).toMatchObject([
      { kind: 'MESSAGE', tokens: 0 },
      { kind: 'CHAT', tokens: 12 },
    ]);
    expect(first.headers.get('x-total-count')).toBe('3');
    expect(first.headers.get('link')).toContain('rel="next"');
    const rest = await actor.rest('GET', '/user/usage/ledger?skip=2');
    expect(rest.body.data).toMatchObject([{ entry_id: expect.any(String), kind: 'CHAT', tokens: 30 }]);

    const summary = async (args: string) =>
      (await actor.ask<{ usageSummary: unknown }>(`{ usageSummary${args} { group count tokens } }`)).usageSummary;
    const today = new Date().toISOString().slice(0, 10);
    expect(await summary('')).toEqual([{ group: today, count: 3, tokens: 42 }]);
    expect(await summary('(by: KIND)')).toEqual([
      { group: 'CHAT', count: 2, tokens: 42 },
      { group: 'MESSAGE', count: 1, tokens: 0 },
    ]);
    expect(await summary('(by: MODEL)')).toEqual([
      { group: expect.any(String), count: 2, tokens: 42 },
      { group: null, count: 1, tokens: 0 },
    ]);
    expect(await summary('(until: "2020-01-01")')).toEqual([]);
    expect((await actor.rest('GET', `/user/usage/summary?by=KIND&since=${today}`)).body.data).toMatchObject([
      { group: 'CHAT', count: 2, tokens: 42, completion_tokens: expect.any(Number), cost: null },
      { group: 'MESSAGE' },
    ]);
    expect(await actor.rest('GET', '/user/usage/summary?since=2020-01-01')).toMatchObject({ status: 422 });
    expect(await actor.rest('GET', '/user/usage/summary?by=WEEK')).toMatchObject({ status: 422 });
  });

  it("make no more conversations than the plan's", async () => {
    const actor = await userOn('few-conversations');
    const answers = await atOnce(() => actor.graphql(CREATE_CONVERSATION));
    expect(codes(answers)).toEqual({ none: 7, QUOTA_EXCEEDED: CALLS - 7 });
    const { conversations } = await actor.ask<{ conversations: unknown }>('{ conversations { totalCount } }');
    expect(conversations).toEqual({ totalCount: 7 });
  });

  it("store no more messages than the plan's for the day", async () => {
    const actor = await userOn('few-messages');
    const conversationId = await actor.createConversation();
    const input = { conversationId, content: { text: 'hi' }, messageType: 'user' };
    const answers = await atOnce(() => actor.graphql(CREATE_MESSAGE, { input }));
    expect(codes(answers)).toEqual({ none: 11, QUOTA_EXCEEDED: CALLS - 11 });
    const { messages } = await actor.ask<{ messages: unknown }>(
      'query ($id: ID!) { messages(conversationId: $id) { totalCount } }',
      { id: conversationId },
    );
    expect(messages).toEqual({ totalCount: 11 });
    const { today, ledger } = await usageOf(actor);
    expect(today).toEqual({ messageCount: 11, tokenCount: 0 });
    expect(ledger).toHaveLength(11);
  });

  it("reserve no more tokens than the plan's for the day, and settle what they come to", async () => {
    const actor = await userOn('few-tokens');
    const gate = Promise.withResolvers<undefined>();
    const answer = { chunks: ['Hello', '.'], hold: { after: 1, until: gate.promise }, usage: 50 };
    app.model.reply(...Array.from({ length: 10 }, () => answer));
    let refused = 0;
    const before = app.model.requests.length;
    const answers = atOnce(async () => {
      const answer = await actor.graphql(CHAT, { input: { message: 'Why?' } });
      if (answer.errors !== undefined) refused += 1;
      return answer;
    });
    // The model holds back the requests that were allowed.
    await eventually(
      () => Promise.resolve(refused + app.model.requests.length - before),
      (decided) => decided === CALLS,
    );

    const held = await usageOf(actor);
    const reserved = held.ledger.map(({ reservedTokens }) => reservedTokens);
    expect(held.ledger.every(({ settledAt }) => settledAt === null)).toBe(true);
    expect(held.today).toEqual({
      messageCount: reserved.length,
      tokenCount: reserved.reduce((sum, tokens) => sum + tokens, 0),
    });
    expect(held.today.tokenCount).toBeLessThanOrEqual(2_000);

    // Each answer may use its reservation less the prompt; the last answer gets the rest of the day's tokens.
    const most = Math.max(...reserved);
    const promptTokens = most - 300;
    expect(promptTokens).toBeGreaterThan(10);
    const allowed = app.model.requests.slice(before).map(({ maxTokens }) => Number(maxTokens));
    expect(allowed.toSorted()).toEqual(reserved.map((tokens) => tokens - promptTokens).toSorted());
    const capped = 2_000 % most;
    const full = Math.floor(2_000 / most);
    expect(allowed.toSorted((a, b) => a - b)).toEqual(
      capped > promptTokens ? [capped - promptTokens, ...Array<number>(full).fill(300)] : Array<number>(full).fill(300),
    );

    gate.resolve(undefined);
    expect(codes(await answers)).toEqual({ none: reserved.length, QUOTA_EXCEEDED: CALLS - reserved.length });
    const settled = await usageOf(actor);
    expect(settled.today).toEqual({ messageCount: reserved.length, tokenCount: 50 * reserved.length });
    for (const entry of settled.ledger) expect(entry).toMatchObject({ tokens: 50, source: 'REPORTED' });
    // Returned tokens can be used again.
    app.model.reply({ usage: 20 });
    expect(codes([await actor.graphql(CHAT, { input: { message: 'Why?' } })])).toEqual({ none: 1 });
  });
});

describe.each(stores)('rate limits on %s', (on) => {
  let app: TestApp;

  beforeAll(async () => {
    const settings = {
      PLANS: ROOMY_PLANS,
      RATE_LIMIT_LOGIN: '5/60',
      RATE_LIMIT_CHAT: '5/60',
      RATE_LIMIT_MESSAGE: '5/60',
    };
    app = await startTestApp({ stores: on, settings });
  });
  afterAll(() => app.close());

  it('let five of many logins at once through, good or bad, for each address', async () => {
    const stranger = new Actor(app.url);
    await stranger.createUser();
    const attempt = 'mutation ($input: LoginInput!) { login(input: $input) { accessToken } }';
    const answers = await atOnce(() =>
      stranger.graphql(attempt, { input: { email: stranger.credentials.email, password: 'wrong password' } }),
    );
    expect(codes(answers)).toEqual({ UNAUTHENTICATED: 5, RATE_LIMITED: CALLS - 5 });
    const refused = answers.find(({ errors }) => errors?.[0]?.extensions.code === 'RATE_LIMITED');
    expect(refused?.errors?.[0]?.message).toBe('Too many login attempts');
    expect(refused?.errors?.[0]?.extensions['retryAfter']).toEqual(expect.any(Number));
    expectRetryAfter(await stranger.rest('POST', '/auth/login', stranger.credentials), 'Too many login attempts');
    await expect(signUp(app)).resolves.toBeDefined();
  });

  it('let five of many chats at once through, for each user, and take no usage for the others', async () => {
    const actor = await signUp(app);
    const before = app.model.requests.length;
    const answers = await atOnce(() => actor.graphql(CHAT, { input: { message: 'Why?' } }));
    expect(codes(answers)).toEqual({ none: 5, RATE_LIMITED: CALLS - 5 });
    expect(app.model.requests).toHaveLength(before + 5);
    expect((await usageOf(actor)).today.messageCount).toBe(5);
    expectRetryAfter(await actor.rest('POST', '/chat', { message: 'Why?' }), 'Too many requests');
    const other = await signUp(app);
    expect(codes([await other.graphql(CHAT, { input: { message: 'Why?' } })])).toEqual({ none: 1 });
  });

  it('let five of many messages at once through, and store no other', async () => {
    const actor = await signUp(app);
    const conversationId = await actor.createConversation();
    const input = { conversationId, content: { text: 'hi' }, messageType: 'user' };
    const answers = await atOnce(() => actor.graphql(CREATE_MESSAGE, { input }));
    expect(codes(answers)).toEqual({ none: 5, RATE_LIMITED: CALLS - 5 });
    expect((await usageOf(actor)).today.messageCount).toBe(5);
    const path = `/conversations/${conversationId}/messages`;
    expectRetryAfter(
      await actor.rest('POST', path, { content: { text: 'hi' }, message_type: 'user' }),
      'Too many messages',
    );
  });

  it('of the chat hold for replies asked for with a message too', async () => {
    const actor = await signUp(app);
    for (let call = 0; call < 5; call++) await actor.ask(CHAT, { input: { message: 'Why?' } });
    const conversationId = await actor.createConversation();
    const path = `/conversations/${conversationId}/messages`;
    const message = { content: { text: 'hi' }, message_type: 'user' };
    expectRetryAfter(await actor.rest('POST', path, { ...message, invoke_llm: true }), 'Too many requests');
    expect(await actor.rest('POST', path, message)).toMatchObject({ status: 200 });
  });
});

describe.each(stores)('where both limits are met, on %s', (on) => {
  let app: TestApp;

  beforeAll(async () => {
    const settings = {
      PLANS: JSON.stringify({ free: { ...roomy, daily_messages: 1 } }),
      RATE_LIMIT_CHAT: '1/60',
      RATE_LIMIT_MESSAGE: '1/60',
    };
    app = await startTestApp({ stores: on, settings });
  });
  afterAll(() => app.close());

  it('a chat is refused by the plan', async () => {
    const actor = await signUp(app);
    await actor.ask(CHAT, { input: { message: 'Why?' } });
    expect(await actor.rest('POST', '/chat', { message: 'Why?' })).toMatchObject({
      status: 403,
      body: { code: 403, message: 'Upgrade required', data: null },
    });
  });

  it('a message is refused by the rate limit', async () => {
    const actor = await signUp(app);
    const path = `/conversations/${await actor.createConversation()}/messages`;
    const message = { content: { text: 'hi' }, message_type: 'user' };
    expect(await actor.rest('POST', path, message)).toMatchObject({ status: 200 });
    expectRetryAfter(await actor.rest('POST', path, message), 'Too many messages');
  });
});

describe.each(stores)('changing the plan on %s', (on) => {
  let app: TestApp;

  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { PLANS } });
  });
  afterAll(() => app.close());

  it.each([
    ['conversation', 'few-conversations', 8],
    ['message', 'few-messages', 12],
    ['token', 'few-tokens', 1],
  ])('to one with a smaller %s quota than what is used is refused', async (what, plan, times) => {
    const actor = await signUp(app);
    const conversationId = what === 'message' ? await actor.createConversation() : '';
    for (let time = 0; time < times; time++) {
      if (what === 'conversation') await actor.createConversation();
      if (what === 'message') {
        const input = { conversationId, content: { text: 'hi' }, messageType: 'user' };
        await actor.ask(CREATE_MESSAGE, { input });
      }
      if (what === 'token') {
        app.model.reply({ usage: 2_001 });
        await actor.ask(CHAT, { input: { message: 'Why?' } });
      }
    }
    const message = `Over ${what} quota`;
    const { errors } = await actor.graphql(CHANGE_PLAN, { plan });
    expect(errors?.[0]).toMatchObject({ message, extensions: { code: 'QUOTA_EXCEEDED' } });
    expect(await actor.rest('POST', `/user/upgrade?plan=${plan}`)).toMatchObject({
      status: 400,
      body: { code: 400, message, data: null },
    });
    expect(await actor.ask('{ me { plan { name } } }')).toEqual({ me: { plan: { name: 'roomy' } } });
  });

  it('to one that there is not is refused, and to the present one changes nothing', async () => {
    const actor = await signUp(app);
    const { errors } = await actor.graphql(CHANGE_PLAN, { plan: 'platinum' });
    expect(errors?.[0]).toMatchObject({ message: 'Invalid plan', extensions: { code: 'BAD_USER_INPUT' } });
    expect(await actor.rest('POST', '/user/upgrade?plan=platinum')).toMatchObject({
      status: 400,
      body: { code: 400, message: 'Invalid plan' },
    });
    expect(await actor.ask(CHANGE_PLAN, { plan: 'roomy' })).toEqual({
      changePlan: { changed: false, plan: { name: 'roomy' } },
    });
    expect(await actor.rest('POST', '/user/upgrade?plan=roomy')).toMatchObject({
      status: 200,
      body: { data: { detail: 'plan unchanged' } },
    });
    expect(await actor.rest('POST', '/user/upgrade?plan=few-tokens')).toMatchObject({
      status: 200,
      body: { data: { detail: 'plan updated', price: 0 } },
    });
  });
});
