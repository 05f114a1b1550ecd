import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor, collect, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { eventually } from '../support/eventually.js';
import type { ScriptedCall } from '../support/model-server.js';
import { stores } from '../support/servers.js';
import {
  CHAT,
  CREATE_MESSAGE,
  followReply,
  readReply,
  ROOMY_PLANS,
  streamingDoors,
  textIn,
  usageOf,
  type ReplyEvent,
} from '../support/replies.js';

const SUBMIT = `mutation ($id: ID!, $results: [ToolResultInput!]!) {
  submitToolResults(messageId: $id, results: $results) { id status waitsUntil }
}`;
const STATE = `query ($id: ID!) {
  message(id: $id) { status waitsUntil text toolCalls { id name arguments server output error } }
}`;
const TOOLS = [
  { name: 'add', description: 'Adds', parameters: { type: 'object', properties: { a: { type: 'number' } } } },
  { name: 'now' },
];
const CALLS: readonly ScriptedCall[] = [
  { id: 'call_a', name: 'add', arguments: ['{"a"', ':1}'] },
  { id: 'call_b', name: 'now', arguments: '{}' },
];
const RESULTS = [
  { callId: 'call_b', error: 'The clock is broken' },
  { callId: 'call_a', output: '3' },
];

describe.each(stores)('tools of the client on %s', (on) => {
  let app: TestApp;
  let owner: Actor;
  let conversationId: string;

  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { PLANS: ROOMY_PLANS, TOOL_WAIT_SECONDS: '600' } });
    owner = await signUp(app);
    conversationId = await owner.createConversation();
  });
  afterAll(() => app.close());

  async function ask(more: object = {}): Promise<string> {
    const { createMessage } = await owner.ask<{ createMessage: { reply: { id: string } } }>(CREATE_MESSAGE, {
      input: {
        conversationId,
        content: { text: 'What is 1 + 2?' },
        messageType: 'user',
        invokeLlm: true,
        tools: TOOLS,
        ...more,
      },
    });
    return createMessage.reply.id;
  }
  const submit = (id: string, results: readonly object[] = RESULTS, actor = owner) =>
    actor.graphql(SUBMIT, { id, results });
  const state = async (id: string) => (await owner.ask<{ message: State }>(STATE, { id })).message;
  const untilWaiting = (id: string) =>
    eventually(
      () => state(id),
      ({ waitsUntil }) => waitsUntil !== null,
    );
  const lastRequest = () => app.model.request(app.model.requests.length - 1);

  describe.each(streamingDoors)('through the %s', (door) => {
    it('are called, answered, and the same reply goes on, its events numbered on', async () => {
      app.model.reply(
        { reasoning: ['Hm. '], chunks: ['Let me see. '], toolCalls: CALLS, usage: 40 },
        { chunks: ['It is ', '3.'], usage: 60 },
      );
      const before = (await usageOf(owner)).today.messageCount;
      const id = await ask();
      const events = followReply(owner, door, id);
      const seen: ReplyEvent[] = [];
      while (seen.filter(({ __typename }) => __typename === 'ReplyToolCall').length < 2)
        seen.push(...[(await events.next()).value].flatMap((event) => event ?? []));
      expect((await lastRequest()).body).toMatchObject({
        tools: [
          { type: 'function', function: TOOLS[0] },
          { type: 'function', function: { name: 'now' } },
        ],
      });
      await untilWaiting(id);
      const answered = await submit(id);
      expect(answered.data?.['submitToolResults']).toMatchObject({ id, status: 'STREAMING' });
      const all = [...seen, ...(await collect(events))];
      expect(all.map(({ sequence }) => sequence)).toEqual(all.map((_, index) => index + 1));
      expect(all.filter(({ __typename }) => __typename.startsWith('ReplyTool'))).toEqual([
        {
          __typename: 'ReplyToolCall',
          sequence: expect.any(Number),
          id: 'call_a',
          name: 'add',
          arguments: '{"a":1}',
          server: null,
        },
        {
          __typename: 'ReplyToolCall',
          sequence: expect.any(Number),
          id: 'call_b',
          name: 'now',
          arguments: '{}',
          server: null,
        },
        {
          __typename: 'ReplyToolResult',
          sequence: expect.any(Number),
          callId: 'call_b',
          output: null,
          error: 'The clock is broken',
        },
        { __typename: 'ReplyToolResult', sequence: expect.any(Number), callId: 'call_a', output: '3', error: null },
      ]);
      expect(textIn(all)).toBe('Let me see. It is 3.');
      expect(all.at(-1)).toMatchObject({ __typename: 'ReplyCompleted', response: 'Let me see. It is 3.', tokens: 100 });
      expect(await state(id)).toMatchObject({
        status: 'COMPLETE',
        waitsUntil: null,
        toolCalls: [
          { id: 'call_a', name: 'add', arguments: '{"a":1}', server: null, output: '3', error: null },
          { id: 'call_b', name: 'now', arguments: '{}', server: null, output: null, error: 'The clock is broken' },
        ],
      });
      for (const after of all.keys()) expect(await readReply(owner, door, id, after)).toEqual(all.slice(after));
      // The model is given its own words and calls, and a result for each.
      const { messages } = await lastRequest();
      expect(messages.slice(-4)).toEqual([
        { role: 'user', content: 'What is 1 + 2?' },
        {
          role: 'assistant',
          content: 'Let me see. ',
          tool_calls: [
            { id: 'call_a', type: 'function', function: { name: 'add', arguments: '{"a":1}' } },
            { id: 'call_b', type: 'function', function: { name: 'now', arguments: '{}' } },
          ],
        },
        { role: 'tool', tool_call_id: 'call_b', content: '{"error":"The clock is broken"}' },
        { role: 'tool', tool_call_id: 'call_a', content: '3' },
      ]);
      // Each round is settled by itself, and the question counts once.
      const { today, ledger } = await usageOf(owner);
      expect(ledger.slice(0, 2).map(({ tokens, source, messageId }) => [tokens, source, messageId])).toEqual([
        [60, 'REPORTED', id],
        [40, 'REPORTED', id],
      ]);
      expect(today.messageCount).toBe(before + 1);
    });
  });

  it('are answered by REST, whose streams have the same events', async () => {
    app.model.reply({ toolCalls: CALLS.slice(1) }, { chunks: ['Noon.'] });
    const asked = await owner.rest('POST', `/conversations/${conversationId}/messages`, {
      content: { text: 'What time is it?' },
      message_type: 'user',
      invoke_llm: true,
      tools: TOOLS,
    });
    // It waits for the reply, as far as that comes by itself.
    expect(asked.status).toBe(200);
    const list = await owner.rest('GET', `/conversations/${conversationId}/messages`);
    const reply = (list.body.data as { message_id: string; status: string; waits_until: string | null }[]).at(-1);
    expect(reply).toMatchObject({
      status: 'streaming',
      waits_until: expect.any(String),
      tool_calls: [{ id: 'call_b', name: 'now', output: null, error: null }],
    });
    const id = reply?.message_id ?? '';
    const answer = await owner.rest('POST', `/messages/${id}/tool-results`, {
      results: [{ call_id: 'call_b', output: '12:00' }],
    });
    expect(answer).toMatchObject({ status: 200, body: { data: { message_id: id, status: 'streaming' } } });
    await readReply(owner, 'webSocket', id);
    const stream = await fetch(`${app.url}/api/v1/messages/${id}/stream`, {
      headers: { authorization: `Bearer ${owner.token}` },
    });
    const text = await stream.text();
    expect(text).toContain(
      'id: 1\nevent: tool_call\ndata: {"sequence":1,"id":"call_b","name":"now","arguments":"{}","server":null}',
    );
    expect(text).toContain(
      'id: 2\nevent: tool_result\ndata: {"sequence":2,"call_id":"call_b","output":"12:00","error":null}',
    );
    expect(text).toContain('id: 3\nevent: delta\ndata: {"sequence":3,"text":"Noon."}');
  });

  it('are answered once, by the owner, with the results that the reply waits for', async () => {
    app.model.reply({ toolCalls: CALLS });
    const id = await ask();
    await untilWaiting(id);
    const errorOf = async (results?: readonly object[], actor = owner) =>
      (await submit(id, results, actor)).errors?.[0];
    expect(await errorOf([{ callId: 'call_x', output: '' }, ...RESULTS.slice(1), ...RESULTS.slice(1)])).toMatchObject({
      extensions: {
        code: 'BAD_USER_INPUT',
        errors: [
          { field: 'results.0.callId', message: 'is no call that waits for a result' },
          { field: 'results.2.callId', message: 'is answered twice' },
          { field: 'results', message: 'must answer each call that waits: call_b' },
        ],
      },
    });
    expect(await errorOf([{ callId: 'call_a' }, { callId: 'call_b', output: '', error: 'both' }])).toMatchObject({
      extensions: {
        errors: [
          { field: 'results.0', message: 'must have either output or error' },
          { field: 'results.1', message: 'must have either output or error' },
        ],
      },
    });
    expect(await errorOf(RESULTS, await signUp(app))).toMatchObject({ message: 'Message not found' });
    const [one, other] = await Promise.all([errorOf(), errorOf()]);
    const conflict = { message: 'The reply does not wait for tool results', extensions: { code: 'CONFLICT' } };
    expect([one, other].filter((error) => error !== undefined)).toMatchObject([conflict]);
    await readReply(owner, 'eventStream', id);
    expect(await errorOf()).toMatchObject(conflict);
  });

  it('are not called where the calls take more than what was reserved, by a provider that ignores its limit', async () => {
    const huge = { id: 'call_a', name: 'add', arguments: JSON.stringify({ a: 'word '.repeat(20_000) }) };
    app.model.reply({ chunks: ['Let me see. '], toolCalls: [huge], usage: null });
    const id = await ask();
    const events = await readReply(owner, 'eventStream', id);
    const entry = (await usageOf(owner)).ledger.find(({ messageId }) => messageId === id);
    expect(events.at(-1)).toMatchObject({
      __typename: 'ReplyCompleted',
      response: 'Let me see. ',
      tokens: entry?.tokens,
    });
    expect(entry?.tokens).toBeLessThanOrEqual(entry?.reservedTokens ?? 0);
    expect(await state(id)).toMatchObject({ status: 'COMPLETE', waitsUntil: null, toolCalls: [] });
  });

  it('a fork while they are waited for has the calls, ends, and waits for nothing', async () => {
    app.model.reply({ toolCalls: CALLS });
    const id = await ask();
    await untilWaiting(id);
    const { forkConversation } = await owner.ask<{ forkConversation: { currentLeaf: State & { id: string } } }>(
      `mutation ($id: ID!) {
        forkConversation(messageId: $id) { currentLeaf { id status waitsUntil text toolCalls { id } } }
      }`,
      { id },
    );
    const { currentLeaf: copy } = forkConversation;
    const toolCalls = [{ id: 'call_a' }, { id: 'call_b' }];
    expect(copy).toEqual({ id: copy.id, status: 'PARTIAL', waitsUntil: null, text: '', toolCalls });
    expect((await submit(copy.id)).errors?.[0]).toMatchObject({ extensions: { code: 'CONFLICT' } });
    expect((await readReply(owner, 'webSocket', copy.id)).at(-1)).toMatchObject({ code: 'INTERRUPTED' });
    expect((await submit(id)).errors).toBeUndefined();
    await readReply(owner, 'webSocket', id);
  });

  it('are not waited for any longer when the reply is stopped, or its question deleted', async () => {
    app.model.reply({ chunks: ['Hm. '], toolCalls: CALLS }, { toolCalls: CALLS });
    const stopped = await ask();
    await untilWaiting(stopped);
    const { stopReply } = await owner.ask<{ stopReply: unknown }>(
      'mutation ($id: ID!) { stopReply(messageId: $id) { status text waitsUntil } }',
      { id: stopped },
    );
    expect(stopReply).toEqual({ status: 'PARTIAL', text: 'Hm. ', waitsUntil: null });
    expect((await readReply(owner, 'webSocket', stopped)).at(-1)).toMatchObject({ code: 'STOPPED', partial: 'Hm. ' });
    const orphaned = await ask();
    const events = readReply(owner, 'webSocket', orphaned);
    await untilWaiting(orphaned);
    const { message } = await owner.ask<{ message: { replyTo: { id: string } } }>(
      'query ($id: ID!) { message(id: $id) { replyTo { id } } }',
      { id: orphaned },
    );
    await owner.ask('mutation ($id: ID!) { deleteMessage(id: $id) { id } }', { id: message.replyTo.id });
    expect((await events).at(-1)).toMatchObject({
      __typename: 'ReplyFailed',
      code: 'STOPPED',
      reason: 'The question was deleted',
    });
  });

  it('are waited for no longer than the setting says', async () => {
    app.model.reply({ toolCalls: CALLS });
    const id = await ask();
    await untilWaiting(id);
    await app.database.query(`UPDATE messages SET waits_until = now() - interval '1 second' WHERE id = $1`, [id]);
    expect((await readReply(owner, 'eventStream', id)).at(-1)).toMatchObject({
      __typename: 'ReplyFailed',
      sequence: 3,
      code: 'TOOLS_UNANSWERED',
      reason: 'The tool calls were not answered in time',
      message: { status: 'PARTIAL' },
    });
  });

  it('are still waited for after a restart, and another instance goes on', async () => {
    app.model.reply({ reasoning: ['Hm. '], toolCalls: CALLS }, { chunks: ['3.'] });
    const id = await ask();
    await untilWaiting(id);
    app = await app.restart();
    const returned = new Actor(app.url, owner.credentials);
    returned.token = owner.token;
    owner = returned;
    const events = readReply(owner, 'webSocket', id);
    expect((await submit(id)).errors).toBeUndefined();
    const all = await events;
    expect(all.map(({ sequence }) => sequence)).toEqual([1, 2, 3, 4, 5, 6, 7]);
    expect(all.at(-1)).toMatchObject({ __typename: 'ReplyCompleted', response: '3.' });
  });

  it('are no longer to be called in the last round, and a model that calls them all the same is cut', async () => {
    app.model.reply(...Array.from({ length: 11 }, () => ({ toolCalls: CALLS.slice(1) })));
    const id = await ask();
    for (let round = 1; round < 10; round++) {
      const { toolCalls } = await eventually(
        () => state(id),
        ({ waitsUntil, toolCalls: calls }) => waitsUntil !== null && calls.length === round,
      );
      expect((await lastRequest()).body['tool_choice']).toBeUndefined();
      const { id: callId } = toolCalls.at(-1) ?? { id: '' };
      expect((await submit(id, [{ callId, output: 'noon' }])).errors).toBeUndefined();
    }
    const end = (await readReply(owner, 'webSocket', id)).at(-1);
    expect((await lastRequest()).body['tool_choice']).toBe('none');
    expect(end).toMatchObject({ code: 'UPSTREAM_FAILED', reason: 'The model called tools too many times' });
    app.model.forget();
  });

  it('of a question apply again when it is asked again, or in another version', async () => {
    app.model.reply({ chunks: ['3.'] }, { chunks: ['3!'] }, { chunks: ['4.'] });
    const id = await ask({ responseFormat: { type: 'json_object' } });
    await readReply(owner, 'webSocket', id);
    const { regenerateReply } = await owner.ask<{ regenerateReply: { id: string } }>(
      'mutation ($id: ID!) { regenerateReply(messageId: $id, waitForReply: true) { id } }',
      { id },
    );
    const expected = {
      tools: [{ function: { name: 'add' } }, { function: { name: 'now' } }],
      response_format: { type: 'json_object' },
    };
    expect((await lastRequest()).body).toMatchObject(expected);
    const { message } = await owner.ask<{ message: { replyTo: { id: string } } }>(
      'query ($id: ID!) { message(id: $id) { replyTo { id } } }',
      { id: regenerateReply.id },
    );
    await owner.ask(
      `mutation ($id: ID!) { editMessage(id: $id, input: { content: { text: "And 1 + 3?" }, invokeLlm: true, waitForReply: true }) { reply { id } } }`,
      { id: message.replyTo.id },
    );
    expect((await lastRequest()).body).toMatchObject(expected);
  });

  it('that do not exist are answered by the service, and the reply goes on by itself', async () => {
    app.model.reply({ toolCalls: [{ id: 'c', name: 'subtract', arguments: '{}' }] }, { chunks: ['Well.'] });
    const { createMessage } = await owner.ask<{ createMessage: { reply: unknown } }>(CREATE_MESSAGE, {
      input: {
        conversationId,
        content: { text: 'Subtract' },
        messageType: 'user',
        invokeLlm: true,
        waitForReply: true,
        tools: TOOLS,
      },
    });
    expect(createMessage.reply).toMatchObject({ status: 'COMPLETE', text: 'Well.' });
    expect((await lastRequest()).messages.at(-1)).toMatchObject({
      role: 'tool',
      content: '{"error":"There is no such tool"}',
    });
  });

  it('are refused in a chat that stores nothing, and answered with what has come where a chat is waited for', async () => {
    const refused = await owner.graphql(CHAT, { input: { message: 'Why?', tools: TOOLS } });
    expect(refused.errors?.[0]).toMatchObject({
      extensions: { errors: [{ field: 'input.tools', message: 'must be empty without a conversation' }] },
    });
    app.model.reply({ chunks: ['Hm. '], toolCalls: CALLS });
    const { chat } = await owner.ask<{ chat: { response: string; message: { id: string } } }>(CHAT, {
      input: { message: 'Why?', conversationId, tools: TOOLS },
    });
    expect(chat).toMatchObject({ response: 'Hm. ', message: { status: 'STREAMING' } });
    expect((await state(chat.message.id)).waitsUntil).not.toBeNull();
  });

  it.each<[string, object, object]>([
    ['a name with blanks', { tools: [{ name: 'a b' }] }, { field: 'input.tools.0.name' }],
    ['a name of a server', { tools: [{ name: 'a__b' }] }, { message: 'must not contain __' }],
    ['one name twice', { tools: [{ name: 'a' }, { name: 'a' }] }, { message: 'must have different names' }],
    [
      '65 tools',
      { tools: Array.from({ length: 65 }, (_, index) => ({ name: `t${index}` })) },
      { message: 'must be at most 64' },
    ],
    [
      'tools of too many bytes',
      { tools: ['a', 'b'].map((name) => ({ name, parameters: { x: 'x'.repeat(40_000) } })) },
      { message: 'must be at most 65536 bytes as JSON' },
    ],
    ['a form that does not exist', { responseFormat: { type: 'xml' } }, { field: 'input.responseFormat.type' }],
    [
      'a schema that is not there',
      { responseFormat: { type: 'json_schema' } },
      { field: 'input.responseFormat.schema' },
    ],
  ])('are refused with %s', async (_, input, fault) => {
    const { errors } = await owner.graphql(CREATE_MESSAGE, {
      input: { conversationId, content: { text: 'Why?' }, messageType: 'user', invokeLlm: true, ...input },
    });
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT', errors: [fault] } });
  });

  it('and a schema are passed on to the provider, whose answer is the text', async () => {
    app.model.reply({ chunks: ['{"sum"', ':3}'] });
    const schema = { type: 'object', properties: { sum: { type: 'number' } } };
    const { chat } = await owner.ask<{ chat: { response: string } }>(CHAT, {
      input: { message: '1 + 2?', responseFormat: { type: 'json_schema', name: 'sum', schema } },
    });
    expect(JSON.parse(chat.response)).toEqual({ sum: 3 });
    expect((await lastRequest()).body).toMatchObject({
      response_format: { type: 'json_schema', json_schema: { name: 'sum', schema, strict: true } },
    });
  });
});

interface State {
  readonly status: string;
  readonly waitsUntil: string | null;
  readonly text: string;
  readonly toolCalls: readonly { readonly id: string }[];
}
