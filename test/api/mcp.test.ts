import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { collect, signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import { freePort } from '../support/free-port.js';
import type { ScriptedCall } from '../support/model-server.js';
import {
  CHANGE_PLAN,
  CREATE_MESSAGE,
  followReply,
  readReply,
  ROOMY_PLANS,
  type ReplyEvent,
} from '../support/replies.js';
import { stores } from '../support/servers.js';
import { startToolServer, type TestToolServer } from '../support/tool-server.js';

const KEY = 'the-key-of-the-house-server';
const ROOMY = (JSON.parse(ROOMY_PLANS) as { readonly free: object }).free;
const AUDIT = `query ($id: ID!) {
  auditEvents(action: TOOL_CALLED, actorId: $id) { nodes { actorId subjectId details } }
}`;

const text = (words: string) => ({ content: [{ type: 'text' as const, text: words }] });

const TOOLS = [
  {
    name: 'add',
    description: 'Adds',
    answer: ({ a, b }: Readonly<Record<string, unknown>>) => text(String(Number(a) + Number(b))),
  },
  {
    name: 'whoami',
    answer: (_: unknown, headers: Readonly<Record<string, unknown>>) =>
      text(`${String(headers['x-user-id'])} by ${String(headers['authorization'])}`),
  },
  { name: 'slow', answer: () => new Promise<never>(() => undefined) },
  {
    name: 'broken',
    answer: () => {
      throw new Error('of the server, with a secret');
    },
  },
  { name: 'refusing', answer: () => ({ ...text('Ask in another way'), isError: true }) },
  { name: 'endless', answer: () => text('x'.repeat(2_000_000)) },
  { name: 'long', answer: () => text('x'.repeat(70_000)) },
  {
    name: 'picture',
    answer: () => ({
      content: [{ type: 'image' as const, data: 'AAAA', mimeType: 'image/png' }, ...text('a cat').content],
    }),
  },
  { name: 'of the house/read', answer: () => text('read') },
  { name: 'hidden', answer: () => text('never') },
];
const ALLOWED = TOOLS.map(({ name }) => name).filter((name) => name !== 'hidden');
/** A name that providers do not take, with the begin of its hash. */
const RENAMED = /^house__of_the_house_read_[0-9a-f]{8}$/;

describe.each(stores)("tools of the operator's servers on %s", (on) => {
  let server: TestToolServer;
  let app: TestApp;
  let owner: Actor & { readonly userId: string };

  beforeAll(async () => {
    server = await startToolServer(TOOLS);
    const shared = { url: server.url, keyVariable: 'HOUSE_KEY', userHeader: 'X-User-ID', timeoutSeconds: 1 };
    app = await startTestApp({
      stores: on,
      settings: {
        PLANS: JSON.stringify({ free: ROOMY, pro: ROOMY }),
        HOUSE_KEY: KEY,
        MCP_SERVERS: JSON.stringify([
          { name: 'house', tools: ALLOWED, ...shared },
          { name: 'paid', tools: ['add'], plans: ['pro'], ...shared },
          { name: 'absent', url: `http://127.0.0.1:${await freePort()}/mcp` },
        ]),
      },
    });
    owner = await signUp(app);
  });
  afterAll(async () => {
    await app.close();
    await server.close();
  });

  async function ask(actor: Actor, more: object = {}): Promise<string> {
    const { createMessage } = await actor.ask<{ createMessage: { reply: { id: string } } }>(CREATE_MESSAGE, {
      input: {
        conversationId: await actor.createConversation(),
        content: { text: 'What is 1 + 2?' },
        messageType: 'user',
        invokeLlm: true,
        ...more,
      },
    });
    return createMessage.reply.id;
  }
  const lastRequest = () => app.model.request(app.model.requests.length - 1);
  const offered = async () =>
    ((await lastRequest()).body['tools'] as readonly { readonly function: { readonly name: string } }[]).map(
      (tool) => tool.function.name,
    );
  /** The events of a reply whose model calls this. */
  async function after(call: Partial<ScriptedCall>, actor: Actor = owner): Promise<readonly ReplyEvent[]> {
    const whole = { id: 'call_1', name: 'house__add', arguments: '{}', ...call };
    app.model.reply({ toolCalls: [whole] }, { chunks: ['Well.'] });
    return readReply(actor, 'webSocket', await ask(actor));
  }
  const called = async (id: string) => {
    const admin = await signUp(app);
    await app.database.query('UPDATE users SET is_admin = true WHERE id = $1', [admin.userId]);
    return (await admin.ask<{ auditEvents: { nodes: readonly object[] } }>(AUDIT, { id })).auditEvents.nodes;
  };

  it('are called by the service, and the same reply goes on to its end, at every door', async () => {
    const user = await signUp(app);
    app.model.reply(
      {
        chunks: ['Let me see. '],
        toolCalls: [{ id: 'call_a', name: 'house__add', arguments: '{"a":1,"b":2}' }],
      },
      { chunks: ['It is 3.'] },
    );
    const id = await ask(user);
    const events = await collect(followReply(user, 'webSocket', id));
    expect(events).toMatchObject([
      { __typename: 'ReplyDelta', sequence: 1, text: 'Let me see. ' },
      {
        __typename: 'ReplyToolCall',
        sequence: 2,
        id: 'call_a',
        name: 'house__add',
        arguments: '{"a":1,"b":2}',
        server: 'house',
      },
      { __typename: 'ReplyToolResult', sequence: 3, callId: 'call_a', output: '3', error: null },
      { __typename: 'ReplyDelta', sequence: 4, text: 'It is 3.' },
      { __typename: 'ReplyCompleted', sequence: 5, response: 'Let me see. It is 3.' },
    ]);
    expect((await lastRequest()).messages.at(-1)).toEqual({ role: 'tool', tool_call_id: 'call_a', content: '3' });
    const stream = await fetch(`${app.url}/api/v1/messages/${id}/stream`, { headers: user.headers });
    const told = await stream.text();
    expect(told).toContain(
      'id: 2\nevent: tool_call\ndata: {"sequence":2,"id":"call_a","name":"house__add","arguments":"{\\"a\\":1,\\"b\\":2}","server":"house"}',
    );
    expect(told).toContain(
      'id: 3\nevent: tool_result\ndata: {"sequence":3,"call_id":"call_a","output":"3","error":null}',
    );
    const { message } = await user.ask<{ message: { conversation: { id: string } } }>(
      'query ($id: ID!) { message(id: $id) { conversation { id } } }',
      { id },
    );
    expect(await called(user.userId)).toEqual([
      {
        actorId: user.userId,
        subjectId: user.userId,
        details: {
          conversationId: message.conversation.id,
          messageId: id,
          server: 'house',
          tool: 'add',
          outcome: 'OK',
          durationMs: expect.any(Number),
        },
      },
    ]);
  });

  it('are offered to the plans that may have them, by names that providers take, and as far as they are allowed', async () => {
    await after({});
    const free = await offered();
    expect(free).toHaveLength(ALLOWED.length);
    expect(free).toEqual(expect.arrayContaining(['house__add', expect.stringMatching(RENAMED)]));
    const pro = await signUp(app);
    await pro.ask(CHANGE_PLAN, { plan: 'pro' });
    await after({}, pro);
    expect(await offered()).toEqual([...free, 'paid__add']);
    // What was not offered is not called, whatever the model says.
    const requests = server.requests.length;
    for (const name of ['paid__add', 'house__hidden', 'absent__add']) {
      expect(await after({ name })).toMatchObject([
        { name, server: '' },
        { error: 'There is no such tool' },
        {},
        { __typename: 'ReplyCompleted' },
      ]);
    }
    expect(server.requests).toHaveLength(requests);
    expect(await after({ name: free.find((name) => RENAMED.test(name)) ?? '' })).toMatchObject([
      {},
      { output: 'read' },
      {},
      {},
    ]);
    // It is told once of the server that is not there.
    const lines = app.logged.filter(({ msg }) => String(msg).startsWith('the tools of a server'));
    expect(lines).toMatchObject([{ server: 'absent' }]);
  });

  it('act as the user who asks, whatever the model says', async () => {
    const stranger = await signUp(app);
    const claim = JSON.stringify({
      'X-User-ID': owner.userId,
      userId: owner.userId,
      headers: { 'x-user-id': owner.userId },
    });
    const before = server.requests.length;
    const [, result] = await after({ name: 'house__whoami', arguments: claim }, stranger);
    expect(result).toMatchObject({ output: `${stranger.userId} by Bearer ${KEY}` });
    const users = server.requests.slice(before).map((headers) => headers['x-user-id']);
    expect(new Set(users)).toEqual(new Set([stranger.userId]));
  });

  it.each([
    ['does not answer in time', { name: 'house__slow' }, { error: 'The tool did not answer in time' }],
    ['throws', { name: 'house__broken' }, { error: 'The tool could not be called' }],
    ['says that it failed', { name: 'house__refusing' }, { error: 'Ask in another way' }],
    ['answers without end', { name: 'house__endless' }, { error: 'The answer of the tool is too large' }],
    ['answers much', { name: 'house__long' }, { output: 'x'.repeat(65_536) }],
    [
      'answers what is no text',
      { name: 'house__picture' },
      { output: '[content of the type image, which is not supported]\na cat' },
    ],
    ['is called with no JSON', { arguments: '{"a":' }, { error: 'The arguments must be a JSON object' }],
    ['is called with a list', { arguments: '[]' }, { error: 'The arguments must be a JSON object' }],
  ])('break no reply when one %s', async (_, call, result) => {
    expect(await after(call)).toMatchObject([
      { __typename: 'ReplyToolCall', server: 'house' },
      { __typename: 'ReplyToolResult', output: null, error: null, ...result },
      { __typename: 'ReplyDelta', text: 'Well.' },
      { __typename: 'ReplyCompleted' },
    ]);
  });

  it.each<[string, NonNullable<TestToolServer['answer']>]>([
    ['sends the service elsewhere', (response) => response.writeHead(307, { location: app.url }).end()],
    ['fails', (response) => response.writeHead(500).end('a secret')],
    ['hangs up', (response) => response.destroy()],
    ['answers nonsense', (response) => response.writeHead(200, { 'content-type': 'application/json' }).end('[1,')],
    [
      'breaks off in the middle of a stream',
      (response) => {
        response.writeHead(200, { 'content-type': 'text/event-stream' }).write('data: {"jsonrpc"');
        setImmediate(() => response.destroy());
      },
    ],
  ])('break no reply when their server %s', async (_, answer) => {
    server.answer = answer;
    const [, result, , end] = await after({});
    server.answer = undefined;
    expect(result).toMatchObject({ output: null, error: 'The tool could not be called' });
    expect(end).toMatchObject({ __typename: 'ReplyCompleted' });
  });

  it('are called beside those of the client, which the reply then waits for', async () => {
    app.model.reply(
      {
        toolCalls: [
          { id: 'call_a', name: 'now', arguments: '{}' },
          { id: 'call_b', name: 'house__add', arguments: '{"a":1,"b":2}' },
          { id: 'call_c', name: 'house__add', arguments: '{"a":3,"b":4}' },
        ],
      },
      { chunks: ['Well.'] },
    );
    const id = await ask(owner, { tools: [{ name: 'now' }] });
    const waiting = await eventually(
      async () =>
        (
          await owner.ask<{ message: { waitsUntil: string | null; toolCalls: readonly object[] } }>(
            'query ($id: ID!) { message(id: $id) { waitsUntil toolCalls { id server output error } } }',
            { id },
          )
        ).message,
      ({ waitsUntil }) => waitsUntil !== null,
    );
    expect(await offered()).toEqual(expect.arrayContaining(['now', 'house__add']));
    expect(waiting.toolCalls).toEqual([
      { id: 'call_a', server: null, output: null, error: null },
      { id: 'call_b', server: 'house', output: '3', error: null },
      { id: 'call_c', server: 'house', output: '7', error: null },
    ]);
    await owner.ask(
      'mutation ($id: ID!) { submitToolResults(messageId: $id, results: [{ callId: "call_a", output: "12:00" }]) { id } }',
      { id },
    );
    const events = await readReply(owner, 'webSocket', id);
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)).toMatchObject({ __typename: 'ReplyCompleted', response: 'Well.' });
    expect(
      (await lastRequest()).messages
        .slice(-3)
        .map(({ content }) => content)
        .sort(),
    ).toEqual(['12:00', '3', '7']);
  });

  it('end with the reply when that is stopped', async () => {
    app.model.reply({ chunks: ['Hm. '], toolCalls: [{ id: 'call_a', name: 'house__slow', arguments: '{}' }] });
    const id = await ask(owner);
    const events = followReply(owner, 'eventStream', id);
    expect((await events.next()).value).toMatchObject({ text: 'Hm. ' });
    expect((await events.next()).value).toMatchObject({ __typename: 'ReplyToolCall' });
    await owner.ask('mutation ($id: ID!) { stopReply(messageId: $id) { id } }', { id });
    expect((await collect(events)).at(-1)).toMatchObject({ __typename: 'ReplyFailed', code: 'STOPPED' });
  });
});
