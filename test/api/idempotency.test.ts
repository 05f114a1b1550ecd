import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { collect, signUp, type Actor, type RestAnswer } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { CHAT, CHAT_EVENTS, CREATE_MESSAGE, ROOMY_PLANS, usageOf } from '../support/replies.js';
import { stores } from '../support/servers.js';

type User = Actor & { readonly userId: string };

interface Answered {
  readonly data?: unknown;
  readonly errors?: readonly { readonly message: string; readonly extensions: { readonly code: string } }[];
}

const CREATE = 'mutation ($input: CreateConversationInput!) { createConversation(input: $input) { id title } }';

/** One operation over GraphQL, with its key in the header. */
async function overHttp(actor: Actor, key: string, query: string, variables: object): Promise<Answered> {
  const response = await fetch(`${actor.url}/graphql`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'application/json',
      'idempotency-key': key,
      ...actor.headers,
    },
    body: JSON.stringify({ query, variables }),
  });
  return (await response.json()) as Answered;
}

/** The same with the key in the operation's extensions. */
async function inExtensions(actor: Actor, key: string, query: string, variables: object): Promise<Answered> {
  const response = await fetch(`${actor.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'application/json', ...actor.headers },
    body: JSON.stringify({ query, variables, extensions: { idempotencyKey: key } }),
  });
  return (await response.json()) as Answered;
}

/** The results of one operation over a WebSocket of its own. */
async function overWebSocket(actor: Actor, key: string, query: string, variables: object): Promise<Answered[]> {
  const client = createClient({
    url: `${actor.url.replace('http', 'ws')}/graphql`,
    webSocketImpl: WebSocket,
    retryAttempts: 0,
    connectionParams: { authorization: `Bearer ${actor.token ?? ''}` },
  });
  try {
    const operation = { query, variables: { ...variables }, extensions: { idempotencyKey: key } };
    return (await collect(client.iterate(operation))) as Answered[];
  } finally {
    await client.dispose();
  }
}

const overRest = (actor: Actor, key: string, method: string, path: string, body: unknown) =>
  actor.rest(method, path, body, { 'idempotency-key': key });

async function stream(actor: Actor, key: string, body: object): Promise<Response> {
  return fetch(`${actor.url}/api/v1/chat/stream`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      accept: 'text/event-stream',
      'idempotency-key': key,
      ...actor.headers,
    },
    body: JSON.stringify(body),
  });
}

const isReplayed = ({ headers }: Pick<RestAnswer, 'headers'>) => headers.get('idempotency-replayed') === 'true';

describe.each(stores)('a request with an Idempotency-Key on %s', (on) => {
  let app: TestApp;
  let owner: User;

  beforeAll(async () => {
    const plans = ROOMY_PLANS.replace('"max_file_uploads":0', '"max_file_uploads":100');
    app = await startTestApp({ stores: on, settings: { PLANS: plans } });
    owner = await signUp(app);
  });
  afterAll(() => app.close());

  const conversationsOf = async (actor: Actor) =>
    (await actor.rest('GET', '/conversations')).body.data as { conversation_id: string; title: string | null }[];
  const textsIn = async (actor: Actor, conversationId: string) => {
    const { body } = await actor.rest('GET', `/conversations/${conversationId}/messages`);
    return (body.data as { content: { text: string } }[]).map(({ content }) => content.text);
  };

  it('acts once and answers alike, 50 times at once over all doors', async () => {
    const actor = await signUp(app);
    const key = randomUUID();
    const input = { title: 'one' };
    const created = ({ data }: Answered = {}) => (data as { createConversation: unknown }).createConversation;
    const doors = [
      async () => created(await overHttp(actor, key, CREATE, { input })),
      async () => created(await inExtensions(actor, key, CREATE, { input })),
      async () => created((await overWebSocket(actor, key, CREATE, { input }))[0]),
      async () => {
        const { body } = await overRest(actor, key, 'POST', '/conversations', input);
        const { conversation_id: id, title } = body.data as { conversation_id: string; title: string };
        return { id, title };
      },
    ] as const;
    const calls = Array.from({ length: 50 }, (_, index) => doors[(index % 4) as 0 | 1 | 2 | 3]());
    const answers = await Promise.all(calls);
    const [conversation] = await conversationsOf(actor);
    expect(await conversationsOf(actor)).toHaveLength(1);
    expect(answers).toEqual(Array.from({ length: 50 }, () => ({ id: conversation?.conversation_id, title: 'one' })));
  });

  it('says of an answer that it is that of an earlier request, and gives the same with other fields', async () => {
    const key = randomUUID();
    const first = await overRest(owner, key, 'POST', '/conversations', { title: 'again' });
    const second = await overRest(owner, key, 'POST', '/conversations', { title: 'again' });
    expect([isReplayed(first), isReplayed(second)]).toEqual([false, true]);
    expect(second.body).toEqual(first.body);
    expect(second.headers.get('etag')).toBe(first.headers.get('etag'));
    expect(await overWebSocket(owner, key, CREATE, { input: { title: 'again' } })).toMatchObject([
      { data: { createConversation: { title: 'again' } }, extensions: { idempotencyReplayed: true } },
    ]);
    const query = 'mutation { createConversation(input: {title: "again"}) { createdAt user { id } } }';
    const { created_at: createdAt } = first.body.data as { created_at: string };
    expect(await overHttp(owner, key, query, {})).toEqual({
      data: { createConversation: { createdAt, user: { id: owner.userId } } },
    });
  });

  it('is refused with 409 when the key was used for other arguments, or for another operation', async () => {
    const key = randomUUID();
    await overRest(owner, key, 'POST', '/conversations', { title: 'mine' });
    const message = 'This Idempotency-Key was used for another call';
    const other = await overRest(owner, key, 'POST', '/conversations', { title: 'other' });
    expect(other.body).toEqual({ code: 409, message, data: null });
    const { errors } = await overHttp(owner, key, 'mutation { updateMe(input: {profile: {}}) { id } }', {});
    expect(errors).toMatchObject([{ message, extensions: { code: 'CONFLICT' } }]);
    // Keys are a user's own.
    const stranger = await signUp(app);
    expect((await overRest(stranger, key, 'POST', '/conversations', { title: 'other' })).status).toBe(200);
  });

  it.each([[''], ['x'.repeat(256)], ['\u00fc']])('is refused when the key is %j', async (key) => {
    const errors = [{ field: 'idempotency_key', message: 'must have 1 to 255 printable ASCII characters' }];
    const answer = await overRest(owner, key, 'POST', '/conversations', {});
    expect(answer.body).toEqual({ code: 422, message: 'Validation error', data: { errors } });
    expect(await overHttp(owner, key, CREATE, { input: {} })).toMatchObject({
      errors: [{ extensions: { code: 'BAD_USER_INPUT', errors: [{ field: 'idempotencyKey' }] } }],
    });
    // A key of a request that only reads counts for nothing.
    expect((await owner.rest('GET', '/users/me', undefined, { 'idempotency-key': key })).status).toBe(200);
  });

  it('takes a key in quotes for the same key', async () => {
    const key = randomUUID();
    const first = await overRest(owner, `"${key}"`, 'POST', '/conversations', {});
    expect((await overRest(owner, key, 'POST', '/conversations', {})).body).toEqual(first.body);
  });

  it('meets an error that is final again, and none that passes', async () => {
    const id = randomUUID();
    const key = randomUUID();
    const path = `/conversations/${id}/messages`;
    const question = { content: { text: 'hello' }, message_type: 'user' };
    const first = await overRest(owner, key, 'POST', path, question);
    const second = await overRest(owner, key, 'POST', path, question);
    expect(first.body).toEqual({ code: 404, message: 'Conversation not found', data: null });
    expect(second.body).toEqual(first.body);
    expect([isReplayed(first), isReplayed(second)]).toEqual([false, true]);
    const code = randomUUID();
    const codes = await Promise.all(
      Array.from({ length: 5 }, () =>
        overHttp(owner, code, 'mutation { confirmSecondFactor(code: "000000") { codes } }', {}),
      ),
    );
    expect(new Set(codes.map(({ errors }) => JSON.stringify(errors))).size).toBe(1);
  });

  it('makes each field of an operation act once', async () => {
    const actor = await signUp(app);
    const key = randomUUID();
    const query = `mutation { one: createConversation(input: {title: "1"}) { id } two: createConversation(input: {title: "2"}) { id } }`;
    const first = await overHttp(actor, key, query, {});
    expect(await overHttp(actor, key, query, {})).toEqual(first);
    expect((await conversationsOf(actor)).map(({ title }) => title).sort()).toEqual(['1', '2']);
  });

  it('tells of what it did once', async () => {
    const actor = await signUp(app);
    const events = actor.eventStream<{ conversationListEvents: { conversation: { title: string } } }>(
      'subscription { conversationListEvents { ... on ConversationCreated { conversation { title } } } }',
    );
    const titles: string[] = [];
    const reading = (async () => {
      for await (const { data } of events) {
        const title = data?.conversationListEvents.conversation.title ?? '';
        titles.push(title);
        if (title === 'last') break;
      }
    })();
    // Until the stream is live.
    await eventually(
      async () => {
        await actor.createConversation('first');
        return titles.length;
      },
      (count) => count > 0,
    );
    const key = randomUUID();
    for (let time = 0; time < 3; time++) await overRest(actor, key, 'POST', '/conversations', { title: 'told' });
    await actor.createConversation('last');
    await reading;
    events.close();
    expect(titles.filter((title) => title !== 'first')).toEqual(['told', 'last']);
  });

  it('keeps what it counted before it was refused', async () => {
    const actor = await signUp(app);
    const wrong =
      'mutation ($p: String!) { changePassword(currentPassword: $p, newPassword: "correct horse battery 2") }';
    const tries = await Promise.all(
      Array.from({ length: 12 }, (_, index) => overHttp(actor, randomUUID(), wrong, { p: `wrong ${index}` })),
    );
    const plain = await actor.graphql(wrong, { p: 'wrong' });
    expect(tries.every(({ errors }) => errors !== undefined)).toBe(true);
    expect(plain.errors?.[0]?.extensions.code).toBe(tries.at(-1)?.errors?.[0]?.extensions.code);
  });

  describe('that asks the model', () => {
    it('in a conversation asks once, whichever door it comes through', async () => {
      const actor = await signUp(app);
      const conversationId = await actor.createConversation();
      const key = randomUUID();
      app.model.reply({ chunks: ['Well, ', 'hello.'], usage: 7, delayMs: 30 });
      const asked = app.model.requests.length;
      const input = { message: 'hello', conversationId };
      const rest = { message: 'hello', conversation_id: conversationId };
      const [http, socket, plain, streamed, events] = await Promise.all([
        overHttp(actor, key, CHAT, { input }),
        overWebSocket(actor, key, CHAT, { input }),
        overRest(actor, key, 'POST', '/chat', rest),
        stream(actor, key, rest).then((response) => response.text()),
        overWebSocket(actor, key, CHAT_EVENTS, { input }),
      ]);
      const answer = { response: 'Well, hello.', tokens: 7 };
      expect(http.data).toMatchObject({ chat: answer });
      expect(socket).toMatchObject([{ data: { chat: answer } }]);
      expect(plain.body.data).toMatchObject(answer);
      expect(streamed).toContain('"response":"Well, hello."');
      expect(events.at(-1)).toMatchObject({ data: { chat: { ...answer, __typename: 'ReplyCompleted' } } });
      expect(app.model.requests.length).toBe(asked + 1);
      expect(await textsIn(actor, conversationId)).toEqual(['hello', 'Well, hello.']);
      expect((await usageOf(actor)).today).toEqual({ messageCount: 1, tokenCount: 7 });
    });

    it('streams the same events to a client that lost its connection', async () => {
      const actor = await signUp(app);
      const conversation_id = await actor.createConversation();
      const key = randomUUID();
      const gate = Promise.withResolvers<undefined>();
      app.model.reply({ chunks: ['One, ', 'two.'], usage: 5, hold: { after: 1, until: gate.promise } });
      const cut = await stream(actor, key, { message: 'count', conversation_id });
      const reader = cut.body?.getReader();
      await reader?.read();
      await reader?.cancel();
      const again = await stream(actor, key, { message: 'count', conversation_id });
      expect(again.headers.get('idempotency-replayed')).toBe('true');
      gate.resolve(undefined);
      const whole = await again.text();
      expect(whole).toContain('"response":"One, two."');
      expect(await (await stream(actor, key, { message: 'count', conversation_id })).text()).toBe(whole);
      expect(await textsIn(actor, conversation_id)).toEqual(['count', 'One, two.']);
    });

    it('without a conversation goes on without its reader, and keeps the answer with the key', async () => {
      const actor = await signUp(app);
      const key = randomUUID();
      const gate = Promise.withResolvers<undefined>();
      app.model.reply({ chunks: ['One, ', 'two.'], usage: 5, hold: { after: 1, until: gate.promise } });
      const cut = await stream(actor, key, { message: 'count' });
      const reader = cut.body?.getReader();
      await reader?.read();
      await reader?.cancel();
      const again = stream(actor, key, { message: 'count' });
      gate.resolve(undefined);
      expect(await (await again).text()).toContain('"response":"One, two."');
      const whole = await overRest(actor, key, 'POST', '/chat', { message: 'count' });
      expect(whole.body.data).toMatchObject({ response: 'One, two.', tokens: 5 });
      expect((await usageOf(actor)).today).toEqual({ messageCount: 1, tokenCount: 5 });
    });

    it('may ask again when the first question was forgotten, for want of an answer', async () => {
      const actor = await signUp(app);
      const conversation_id = await actor.createConversation();
      const key = randomUUID();
      const question = { message: 'hello', conversation_id };
      app.model.reply({ error: { status: 400 } }, { chunks: ['Hello.'], usage: 3 });
      expect((await overRest(actor, key, 'POST', '/chat', question)).status).toBe(502);
      expect((await overRest(actor, key, 'POST', '/chat', question)).body.data).toMatchObject({
        response: 'Hello.',
        tokens: 3,
      });
      expect(await textsIn(actor, conversation_id)).toEqual(['hello', 'Hello.']);
    });

    it('adds a message once, and waits for its reply or not', async () => {
      const actor = await signUp(app);
      const conversationId = await actor.createConversation();
      const key = randomUUID();
      const gate = Promise.withResolvers<undefined>();
      app.model.reply({ chunks: ['Yes.'], usage: 3, hold: { after: 0, until: gate.promise } });
      const input = { conversationId, content: { text: 'Well?' }, messageType: 'user', invokeLlm: true };
      const first = await overHttp(actor, key, CREATE_MESSAGE, { input });
      expect(await overHttp(actor, key, CREATE_MESSAGE, { input })).toEqual(first);
      const waiting = overHttp(actor, key, CREATE_MESSAGE, { input: { ...input, waitForReply: true } });
      gate.resolve(undefined);
      expect((await waiting).data).toMatchObject({ createMessage: { reply: { status: 'COMPLETE', text: 'Yes.' } } });
      const rest = { content: { text: 'Well?' }, message_type: 'user', invoke_llm: true };
      const sent = await overRest(actor, key, 'POST', `/conversations/${conversationId}/messages`, rest);
      expect(first.data).toMatchObject({
        createMessage: { message: { id: (sent.body.data as { message_id: string }).message_id } },
      });
      expect(await textsIn(actor, conversationId)).toEqual(['Well?', 'Yes.']);
    });
  });

  it('stores a file once', async () => {
    const key = randomUUID();
    const upload = async () => {
      const form = new FormData();
      form.set('file', new File(['hello'], 'greeting.txt', { type: 'text/plain' }));
      const headers = { ...owner.headers, 'idempotency-key': key };
      const response = await fetch(`${app.url}/api/v1/uploads`, { method: 'POST', headers, body: form });
      return (await response.json()) as { readonly code: number; readonly data: unknown };
    };
    const answers = await Promise.all([upload(), upload(), upload()]);
    expect(answers[0].code).toBe(200);
    expect(answers).toEqual([answers[0], answers[0], answers[0]]);
    expect((await owner.rest('GET', '/uploads')).body.data).toHaveLength(1);
  });

  it('gets a secret again of which the database has a hash, and stores it in no form that can be read', async () => {
    const key = randomUUID();
    const { data } = await overHttp(
      owner,
      key,
      'mutation { enrolSecondFactor(input: {password: "correct horse battery"}) { secret } }',
      {},
    );
    const { secret } = (data as { enrolSecondFactor: { secret: string } }).enrolSecondFactor;
    expect(
      await overHttp(
        owner,
        key,
        'mutation { enrolSecondFactor(input: {password: "correct horse battery"}) { secret } }',
        {},
      ),
    ).toEqual({ data });
    const { rows } = await app.database.query<{ outcome: string }>(
      `SELECT encode(outcome, 'escape') AS outcome FROM idempotency_keys WHERE user_id = $1`,
      [owner.userId],
    );
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.filter(({ outcome }) => outcome.includes(secret) || outcome.includes('title'))).toEqual([]);
  });

  it('acts again when the key is 24 hours old', async () => {
    const actor = await signUp(app);
    const key = randomUUID();
    await overRest(actor, key, 'POST', '/conversations', { title: 'old' });
    await app.database.query(
      `UPDATE idempotency_keys SET created_at = created_at - interval '25 hours' WHERE user_id = $1`,
      [actor.userId],
    );
    const later = await overRest(actor, key, 'POST', '/conversations', { title: 'new' });
    expect([later.status, isReplayed(later)]).toEqual([200, false]);
    expect((await conversationsOf(actor)).map(({ title }) => title)).toEqual(['new', 'old']);
  });

  it('costs nothing without a key', async () => {
    const conversation = await owner.createConversation();
    const path = `/conversations/${conversation}`;
    const { rows: before } = await app.database.query('SELECT * FROM idempotency_keys');
    await owner.rest('PATCH', path, { title: 'plain' });
    expect((await app.database.query('SELECT * FROM idempotency_keys')).rows).toEqual(before);
  });
});
