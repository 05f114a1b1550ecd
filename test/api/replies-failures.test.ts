import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { collect, signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { DIALECTS } from '../support/dialects.js';
import { eventually } from '../support/eventually.js';
import { stores } from '../support/servers.js';
import type { ScriptedReply } from '../support/model-server.js';
import {
  askModel,
  CHAT,
  CHAT_EVENTS,
  CREATE_MESSAGE,
  eventsOf,
  followReply,
  readReply,
  ROOMY_PLANS,
  storedMessage,
  streamingDoors,
  textIn,
  usageOf,
  type ReplyEvent,
} from '../support/replies.js';

const CHUNKS = ['The ', 'sky ', 'is ', 'blue.'];
/** The same reply for each attempt: a request that fails before the first text is retried twice. */
const thrice = (reply: ScriptedReply) => [reply, reply, reply];

const LOST = "the connection to the model's provider was lost";
const AFTER_TEXT: readonly [string, readonly ScriptedReply[]][] = [
  ['is cut', [{ chunks: CHUNKS, cutAfter: 2 }]],
  ['ends without a finish reason', [{ chunks: CHUNKS.slice(0, 2), finishReason: null }]],
];
const BEFORE_TEXT: readonly [string, readonly ScriptedReply[], string][] = [
  ['is cut', thrice({ cutAfter: 0 }), LOST],
  ['answers 429', thrice({ error: { status: 429 } }), "the model's provider is rate limiting"],
  ['answers 500', thrice({ error: { status: 500 } }), "the model's provider is unavailable"],
  ['rejects the request', [{ error: { status: 400 } }], "the model's provider rejected the request"],
];

describe.each(stores)('a model that fails, on %s', (on) => {
  let app: TestApp;
  let owner: Actor;
  let conversationId: string;

  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { PLANS: ROOMY_PLANS } });
  });
  afterAll(() => app.close());

  const newcomer = async () => {
    owner = await signUp(app);
    conversationId = await owner.createConversation();
  };

  describe.each(streamingDoors)('through the %s', (door) => {
    beforeAll(newcomer);

    it.each(AFTER_TEXT)('and %s after some text leaves a PARTIAL reply, charged by estimate', async (_, script) => {
      app.model.reply(...script);
      const id = await askModel(owner, conversationId);
      const events = await readReply(owner, door, id);
      const message = { id, status: 'PARTIAL', text: 'The sky ' };
      expect(textIn(events)).toBe('The sky ');
      expect(events.at(-1)).toEqual({
        __typename: 'ReplyFailed',
        sequence: events.length,
        code: 'UPSTREAM_FAILED',
        reason: LOST,
        partial: 'The sky ',
        message,
      });
      expect(await storedMessage(owner, id)).toEqual(message);
      const [entry] = (await usageOf(owner)).ledger;
      expect(entry).toMatchObject({ kind: 'REPLY', source: 'ESTIMATED', messageId: id });
      expect(entry?.tokens).toBeGreaterThan(0);
      expect(entry?.tokens).toBeLessThan(entry?.reservedTokens ?? 0);
    });

    it.each(BEFORE_TEXT)('and %s before any text leaves a FAILED reply, free of tokens', async (_, script, reason) => {
      const before = await usageOf(owner);
      app.model.reply(...script);
      const id = await askModel(owner, conversationId);
      expect(await readReply(owner, door, id)).toEqual([
        {
          __typename: 'ReplyFailed',
          sequence: 1,
          code: 'UPSTREAM_FAILED',
          reason,
          partial: '',
          message: { id, status: 'FAILED', text: '' },
        },
      ]);
      const after = await usageOf(owner);
      expect(after.ledger[0]).toMatchObject({ tokens: 0, source: 'ESTIMATED', messageId: id });
      // The question was stored: it counts.
      expect(after.today).toEqual({ ...before.today, messageCount: before.today.messageCount + 1 });
    });

    it('in a chat without a conversation is told in the stream, and what had come is charged', async () => {
      const before = await usageOf(owner);
      app.model.reply({ chunks: CHUNKS, cutAfter: 2 });
      const results = owner[door]<Record<string, ReplyEvent>>(CHAT_EVENTS, { input: { message: 'Why?' } });
      const events = await collect(eventsOf('chat', results));
      expect(events.at(-1)).toMatchObject({ code: 'UPSTREAM_FAILED', partial: 'The sky ', message: null });
      const { today, ledger } = await usageOf(owner);
      expect(ledger[0]).toMatchObject({ kind: 'CHAT', source: 'ESTIMATED', messageId: null });
      expect(today).toEqual({
        messageCount: before.today.messageCount + 1,
        tokenCount: before.today.tokenCount + (ledger[0]?.tokens ?? 0),
      });
    });

    it('with silence is ended by a stop, before the first text and after it', async () => {
      for (const stallAfter of [0, 2]) {
        app.model.reply({ chunks: CHUNKS, stallAfter });
        const requestIndex = app.model.requests.length;
        const id = await askModel(owner, conversationId);
        const request = await app.model.request(requestIndex);
        const events = followReply(owner, door, id);
        const ended = collect(events);
        await owner.ask('mutation ($id: ID!) { stopReply(messageId: $id) { id } }', { id });
        expect((await ended).at(-1)).toMatchObject({ __typename: 'ReplyFailed', code: 'STOPPED' });
        expect(await request.abortedByClient).toBe(true);
      }
    });
  });

  it.each(DIALECTS.filter(({ tokens }) => tokens !== undefined))(
    'is not what answers in the way of: $title',
    async ({ body, contentType, gzip, text, tokens }) => {
      await newcomer();
      app.model.reply({ raw: body, ...(contentType !== undefined && { contentType }), ...(gzip && { gzip }) });
      const id = await askModel(owner, conversationId);
      expect((await readReply(owner, 'eventStream', id)).at(-1)).toMatchObject({
        __typename: 'ReplyCompleted',
        response: text,
        ...(tokens !== null && { tokens }),
        message: { id, status: 'COMPLETE', text },
      });
      const { today, ledger } = await usageOf(owner);
      expect(ledger[0]).toMatchObject({ source: tokens === null ? 'ESTIMATED' : 'REPORTED', messageId: id });
      expect(today.tokenCount).toBe(ledger[0]?.tokens);
    },
  );

  it('to count counts no more than a day holds', async () => {
    await newcomer();
    const gate = Promise.withResolvers<undefined>();
    const reply = { chunks: CHUNKS, usage: 2_147_483_647, hold: { after: 1, until: gate.promise } };
    app.model.reply(reply, reply);
    const ids = await Promise.all([askModel(owner, conversationId), askModel(owner, conversationId)]);
    gate.resolve(undefined);
    for (const id of ids) {
      expect((await readReply(owner, 'eventStream', id)).at(-1)).toMatchObject({ tokens: 2_147_483_647 });
    }
    expect((await usageOf(owner)).today).toEqual({ messageCount: 2, tokenCount: 2_147_483_647 });
    const more = { conversationId, content: { text: 'Why?' }, messageType: 'user', invokeLlm: true };
    expect((await owner.graphql(CREATE_MESSAGE, { input: more })).errors).toMatchObject([
      { extensions: { code: 'QUOTA_EXCEEDED' } },
    ]);
  });

  it('is told to admins and to the log in the words of the provider, without keys and without the prompt', async () => {
    await newcomer();
    const question = 'What did I do last summer?';
    const message = `Your key sk-live-1234 has no model for '${question}'`;
    app.model.reply({ error: { status: 400, message } });
    const requestId = `request-${owner.credentials.email.slice(0, 8)}`;
    const answer = await owner.rest('POST', '/chat', { message: question }, { 'x-request-id': requestId });
    expect(answer).toMatchObject({
      status: 502,
      body: { data: { reason: "the model's provider rejected the request" } },
    });
    const told = "Your key [key] has no model for '[prompt]'";
    expect(app.logged).toContainEqual(expect.objectContaining({ requestId, status: 400, providerMessage: told }));
    expect(JSON.stringify(app.logged)).not.toMatch(/sk-live-1234|last summer/);
    const admin = await signUp(app);
    const ask = () =>
      admin.graphql(
        '{ modelFailures(first: 20) { totalCount nodes { requestId messageId reason status providerMessage } } }',
      );
    expect((await ask()).errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
    await app.database.query('UPDATE users SET is_admin = true WHERE id = $1', [admin.userId]);
    const failure = {
      requestId,
      messageId: null,
      reason: "the model's provider rejected the request",
      status: 400,
      providerMessage: told,
    };
    await eventually(ask, ({ data }) => JSON.stringify(data).includes(requestId));
    expect((await ask()).data).toMatchObject({ modelFailures: { nodes: expect.arrayContaining([failure]) } });
    const { body } = await admin.rest('GET', '/admin/model-failures?limit=100');
    expect(body.data).toContainEqual(
      expect.objectContaining({ request_id: requestId, provider_message: told, message_id: null, status: 400 }),
    );
  });

  it('is tried again before the first text, unseen by the reader', async () => {
    await newcomer();
    app.model.reply({ error: { status: 500 } }, { cutAfter: 0 }, { chunks: CHUNKS, usage: 9 });
    const id = await askModel(owner, conversationId);
    const events = await readReply(owner, 'eventStream', id);
    expect(events.at(-1)).toMatchObject({ __typename: 'ReplyCompleted', response: 'The sky is blue.', tokens: 9 });
  });

  it('to keep to its limit is cut where what was reserved is used, also when all comes at once', async () => {
    await newcomer();
    const chunk = JSON.stringify({ choices: [{ index: 0, delta: { content: 'word ' }, finish_reason: null }] });
    app.model.reply({ raw: `data: ${chunk}\n\n`.repeat(5_000) });
    const id = await askModel(owner, conversationId);
    const last = (await readReply(owner, 'eventStream', id)).at(-1);
    const [entry] = (await usageOf(owner)).ledger;
    expect(last).toMatchObject({ __typename: 'ReplyCompleted', tokens: entry?.tokens });
    // The word that is one too many has come by then.
    expect(entry?.tokens).toBeLessThanOrEqual((entry?.reservedTokens ?? 0) + 1);
  });

  it('to report its usage is charged by estimate', async () => {
    await newcomer();
    app.model.reply({ chunks: CHUNKS, usage: null });
    const id = await askModel(owner, conversationId);
    const last = (await readReply(owner, 'eventStream', id)).at(-1);
    const { today, ledger } = await usageOf(owner);
    expect(ledger[0]).toMatchObject({ source: 'ESTIMATED' });
    expect(last).toMatchObject({ __typename: 'ReplyCompleted', tokens: ledger[0]?.tokens });
    expect(today).toEqual({ messageCount: 1, tokenCount: ledger[0]?.tokens });
  });

  it('before any text costs a chat without a conversation neither tokens nor a message', async () => {
    await newcomer();
    const script = thrice({ error: { status: 503 } });
    const reason = "the model's provider is unavailable";
    app.model.reply(...script, ...script);
    const { errors } = await owner.graphql(CHAT, { input: { message: 'Why?' } });
    expect(errors?.[0]).toMatchObject({
      message: 'OpenAI request failed',
      extensions: { code: 'UPSTREAM_FAILED', source: 'openai', reason },
    });
    expect(await owner.rest('POST', '/chat', { message: 'Why?' })).toMatchObject({
      status: 502,
      body: { code: 502, message: 'OpenAI request failed', data: { source: 'openai', reason } },
    });
    const { today, ledger } = await usageOf(owner);
    expect(today).toEqual({ messageCount: 0, tokenCount: 0 });
    expect(ledger).toHaveLength(2);
    for (const entry of ledger) expect(entry).toMatchObject({ kind: 'CHAT', tokens: 0, source: 'ESTIMATED' });
  });
});

