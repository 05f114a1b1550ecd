import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import * as wire from '../support/wire.js';

const usage = z.array(wire.usage);
const detail = z.strictObject({ detail: z.string(), price: z.int().optional() });

describe.each(stores)('chat, plans and usage of REST on %s', (on) => {
  let app: TestApp;
  let owner: Actor & { readonly userId: string };

  beforeAll(async () => {
    app = await startTestApp({ stores: on });
    owner = await signUp(app);
  });
  afterAll(() => app.close());

  const begin = async (actor: Actor) =>
    wire.dataOf(await actor.rest('POST', '/conversations', {}), wire.conversation).conversation_id;
  const write = (actor: Actor, conversationId: string) =>
    actor.rest('POST', `/conversations/${conversationId}/messages`, { content: { text: 'x' }, message_type: 'user' });
  const usageOf = async (actor: Actor) => wire.dataOf(await actor.rest('GET', '/user/usage'), usage);
  const streamed = (actor: Actor, accept: string, path = '/chat?stream=true') =>
    fetch(`${app.url}/api/v1${path}`, {
      method: 'POST',
      headers: { ...actor.headers, accept, 'content-type': 'application/json' },
      body: JSON.stringify({ message: 'hello' }),
    });

  it('GET /health says that all is well', async () => {
    const { body } = await owner.rest('GET', '/health');
    expect(body).toMatchObject({ code: 200, message: 'Success', data: { status: 'ok' } });
  });

  describe('POST /chat', () => {
    it('answers with the response and its tokens, and stores nothing but usage', async () => {
      const actor = await signUp(app);
      app.model.reply({ chunks: ['Well, ', 'hello.'], usage: 42 });
      const answer = await actor.rest('POST', '/chat', { message: 'hello' });
      expect(wire.dataOf(answer, wire.chat)).toMatchObject({ response: 'Well, hello.', tokens: 42 });
      expect((await actor.rest('GET', '/conversations')).body.data).toEqual([]);
      expect(await usageOf(actor)).toMatchObject([{ message_count: 1, token_count: 42 }]);
    });

    it('in a conversation stores question and answer, and remembers what was said', async () => {
      const actor = await signUp(app);
      const conversation_id = await begin(actor);
      app.model.reply({ chunks: ['Hi Ada.'], usage: 10 }, { chunks: ['Ada.'], usage: 10 });
      wire.dataOf(await actor.rest('POST', '/chat', { message: 'I am Ada', conversation_id }), wire.chat);
      const first = app.model.requests.length;
      wire.dataOf(await actor.rest('POST', '/chat', { message: 'Who am I?', conversation_id }), wire.chat);
      const asked = await app.model.request(first);
      expect(asked.messages).toEqual([
        { role: 'system', content: expect.stringContaining('Flynkle') },
        { role: 'user', content: 'I am Ada' },
        { role: 'assistant', content: 'Hi Ada.' },
        { role: 'user', content: 'Who am I?' },
      ]);
      const list = await actor.rest('GET', `/conversations/${conversation_id}/messages`);
      const stored = wire.dataOf(list, z.array(wire.message));
      expect(stored.map(({ message_type, content }) => [message_type, content['text']])).toEqual([
        ['user', 'I am Ada'],
        ['ai', 'Hi Ada.'],
        ['user', 'Who am I?'],
        ['ai', 'Ada.'],
      ]);
    });

    it('streams the text as it comes, as text/plain', async () => {
      app.model.reply({ chunks: ['Well, ', 'hello.'], usage: 5 });
      const response = await streamed(owner, '*/*');
      expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
      expect(await response.text()).toBe('Well, hello.');
    });

    it.each([
      ['at a path of its own', '*/*', '/chat/stream'],
      ['where they are asked for', 'text/event-stream', '/chat?stream=true'],
    ])('streams server-sent events %s', async (_where, accept, path) => {
      app.model.reply({ chunks: ['Hello.'], usage: 5 });
      const response = await streamed(owner, accept, path);
      expect(response.headers.get('content-type')).toBe('text/event-stream; charset=utf-8');
      const events = (await response.text()).trimEnd().split('\n\n');
      expect(events[0]).toBe('id: 1\nevent: delta\ndata: {"sequence":1,"text":"Hello."}');
      expect(events[1]).toMatch(/^id: 2\nevent: completed\ndata: \{"sequence":2,"response":"Hello.","tokens":5/);
      expect(events).toHaveLength(2);
    });

    it('answers 502 when the model fails, streamed or not', async () => {
      const failure = { error: { status: 400, message: 'sk-secret is wrong' } };
      app.model.reply(failure, failure, failure, failure);
      const answer = await owner.rest('POST', '/chat', { message: 'hello' });
      wire.expectError(answer, 502, 'OpenAI request failed', { source: 'openai', reason: expect.any(String) });
      expect(JSON.stringify(answer.body)).not.toContain('sk-secret');
      for (const [accept, path] of [['*/*'], ['text/event-stream'], ['text/event-stream', '/chat/stream']] as const) {
        const response = await streamed(owner, accept, path);
        expect([response.status, response.headers.get('content-type')]).toEqual([
          502,
          'application/json; charset=utf-8',
        ]);
        expect(await response.json()).toEqual(answer.body);
      }
    });

    it.each([
      [{}, { message: 'is required' }],
      [{ message: ' ' }, { message: 'must not be empty' }],
      [
        { message: 7, conversation_id: 'x', model: 'gpt' },
        { message: 'must be a string', conversation_id: 'must be a UUID' },
      ],
    ])('%j tells all that is wrong', async (body, faults) => {
      wire.expectFaults(await owner.rest('POST', '/chat', body), faults);
      wire.expectFaults(await owner.rest('POST', '/chat?stream=true', body), faults);
    });

    it('stream is true or false', async () => {
      const answer = await owner.rest('POST', '/chat?stream=maybe', { message: 7 });
      wire.expectFaults(answer, { stream: 'must be true or false', message: 'must be a string' });
    });
  });

  it('GET /plans has the two plans, by name', async () => {
    const plans = z.strictObject({ free: wire.plan, pro: wire.plan });
    expect(wire.dataOf(await owner.rest('GET', '/plans'), plans)).toEqual({
      free: { price: 0, daily_messages: 20, daily_tokens: 5000, max_conversations: 3, max_file_uploads: 0 },
      pro: { price: 10, daily_messages: 1000, daily_tokens: 100_000, max_conversations: 100, max_file_uploads: 100 },
    });
  });

  it('GET /user/usage lists days, newest first', async () => {
    const actor = await signUp(app);
    expect(await usageOf(actor)).toEqual([]);
    await write(actor, await begin(actor));
    await app.database.query(
      `INSERT INTO usage_daily (id, user_id, date, message_count, token_count)
       VALUES (gen_random_uuid(), $1, (now() AT TIME ZONE 'UTC')::date - 1, 3, 70)`,
      [actor.userId],
    );
    const days = await usageOf(actor);
    expect(days).toMatchObject([
      { user_id: actor.userId, message_count: 1, token_count: 0, file_uploads: 0 },
      { user_id: actor.userId, message_count: 3, token_count: 70, file_uploads: 0 },
    ]);
  });

  describe('the free plan', () => {
    it('has three conversations', async () => {
      const actor = await signUp(app);
      for (let index = 0; index < 3; index++) await begin(actor);
      wire.expectError(await actor.rest('POST', '/conversations', {}), 403, 'Upgrade required');
    });

    it('has twenty messages a day, with chats', async () => {
      const actor = await signUp(app);
      const conversationId = await begin(actor);
      for (let index = 0; index < 19; index++) expect((await write(actor, conversationId)).status).toBe(200);
      app.model.reply({ usage: 1 });
      wire.dataOf(await actor.rest('POST', '/chat', { message: 'hello' }), wire.chat);
      wire.expectError(await write(actor, conversationId), 403, 'Upgrade required');
      wire.expectError(await actor.rest('POST', '/chat', { message: 'hello' }), 403, 'Upgrade required');
    });

    it('has five thousand tokens a day', async () => {
      const actor = await signUp(app);
      app.model.reply({ usage: 5_000 });
      wire.dataOf(await actor.rest('POST', '/chat', { message: 'hello' }), wire.chat);
      wire.expectError(await actor.rest('POST', '/chat', { message: 'hello' }), 403, 'Upgrade required');
    });
  });

  describe('POST /user/upgrade', () => {
    const upgrade = (actor: Actor, plan: string) => actor.rest('POST', `/user/upgrade?plan=${plan}`);

    it('changes the plan, and says when there is nothing to change', async () => {
      const actor = await signUp(app);
      expect(wire.dataOf(await upgrade(actor, 'free'), detail)).toEqual({ detail: 'plan unchanged' });
      expect(wire.dataOf(await upgrade(actor, 'pro'), detail)).toEqual({ detail: 'plan updated', price: 10 });
      expect(wire.dataOf(await actor.rest('GET', '/users/me'), wire.user).plan).toBe('pro');
      expect(wire.dataOf(await upgrade(actor, 'pro'), detail)).toEqual({ detail: 'plan unchanged' });
      expect(wire.dataOf(await upgrade(actor, 'free'), detail)).toEqual({ detail: 'plan updated', price: 0 });
    });

    it('refuses a plan that there is not', async () => {
      wire.expectError(await upgrade(owner, 'gold'), 400, 'Invalid plan');
      wire.expectFaults(await owner.rest('POST', '/user/upgrade'), { plan: 'is required' });
    });

    it.each([
      [
        'conversation',
        'INSERT INTO conversations (id, user_id) SELECT gen_random_uuid(), $1 FROM generate_series(1, 4)',
      ],
      ['message', usageToday('message_count', 21)],
      ['token', usageToday('token_count', 5001)],
    ])('to a smaller plan is refused over its %s quota', async (what, sql) => {
      const actor = await signUp(app);
      wire.dataOf(await upgrade(actor, 'pro'), detail);
      await app.database.query(sql, [actor.userId]);
      wire.expectError(await upgrade(actor, 'free'), 400, `Over ${what} quota`);
      expect(wire.dataOf(await actor.rest('GET', '/users/me'), wire.user).plan).toBe('pro');
    });
  });
});

function usageToday(column: string, count: number): string {
  return `INSERT INTO usage_daily (id, user_id, date, ${column})
          VALUES (gen_random_uuid(), $1, (now() AT TIME ZONE 'UTC')::date, ${count})`;
}
