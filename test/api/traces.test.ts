import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { collect, signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { startModelServer, type ModelServer } from '../support/model-server.js';
import { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from '../support/otlp-receiver.js';
import { CREATE_MESSAGE, followReply, ROOMY_PLANS } from '../support/replies.js';
import { stores } from '../support/servers.js';
import { startToolServer, type TestToolServer } from '../support/tool-server.js';

const KEY = 'the-key-of-the-collector';
const QUESTION = 'a question that nobody else may read';
const ANSWER = 'an answer that nobody else may read';
const TOOL_KEY = 'the-key-of-the-tools';
const MODEL = { contextTokens: 4_000, maxReplyTokens: 400, takes: ['tools'] };
const USAGE = { prompt_tokens: 30, completion_tokens: 7, total_tokens: 37 };

/** A trace of its own, which says that it is kept. */
function newTrace() {
  const traceId = randomBytes(16).toString('hex');
  const parentId = randomBytes(8).toString('hex');
  return { traceId, parentId, headers: { traceparent: `00-${traceId}-${parentId}-01` } };
}

function tracesTo({ url }: OtlpReceiver, settings: Readonly<Record<string, string>> = {}) {
  return {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_HEADERS: `x-api-key=${KEY}`,
    OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment.name=a%2Ctest',
    ...settings,
  };
}

/** Whether each span hangs on the one that the caller named, or on another one of the tree. */
function isTree(spans: readonly ReceivedSpan[], parentId: string): boolean {
  const ids = new Set(spans.map(({ id }) => id));
  return spans.every((span) => span.parentId === parentId || ids.has(span.parentId));
}

function named(spans: readonly ReceivedSpan[], name: string): ReceivedSpan {
  const found = spans.find((span) => span.name === name);
  if (found === undefined)
    throw new Error(`There is no span ${name}, but: ${spans.map((span) => span.name).join(', ')}`);
  return found;
}

describe.each(stores)('traces on %s', (on) => {
  let collector: OtlpReceiver;
  let models: readonly [ModelServer, ModelServer];
  let tools: TestToolServer;
  let app: TestApp;
  let user: Actor & { readonly userId: string };
  let conversationId: string;
  /** The spans of a trace, once there is one of each of these names. */
  const spansOf = (traceId: string, ...names: readonly string[]) =>
    eventually(
      () => Promise.resolve(collector.spans.filter((span) => span.traceId === traceId)),
      (spans) => names.every((name) => spans.some((span) => span.name === name)),
    );

  const ask = (query: string, headers: Readonly<Record<string, string>>, variables = {}) =>
    fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...user.headers, ...headers },
      body: JSON.stringify({ query, variables }),
    }).then((response) => response.json());

  beforeAll(async () => {
    collector = await startOtlpReceiver();
    models = [await startModelServer(), await startModelServer()];
    tools = await startToolServer([{ name: 'look', answer: () => ({ content: [{ type: 'text', text: ANSWER }] }) }]);
    const [first, second] = models;
    app = await startTestApp({
      stores: on,
      settings: tracesTo(collector, {
        PLANS: ROOMY_PLANS.replace('"max_file_uploads":0', '"max_file_uploads":5'),
        MODELS: JSON.stringify([
          { ...MODEL, name: 'first', id: 'first-1', baseUrl: first.url, fallback: 'second' },
          { ...MODEL, name: 'second', id: 'second-1', baseUrl: second.url },
        ]),
        MCP_SERVERS: JSON.stringify([{ name: 'house', url: tools.url, keyVariable: 'HOUSE_KEY' }]),
        HOUSE_KEY: TOOL_KEY,
      }),
    });
    user = await signUp(app);
    conversationId = await user.createConversation();
  });
  afterEach(() => {
    collector.answer = undefined;
  });
  afterAll(async () => {
    await app.close();
    await Promise.all([...models, tools, collector].map((server) => server.close()));
  });

  it('lead from a request of REST to its statements, and go on with the trace that the client named', async () => {
    const { traceId, parentId, headers } = newTrace();
    const { status } = await user.rest('GET', `/conversations/${conversationId}`, undefined, {
      ...headers,
      tracestate: 'vendor=opaque',
      'x-request-id': 'chosen-by-the-client',
    });
    expect(status).toBe(200);
    const route = '/api/v1/conversations/{conversation_id}';
    const spans = await spansOf(traceId, `GET ${route}`);
    const server = named(spans, `GET ${route}`);
    expect(server).toMatchObject({ kind: 'server', parentId, hasFailed: false, traceState: 'vendor=opaque' });
    expect(server.attributes).toMatchObject({
      'http.request.method': 'GET',
      'http.route': route,
      'url.path': route,
      'http.response.status_code': 200,
      'flynkle.door': 'rest',
      'flynkle.request.id': 'chosen-by-the-client',
      'user.id': user.userId,
    });
    expect(server.resource).toMatchObject({
      'service.name': 'flynkle-api',
      'deployment.environment.name': 'a,test',
      'service.version': expect.any(String),
    });
    const operation = named(spans, 'query getConversation');
    expect(operation).toMatchObject({ parentId: server.id, kind: 'internal' });
    expect(operation.attributes).toMatchObject({ 'graphql.operation.type': 'query' });
    const statements = spans.filter(({ attributes }) => attributes['db.system.name'] === 'postgresql');
    expect(statements.map(({ kind }) => kind)).toEqual(statements.map(() => 'client'));
    expect(statements.some((statement) => statement.parentId === operation.id)).toBe(true);
    expect(statements[0]?.attributes).toMatchObject({
      'db.operation.name': 'SELECT',
      'db.query.text': expect.stringContaining('$1'),
    });
    expect(isTree(spans, parentId)).toBe(true);
    const line = app.logged.findLast(({ requestId }) => requestId === 'chosen-by-the-client');
    expect(line).toMatchObject({ msg: 'Request', trace_id: traceId, span_id: server.id });
    expect(collector.exports.at(-1)).toMatchObject({ 'x-api-key': KEY });
  });

  it('name operations of GraphQL by their root fields, and what failed by its code', async () => {
    const good = newTrace();
    const bad = newTrace();
    await ask('query ChosenByTheClient { me { id conversations { nodes { id } } } }', good.headers);
    await ask(
      'mutation { deleteConversation(id: "3f9d9c1e-97c0-4d5e-a2f0-0d6c1c2b7a11") { __typename } }',
      bad.headers,
    );
    const spans = await spansOf(good.traceId, 'POST /graphql', 'query me');
    expect(isTree(spans, good.parentId)).toBe(true);
    expect(named(spans, 'query me').parentId).toBe(named(spans, 'POST /graphql').id);
    expect(collector.bytes.includes('ChosenByTheClient')).toBe(false);
    const failed = named(await spansOf(bad.traceId, 'POST /graphql'), 'POST /graphql');
    expect(failed).toMatchObject({ hasFailed: false });
    const [operation] = collector.spans.filter(
      ({ traceId, parentId }) => traceId === bad.traceId && parentId === failed.id,
    );
    expect(operation).toMatchObject({ hasFailed: true, attributes: { 'error.type': expect.any(String) } });
  });

  it('lead from a question over a WebSocket to the reply, each model that was asked, and its tools', async () => {
    const [first, second] = models;
    first.reply({ error: { status: 401, message: 'no' } });
    second.reply(
      { toolCalls: [{ id: 'call-1', name: 'house__look', arguments: '{}' }], usage: USAGE },
      { chunks: [ANSWER], usage: USAGE },
    );
    const { traceId, parentId, headers } = newTrace();
    const client = createClient({
      url: `${app.url.replace('http', 'ws')}/graphql`,
      webSocketImpl: WebSocket,
      connectionParams: { authorization: user.headers['authorization'] },
    });
    const input = { conversationId, content: { text: QUESTION }, messageType: 'user', invokeLlm: true };
    const results = await collect(client.iterate({ query: CREATE_MESSAGE, variables: { input }, extensions: headers }));
    await client.dispose();
    const { createMessage } = results[0]?.data as { createMessage: { reply: { id: string } } };
    await collect(followReply(user, 'webSocket', createMessage.reply.id));
    const spans = await spansOf(traceId, 'mutation createMessage', 'reply', 'chat first-1', 'execute_tool look');
    expect(named(spans, 'mutation createMessage')).toMatchObject({ kind: 'server', parentId });
    const reply = named(spans, 'reply');
    expect(reply.parentId).toBe(named(spans, 'mutation createMessage').id);
    expect(reply.attributes).toMatchObject({ 'flynkle.message.id': createMessage.reply.id });
    expect(named(spans, 'chat first-1')).toMatchObject({ kind: 'client', parentId: reply.id, hasFailed: true });
    const answered = named(spans, 'chat second-1');
    expect(answered).toMatchObject({ kind: 'client', hasFailed: false, parentId: reply.id });
    expect(answered.attributes).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'second-1',
      'gen_ai.response.model': expect.any(String),
      'gen_ai.response.finish_reasons': ['tool_calls'],
      'gen_ai.usage.input_tokens': 30,
      'gen_ai.usage.output_tokens': 7,
    });
    expect(named(spans, 'execute_tool look').parentId).toBe(reply.id);
    expect(isTree(spans, parentId)).toBe(true);
    // Their servers are told which trace their calls belong to, and by which call.
    const sent = second.requests[0]?.headers['traceparent'];
    const call = spans.find((span) => sent === `00-${traceId}-${span.id}-01`);
    expect(call).toMatchObject({ name: 'POST', kind: 'client', parentId: answered.id });
    expect(call?.attributes).toMatchObject({ 'http.response.status_code': 200, 'server.address': '127.0.0.1' });
    expect(tools.requests.some((request) => String(request['traceparent']).includes(traceId))).toBe(true);
    // With the result, the first one is asked again.
    const rounds = await eventually(
      () => Promise.resolve(collector.spans.filter((span) => span.traceId === traceId && span.name === 'reply')),
      (replies) => replies.length === 2,
    );
    const last = await eventually(
      () =>
        Promise.resolve(
          collector.spans.filter(({ name, parentId: of }) => name === 'chat first-1' && of === rounds[1]?.id),
        ),
      (chats) => chats.length > 0,
    );
    expect(last[0]?.events.map(({ name }) => name)).toEqual(['gen_ai.first_chunk']);
  });

  it('lead from a stream of server-sent events to the answer that it brings', async () => {
    const { traceId, parentId, headers } = newTrace();
    models[0].reply({ chunks: [ANSWER], usage: USAGE });
    const response = await fetch(`${app.url}/graphql`, {
      method: 'POST',
      headers: { accept: 'text/event-stream', 'content-type': 'application/json', ...user.headers, ...headers },
      body: JSON.stringify({
        query: 'subscription ($input: ChatInput!) { chat(input: $input) { __typename } }',
        variables: { input: { message: QUESTION } },
      }),
    });
    expect(await response.text()).toContain('ReplyCompleted');
    const spans = await spansOf(traceId, 'POST /graphql', 'reply', 'chat first-1');
    expect(isTree(spans, parentId)).toBe(true);
    expect(named(spans, 'subscription chat').parentId).toBe(named(spans, 'POST /graphql').id);
    expect(named(spans, 'reply').parentId).toBe(named(spans, 'subscription chat').id);
    expect(named(spans, 'chat first-1').events.map(({ name }) => name)).toEqual(['gen_ai.first_chunk']);
  });

  it('go on in the jobs of a request', async () => {
    const { traceId, parentId, headers } = newTrace();
    const { email } = user.credentials;
    const answer: unknown = await ask('mutation ($email: String!) { requestPasswordReset(email: $email) }', headers, {
      email,
    });
    expect(answer).toEqual({ data: { requestPasswordReset: true } });
    const spans = await spansOf(traceId, 'process one-time-code-mails');
    const job = named(spans, 'process one-time-code-mails');
    expect(job).toMatchObject({ kind: 'consumer', hasFailed: false });
    await eventually(
      () => spansOf(traceId),
      (all) => isTree(all, parentId),
    );
    expect(job.parentId).not.toBe('');
    // Those who list jobs are not shown what traces add to them.
    const { rows } = await app.database.query<{ data: Record<string, unknown> }>(
      `SELECT data FROM jobs.job WHERE name = 'one-time-code-mails'`,
    );
    for (const { data } of rows)
      expect(data['origin']).toMatchObject({ traceparent: expect.stringContaining(traceId) });
  });

  it('of the store tell nothing by which a file could be read', async () => {
    const { traceId, headers } = newTrace();
    const form = new FormData();
    form.append('file', new File([ANSWER], 'notes.txt', { type: 'text/plain' }));
    const sent = await fetch(`${app.url}/api/v1/uploads`, {
      method: 'POST',
      headers: { ...user.headers, ...headers },
      body: form,
    });
    const { data } = (await sent.json()) as { data: { url: string } };
    const read = newTrace();
    await fetch(data.url, { headers: read.headers }).then((response) => response.text());
    expect(named(await spansOf(traceId, 'store put'), 'store put').kind).toBe('client');
    const file = named(await spansOf(read.traceId, 'GET /files/{key}'), 'GET /files/{key}');
    expect(file.attributes).toMatchObject({ 'url.path': '/files/{key}' });
    expect(collector.bytes.includes(data.url.split('/').at(-1) ?? '')).toBe(false);
  });

  it('begin anew where what a client names is no trace', async () => {
    const before = collector.spans.length;
    for (const traceparent of ['nonsense', `00-${'0'.repeat(32)}-${'1'.repeat(16)}-01`, 'x'.repeat(5_000)])
      expect((await user.rest('GET', '/users/me', undefined, { traceparent })).status).toBe(200);
    const spans = await eventually(
      () => Promise.resolve(collector.spans.slice(before).filter(({ name }) => name === 'GET /api/v1/users/me')),
      (found) => found.length === 3,
    );
    expect(spans.map(({ parentId }) => parentId)).toEqual(['', '', '']);
  });

  it('hold no secret, address or text of those that the requests above had', () => {
    const { bytes } = collector;
    const seeded = [QUESTION, ANSWER, TOOL_KEY, KEY, user.credentials.email, user.credentials.password, user.token];
    expect(seeded.filter((secret) => bytes.includes(secret ?? ''))).toEqual([]);
  });

  it('tell of the upgrade to a WebSocket, taken or refused, whose operations are parts of the same trace', async () => {
    for (const [path, origin, status] of [
      ['/graphql', undefined, 101],
      ['/graphql', 'https://evil.example', 403],
      ['/files/a-key-that-nobody-else-may-read', undefined, 404],
    ] as const) {
      const { traceId, parentId, headers } = newTrace();
      const socket = new WebSocket(`${app.url.replace('http', 'ws')}${path}`, 'graphql-transport-ws', {
        headers,
        ...(origin !== undefined && { origin }),
      });
      await new Promise((resolve) => {
        socket.once('open', resolve).once('error', resolve);
      });
      const name = path === '/graphql' ? 'GET /graphql' : 'GET';
      const upgrade = named(await spansOf(traceId, name), name);
      expect(upgrade).toMatchObject({ kind: 'server', parentId, hasFailed: false });
      expect(upgrade.attributes).toMatchObject({ 'http.response.status_code': status, 'flynkle.door': 'websocket' });
      if (status === 101) {
        socket.send(JSON.stringify({ type: 'connection_init' }));
        await once(socket, 'message');
        socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload: { query: 'query Plans { plans { id } }' } }));
        const operation = named(await spansOf(traceId, 'query plans'), 'query plans');
        expect(operation).toMatchObject({ kind: 'server', parentId });
      }
      socket.terminate();
    }
    expect(collector.bytes.includes('a-key-that-nobody')).toBe(false);
  });

  it('cost no request anything while the collector hangs or refuses, and say so once', async () => {
    const before = collector.exports.length;
    collector.answer = (response) => response.writeHead(400).end();
    const warnings = () => app.logged.filter(({ msg }) => String(msg).startsWith('traces cannot be sent'));
    expect((await user.rest('GET', '/users/me')).status).toBe(200);
    await eventually(
      () => Promise.resolve(warnings()),
      (lines) => lines.length > 0,
    );
    const refused = collector.exports.length;
    collector.answer = (response) => response.writeHead(400).end();
    expect((await user.rest('GET', '/users/me')).status).toBe(200);
    await eventually(
      () => Promise.resolve(collector.exports.length),
      (count) => count > refused,
    );
    collector.answer = undefined;
    const { traceId, headers } = newTrace();
    await user.rest('GET', '/users/me', undefined, headers);
    await spansOf(traceId, 'GET /api/v1/users/me');
    // The spans are here before the service has the answer to them.
    await eventually(
      () => Promise.resolve(app.logged),
      (lines) => lines.some(({ msg }) => msg === 'the collector of traces takes them again'),
    );
    expect(warnings()).toHaveLength(1);
    // From now on it takes what is sent, and never answers: the end of this suite waits for it no longer than a part may take.
    collector.answer = () => undefined;
    const hanging = collector.exports.length;
    expect((await user.rest('GET', '/users/me')).status).toBe(200);
    await eventually(
      () => Promise.resolve(collector.exports.length),
      (count) => count > hanging,
    );
    for (let count = 0; count < 20; count++) expect((await user.rest('GET', '/users/me')).status).toBe(200);
    expect(collector.exports.length).toBeGreaterThan(before);
    const successor = await app.restart();
    expect((await fetch(`${successor.url}/api/v1/health`)).status).toBe(200);
    app = successor;
  });
});

