import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import * as wire from '../support/wire.js';

const NOWHERE = '01980f3e-8c1d-7a52-9d0e-6f2f4f2b6c11';
const PLANS = JSON.stringify({
  free: { price: 0, daily_messages: 1000, daily_tokens: 1_000_000, max_conversations: 50, max_file_uploads: 0 },
});
const conversations = z.array(wire.conversation);
const messages = z.array(wire.message);
const deleted = z.strictObject({ deleted: z.int() });

describe.each(stores)('the conversations of REST on %s', (on) => {
  let app: TestApp;
  let owner: Actor & { readonly userId: string };
  let other: Actor;

  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { PLANS } });
    [owner, other] = await Promise.all([signUp(app), signUp(app)]);
  });
  afterAll(() => app.close());

  const begin = async (body: object = {}, actor: Actor = owner) =>
    wire.dataOf(await actor.rest('POST', '/conversations', body), wire.conversation);
  const write = async (conversationId: string, body: object = {}) => {
    const message = { content: { text: 'hello' }, message_type: 'user', ...body };
    return wire.dataOf(await owner.rest('POST', `/conversations/${conversationId}/messages`, message), wire.message);
  };

  describe('a conversation', () => {
    it('is begun with a title and a status, or with neither', async () => {
      const unset = {
        model: null,
        instructions: null,
        temperature: null,
        max_tokens: null,
        is_pinned: false,
        is_archived: false,
        label: null,
        message_count: 0,
        unread_count: 0,
      };
      const rest = { conversation_id: expect.any(String), user_id: owner.userId, ...unset };
      const times = { created_at: expect.any(String), updated_at: expect.any(String) };
      expect(await begin()).toEqual({ ...rest, title: null, status: null, ...times });
      expect(await begin({ title: 'Plans', status: 'open' })).toEqual({
        ...rest,
        title: 'Plans',
        status: 'open',
        ...times,
      });
      const unsent = await owner.rest('POST', '/conversations');
      expect(wire.dataOf(unsent, wire.conversation).title).toBeNull();
    });

    it('is read, changed a field at a time, and deleted as it was', async () => {
      const begun = await begin({ title: 'Before', status: 'open' });
      const path = `/conversations/${begun.conversation_id}`;
      expect(wire.dataOf(await owner.rest('GET', path), wire.conversation)).toEqual(begun);
      const renamed = wire.dataOf(await owner.rest('PATCH', path, { title: 'After' }), wire.conversation);
      expect(renamed).toEqual({ ...begun, title: 'After', updated_at: renamed.updated_at });
      const cleared = wire.dataOf(await owner.rest('PATCH', path, { ...renamed, status: null }), wire.conversation);
      expect(cleared).toMatchObject({ title: 'After', status: null });
      expect(wire.dataOf(await owner.rest('DELETE', path), wire.conversation)).toEqual(cleared);
      for (const method of ['GET', 'PATCH', 'DELETE']) {
        const body = method === 'PATCH' ? {} : undefined;
        wire.expectError(await owner.rest(method, path, body), 404, 'Conversation not found');
      }
    });

    it("is not found where it is another's, which changes nothing", async () => {
      const begun = await begin({ title: 'Mine' });
      const path = `/conversations/${begun.conversation_id}`;
      for (const [method, suffix, body] of [
        ['GET', '', undefined],
        ['PATCH', '', { title: 'Theirs' }],
        ['DELETE', '', undefined],
        ['GET', '/messages', undefined],
        ['POST', '/messages', { content: {}, message_type: 'user' }],
      ] as const) {
        wire.expectError(await other.rest(method, path + suffix, body), 404, 'Conversation not found');
      }
      const chat = { message: 'hi', conversation_id: begun.conversation_id };
      wire.expectError(await other.rest('POST', '/chat', chat), 404, 'Conversation not found');
      expect(wire.dataOf(await owner.rest('GET', path), wire.conversation)).toEqual(begun);
      expect(wire.dataOf(await owner.rest('GET', `${path}/messages`), messages)).toEqual([]);
    });

    it('is listed newest first, by pages, and by a part of the title', async () => {
      const reader = await signUp(app);
      const made: string[] = [];
      for (const title of ['Alpha 100%', 'beta', 'ALPHABET']) {
        made.unshift((await begin({ title }, reader)).conversation_id);
      }
      const list = async (query: string) =>
        wire
          .dataOf(await reader.rest('GET', `/conversations${query}`), conversations)
          .map(({ conversation_id }) => conversation_id);
      const [newest, middle, oldest] = made;
      expect(await list('')).toEqual(made);
      expect(await list('?limit=2')).toEqual([newest, middle]);
      expect(await list('?limit=2&skip=2')).toEqual([oldest]);
      expect(await list('?q=alpha')).toEqual([newest, oldest]);
      expect(await list('?q=%25')).toEqual([oldest]);
      expect(await list('?q=')).toEqual(made);
      expect(await list('?skip=3')).toEqual([]);
    });

    it('one hundred at most are listed at once', async () => {
      wire.expectFaults(await owner.rest('GET', '/conversations?limit=101'), { limit: 'must be from 1 to 100' });
      const long = 'x'.repeat(101);
      wire.expectFaults(await owner.rest('GET', `/conversations?skip=x&q=${long}`), {
        skip: 'must be an integer',
        q: 'must be at most 100 characters',
      });
    });

    it.each([
      [
        { title: 7, status: [] },
        { title: 'must be a string', status: 'must be a string' },
      ],
      [{ title: 'x'.repeat(201), colour: 1 }, { title: 'must be at most 200 characters' }],
    ])('%j tells all that is wrong', async (body, faults) => {
      wire.expectFaults(await owner.rest('POST', '/conversations', body), faults);
      const bad = await owner.rest('PATCH', '/conversations/7', body);
      wire.expectFaults(bad, { ...faults, conversation_id: 'must be a UUID' });
    });

    it("several are deleted at once, one's own only", async () => {
      const mine = [await begin(), await begin()].map(({ conversation_id }) => conversation_id);
      const theirs = (await begin({}, other)).conversation_id;
      const query = [...mine, theirs, NOWHERE, mine[0]].map((id) => `ids=${id ?? ''}`).join('&');
      const first = await owner.rest('DELETE', `/conversations?${query}`);
      expect(wire.dataOf(first, deleted)).toEqual({ deleted: 2 });
      const second = await owner.rest('DELETE', `/conversations?${query}`);
      expect(wire.dataOf(second, deleted)).toEqual({ deleted: 0 });
      wire.dataOf(await other.rest('GET', `/conversations/${theirs}`), wire.conversation);
      wire.expectFaults(await owner.rest('DELETE', '/conversations'), { ids: 'is required' });
      const bad = await owner.rest('DELETE', `/conversations?ids=${NOWHERE}&ids=7`);
      wire.expectFaults(bad, { 'ids.1': 'must be a UUID' });
    });
  });

  describe('a message', () => {
    it('is written, and kept as it was sent', async () => {
      const { conversation_id } = await begin();
      const content = { text: 'hello', other: { kept: [1, null, { camelCase: true }] } };
      const extra = { client: 'x' };
      const written = await write(conversation_id, { content, extra, message_type: 'note' });
      expect(written).toEqual({
        message_id: expect.any(String),
        conversation_id,
        user_id: owner.userId,
        content,
        message_type: 'note',
        timestamp: expect.any(String),
        extra,
        status: 'complete',
        reply_to: null,
        parent_id: null,
        sequence: null,
        reasoning: null,
        tool_calls: [],
        waits_until: null,
        generation: null,
      });
      const read = await owner.rest('GET', `/messages/${written.message_id}`);
      expect(wire.dataOf(read, wire.message)).toEqual(written);
      expect((await write(conversation_id)).extra).toBeNull();
    });

    it.each(['user', 'ai', 'system', 'file'])('may be of the type %s', async (message_type) => {
      const { conversation_id } = await begin();
      expect((await write(conversation_id, { message_type })).message_type).toBe(message_type);
    });

    it("with invoke_llm is answered before the answer comes, and the answer's writer is null", async () => {
      const { conversation_id } = await begin();
      app.model.reply('A friendly answer.');
      const asked = await write(conversation_id, { invoke_llm: true });
      expect(asked).toMatchObject({ message_type: 'user', content: { text: 'hello' } });
      const list = await owner.rest('GET', `/conversations/${conversation_id}/messages`);
      expect(wire.dataOf(list, messages)).toEqual([
        asked,
        {
          ...asked,
          message_id: expect.any(String),
          user_id: null,
          message_type: 'ai',
          content: { text: 'A friendly answer.' },
          timestamp: expect.any(String),
          reply_to: asked.message_id,
          parent_id: asked.message_id,
          generation: expect.objectContaining({ model: 'gpt-4o-mini', finish_reason: 'stop' }),
        },
      ]);
    });

    it('with invoke_llm and another type than user is only stored', async () => {
      const { conversation_id } = await begin();
      const before = app.model.requests.length;
      await write(conversation_id, { invoke_llm: true, message_type: 'system' });
      expect(app.model.requests).toHaveLength(before);
      const list = await owner.rest('GET', `/conversations/${conversation_id}/messages`);
      expect(wire.dataOf(list, messages)).toHaveLength(1);
    });

    it('is listed oldest first and by pages', async () => {
      const { conversation_id } = await begin();
      const written = [];
      for (let index = 0; index < 3; index++) written.push(await write(conversation_id));
      const path = `/conversations/${conversation_id}/messages`;
      expect(wire.dataOf(await owner.rest('GET', path), messages)).toEqual(written);
      const page = await owner.rest('GET', `${path}?skip=1&limit=1`);
      expect(wire.dataOf(page, messages)).toEqual([written[1]]);
      wire.expectFaults(await owner.rest('GET', `${path}?limit=101`), { limit: 'must be from 1 to 100' });
    });

    it('is changed a field at a time, and deleted as it was', async () => {
      const written = await write((await begin()).conversation_id, { extra: { a: 1 } });
      const path = `/messages/${written.message_id}`;
      const changes = { content: { text: 'other' }, message_type: 'note' };
      const changed = wire.dataOf(await owner.rest('PATCH', path, changes), wire.message);
      expect(changed).toEqual({ ...written, ...changes });
      const cleared = wire.dataOf(await owner.rest('PATCH', path, { ...changed, extra: null }), wire.message);
      expect(cleared).toEqual({ ...changed, extra: null });
      expect(wire.dataOf(await owner.rest('DELETE', path), wire.message)).toEqual(cleared);
      wire.expectError(await owner.rest('GET', path), 404, 'Message not found');
    });

    it("is not found where it is another's", async () => {
      const written = await write((await begin()).conversation_id);
      for (const id of [written.message_id, NOWHERE]) {
        for (const method of ['GET', 'PATCH', 'DELETE']) {
          const body = method === 'PATCH' ? { message_type: 'x' } : undefined;
          wire.expectError(await other.rest(method, `/messages/${id}`, body), 404, 'Message not found');
        }
        wire.expectError(await other.rest('GET', `/messages/${id}/stream`), 404, 'Message not found');
      }
      const read = await owner.rest('GET', `/messages/${written.message_id}`);
      expect(wire.dataOf(read, wire.message)).toEqual(written);
    });

    it.each([
      [{}, { content: 'is required', message_type: 'is required' }],
      [
        { content: 'text', message_type: 7, invoke_llm: 'yes' },
        { content: 'must be an object', message_type: 'must be a string', invoke_llm: 'must be true or false' },
      ],
      [
        { content: null, message_type: '' },
        { content: 'must not be null', message_type: 'must not be empty' },
      ],
      [
        { content: {}, message_type: 'x'.repeat(51), wait_for_reply: true },
        { message_type: 'must be at most 50 characters' },
      ],
      [
        { content: { text: ' ' }, message_type: 'user', invoke_llm: true },
        { 'content.text': 'is required to ask the model' },
      ],
      [
        { content: { text: 'x'.repeat(32_001) }, message_type: 'user', invoke_llm: true },
        { 'content.text': 'must be at most 32000 characters to ask the model' },
      ],
      [
        { content: { a: 'x'.repeat(32_000) }, message_type: 'user', invoke_llm: true },
        { content: 'must be at most 32000 characters to ask the model' },
      ],
    ])('%j tells all that is wrong', async (body, faults) => {
      const { conversation_id } = await begin();
      wire.expectFaults(await owner.rest('POST', `/conversations/${conversation_id}/messages`, body), faults);
    });

    it('changes tell all that is wrong', async () => {
      const body = { content: null, message_type: null, extra: 'x', timestamp: 'ignored' };
      wire.expectFaults(await owner.rest('PATCH', '/messages/7', body), {
        message_id: 'must be a UUID',
        content: 'must not be null',
        message_type: 'must not be null',
        extra: 'must be an object',
      });
    });
  });
});