describe('an answer without an end', () => {
  let app: TestApp;
  let owner: Actor;
  let conversationId: string;

  beforeAll(async () => {
    const settings = {
      PLANS: ROOMY_PLANS,
      MODEL_STALL_SECONDS: '2',
      MAX_REPLY_SECONDS: '5',
      MAX_REPLY_CHARACTERS: '1000',
    };
    app = await startTestApp({ settings });
    owner = await signUp(app);
    conversationId = await owner.createConversation();
  });
  afterAll(() => app.close());

  const endOf = async (reply: ScriptedReply) => {
    app.model.reply(reply);
    const id = await askModel(owner, conversationId);
    const end = (await readReply(owner, 'eventStream', id)).at(-1);
    expect(await app.model.requests.at(-1)?.abortedByClient).toBe(true);
    return end;
  };

  it('is ended by its time, its size, or its silence, and what had come is kept', async () => {
    const failed = { __typename: 'ReplyFailed', code: 'UPSTREAM_FAILED', message: { status: 'PARTIAL' } };
    expect(await endOf({ chunks: Array<string>(200).fill('x'), delayMs: 100 })).toMatchObject({
      ...failed,
      reason: 'The model took too long for its answer',
    });
    expect(await endOf({ chunks: Array<string>(200).fill('0123456789'), cutAfter: 200, delayMs: 1 })).toMatchObject({
      ...failed,
      reason: "The model's answer was too large",
    });
    expect(await endOf({ chunks: CHUNKS, stallAfter: 2 })).toMatchObject({
      ...failed,
      reason: "the model's provider took too long",
    });
  });

  it('before its first text is ended by its silence', async () => {
    expect(await endOf({ stallAfter: 0 })).toMatchObject({ code: 'UPSTREAM_FAILED', message: { status: 'FAILED' } });
  });
});

describe('a question while an answer is being written', () => {
  it('is answered at the same time, from what is complete, and each reply stands for its own question', async () => {
    const app = await startTestApp({ settings: { PLANS: ROOMY_PLANS } });
    try {
      const owner = await signUp(app);
      const conversationId = await owner.createConversation();
      const gate = Promise.withResolvers<undefined>();
      app.model.reply({ chunks: ['Half ', 'done'], hold: { after: 1, until: gate.promise } }, 'Other answer');
      const first = await askModel(owner, conversationId, 'First?');
      await eventually(
        () => storedMessage(owner, first),
        ({ text }) => text === 'Half ',
      );
      const second = await askModel(owner, conversationId, 'Second?');
      expect((await readReply(owner, 'eventStream', second)).at(-1)).toMatchObject({ response: 'Other answer' });
      const { messages } = await app.model.request(1);
      expect(messages.map(({ content }) => content).slice(1)).toEqual(['First?', 'Second?']);
      gate.resolve(undefined);
      expect((await readReply(owner, 'eventStream', first)).at(-1)).toMatchObject({ response: 'Half done' });
    } finally {
      await app.close();
    }
  });
});