describe('which traces are kept', () => {
  let collector: OtlpReceiver;
  let app: TestApp;
  let user: Actor;

  beforeAll(async () => {
    collector = await startOtlpReceiver();
    const settings = tracesTo(collector, {
      OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
      OTEL_TRACES_SAMPLER_ARG: '0',
      OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT: 'true',
      PLANS: ROOMY_PLANS,
    });
    app = await startTestApp({ settings });
    user = await signUp(app);
  });
  afterAll(async () => {
    await app.close();
    await collector.close();
  });

  it('is a share of those that no caller has decided on, and the text of messages where it was asked for', async () => {
    const { traceId, headers } = newTrace();
    app.model.reply({ chunks: [ANSWER] });
    await user.rest('POST', '/chat', { message: QUESTION }, headers);
    const spans = await eventually(
      () => Promise.resolve(collector.spans),
      (all) => all.some(({ name }) => name === 'POST /api/v1/chat'),
    );
    expect(new Set(spans.map((span) => span.traceId))).toEqual(new Set([traceId]));
    const chat = spans.find(({ name }) => name.startsWith('chat '));
    expect(String(chat?.attributes['gen_ai.input.messages'])).toContain(QUESTION);
    expect(String(chat?.attributes['gen_ai.output.messages'])).toContain(ANSWER);
  });

  it('is told to servers also where this service keeps nothing, and named in the log where it does', async () => {
    app.model.reply({ chunks: [ANSWER] });
    await user.rest('POST', '/chat', { message: QUESTION });
    expect(app.model.requests.at(-1)?.headers['traceparent']).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    const lines = await eventually(
      () => Promise.resolve(app.logged.filter(({ path }) => path === '/api/v1/chat')),
      ({ length }) => length === 2,
    );
    expect(lines.map((line) => 'trace_id' in line)).toEqual([true, false]);
  });
});
