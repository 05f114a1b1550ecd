import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { collect, signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';

interface ExportedConversation {
  readonly conversation_id: string;
  readonly title: string | null;
  readonly messages: readonly { readonly conversation_id: string; readonly content: { readonly text: string } }[];
}

type Owner = Awaited<ReturnType<typeof signUp>>;

interface Summary {
  readonly id: string;
  readonly title: string | null;
  readonly messageCount: number;
}

const PARTS = `subscription { exportConversations {
  ... on ExportedConversation { conversation { id title } }
  ... on ExportedMessages { messages { text } }
} }`;

function exportOf(actor: Actor, query = '', headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${actor.url}/api/v1/conversations/export${query}`, { headers: { ...actor.headers, ...headers } });
}

const FILLED_AT_ONCE = 10_000;

describe.each(stores)('the export of conversations on %s', (on) => {
  let app: TestApp;
  let owner: Actor;

  /** Inserts messages that contain their own number, a thousand at a time. */
  async function fill(conversationId: string, count: number, padding = ''): Promise<void> {
    // A part at a time, each within the time that a statement may take.
    for (let from = 1; from <= count; from += FILLED_AT_ONCE) {
      await app.database.query(
        `INSERT INTO messages (id, conversation_id, content, message_type)
         SELECT (substr($1::text, 1, 24) || lpad(to_hex(n), 12, '0'))::uuid, $1::uuid,
           jsonb_build_object('text', n || $4::text), 'user' FROM generate_series($2::int, $3::int) AS n`,
        [conversationId, from, Math.min(from + FILLED_AT_ONCE - 1, count), padding],
      );
    }
  }

  /** Inserts conversations, numbered in their titles. */
  async function begin(owning: Owner, count: number, padding = ''): Promise<void> {
    await app.database.query(
      `INSERT INTO conversations (id, user_id, title)
       SELECT gen_random_uuid(), $1, n || $3::text FROM generate_series(1, $2::int) AS n`,
      [owning.userId, count, padding],
    );
  }

  beforeAll(async () => {
    app = await startTestApp({ stores: on });
    owner = await signUp(app);
    const [empty, long] = [await owner.createConversation('empty'), await owner.createConversation('long')];
    await fill(long, 250);
    const stranger = await signUp(app);
    await fill(await stranger.createConversation('another user’s'), 3);
    expect(empty).not.toBe(long);
  });
  afterAll(() => app.close());

  const expected = [
    { title: 'long', texts: Array.from({ length: 250 }, (_, index) => String(index + 1)) },
    { title: 'empty', texts: [] },
  ];
  const summaryOf = (conversations: readonly ExportedConversation[]) =>
    conversations.map(({ title, messages }) => ({ title, texts: messages.map(({ content }) => content.text) }));

  it('is a JSON file of every conversation with its messages, newest first and oldest first', async () => {
    const response = await exportOf(owner, '?format=json');
    expect([
      response.status,
      response.headers.get('content-type'),
      response.headers.get('content-disposition'),
    ]).toEqual([200, 'application/json; charset=utf-8', 'attachment; filename="conversations.json"']);
    const conversations = (await response.json()) as readonly ExportedConversation[];
    expect(summaryOf(conversations)).toEqual(expected);
    const listed = await owner.rest('GET', '/conversations');
    expect(conversations.map(({ messages: _, ...conversation }) => conversation)).toEqual(listed.body.data);
    const [first] = conversations;
    const messages = await owner.rest('GET', `/conversations/${first?.conversation_id ?? ''}/messages?limit=100`);
    expect(first?.messages.slice(0, 100)).toEqual(messages.body.data);
  });

  it.each([
    ['?format=ndjson', {}],
    ['', { accept: 'application/x-ndjson' }],
    ['', { accept: 'application/json;q=0, */*' }],
    ['?format=ndjson', { accept: 'application/json' }],
  ])('is a line of JSON a conversation where that is asked for (%j, %j)', async (query, headers) => {
    const response = await exportOf(owner, query, headers);
    expect(response.headers.get('content-type')).toBe('application/x-ndjson; charset=utf-8');
    expect(response.headers.get('content-disposition')).toBe('attachment; filename="conversations.ndjson"');
    const text = await response.text();
    expect(text.endsWith('\n')).toBe(true);
    const lines = text.trimEnd().split('\n');
    expect(summaryOf(lines.map((line) => JSON.parse(line) as ExportedConversation))).toEqual(expected);
  });

  it.each([{}, { accept: '*/*' }, { accept: 'application/json' }, { accept: 'text/html' }])(
    'is a list in the envelope, with counts, where no file is asked for (%j)',
    async (headers) => {
      const answer = await owner.rest('GET', '/conversations/export', undefined, headers);
      expect(answer.headers.get('content-disposition')).toBeNull();
      const id = expect.any(String);
      expect(answer.body).toEqual({
        code: 200,
        message: 'Success',
        data: [
          { conversation_id: id, title: 'long', message_count: 250 },
          { conversation_id: id, title: 'empty', message_count: 0 },
        ],
      });
    },
  );

  it('is a list in the envelope, written as it is read, of any length', async () => {
    const writer = await signUp(app);
    const list = async (headers: Record<string, string> = {}) => {
      const response = await exportOf(writer, '', headers);
      const { status, headers: answered } = response;
      expect([status, answered.get('content-type')]).toEqual([200, 'application/json; charset=utf-8']);
      return { text: await response.text(), count: answered.get('x-total-count') };
    };
    const expectWhole = async (length: number) => {
      const { conversationSummaries: all } = await writer.ask<{ conversationSummaries: Summary[] }>(
        '{ conversationSummaries { id title messageCount } }',
      );
      expect(all).toHaveLength(length);
      const data = all.map(({ id, title, messageCount }) => ({
        ...{ conversation_id: id, title, message_count: messageCount },
      }));
      const text = JSON.stringify({ code: 200, message: 'Success', data });
      expect(await list()).toEqual({ text, count: null });
      expect(await list({ prefer: 'count=exact' })).toEqual({ text, count: String(length) });
      const { conversationSummaries: part } = await writer.ask<{ conversationSummaries: Summary[] }>(
        'query ($afterId: ID) { conversationSummaries(first: 2, afterId: $afterId) { id title messageCount } }',
        { afterId: all[length - 3]?.id ?? null },
      );
      expect(part).toEqual(all.slice(Math.max(0, length - 2)));
    };
    await begin(writer, 99);
    await expectWhole(99);
    await begin(writer, 1);
    await expectWhole(100);
    await begin(writer, 101);
    await expectWhole(201);
    const refused = await writer.graphql('{ conversationSummaries(first: 0, afterId: "x") { id } }');
    expect(refused.errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  it('of nothing is an empty list, or no line', async () => {
    const newcomer = await signUp(app);
    expect((await newcomer.rest('GET', '/conversations/export')).body.data).toEqual([]);
    expect(await (await exportOf(newcomer, '?format=json')).text()).toBe('[]');
    expect(await (await exportOf(newcomer, '?format=ndjson')).text()).toBe('');
  });

  it('is a subscription that ends over GraphQL', async () => {
    const results = await collect(owner.eventStream<{ exportConversations: Record<string, unknown> }>(PARTS));
    expect(results.map(({ data }) => Object.keys(data?.exportConversations ?? {})[0])).toEqual([
      'conversation',
      'messages',
      'messages',
      'messages',
      'conversation',
    ]);
  });

  it('answers a stranger and an unknown format in the envelope', async () => {
    const stranger = await fetch(`${app.url}/api/v1/conversations/export`);
    expect([stranger.status, await stranger.json()]).toMatchObject([401, { message: 'Missing credentials' }]);
    const unknown = await exportOf(owner, '?format=xml');
    expect([unknown.status, await unknown.json()]).toMatchObject([
      422,
      { data: { errors: [{ field: 'format', message: 'must be one of json, ndjson' }] } },
    ]);
  });

  it('is read from the database no faster than its client reads it', async () => {
    const writer = await signUp(app);
    await begin(writer, 3_000, 'x'.repeat(6_000));
    const response = await exportOf(writer);
    if (response.body === null) throw new Error('The answer has no body');
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    let text = (await reader.read()).value ?? '';
    // More than connections buffer is yet to come.
    const { rows } = await app.database.query<{ id: string }>(
      'DELETE FROM conversations WHERE id = (SELECT id FROM conversations WHERE user_id = $1 ORDER BY id LIMIT 1) RETURNING id',
      [writer.userId],
    );
    for (let part = await reader.read(); part.value !== undefined; part = await reader.read()) text += part.value;
    const { data } = JSON.parse(text) as { readonly data: readonly { readonly conversation_id: string }[] };
    expect(text.length).toBeGreaterThan(18_000_000);
    expect(data).toHaveLength(2_999);
    expect(data.map(({ conversation_id }) => conversation_id)).not.toContain(rows[0]?.id);
  });

  it('takes no more memory for a hundred thousand messages', async () => {
    const writer = await signUp(app);
    const conversationId = await writer.createConversation('very long');
    await fill(conversationId, 100_000, 'x'.repeat(200));
    const response = await exportOf(writer, '?format=json');
    let bytes = 0;
    let nextSample = 0;
    const heap: number[] = [];
    for await (const chunk of response.body ?? []) {
      bytes += (chunk as Uint8Array).length;
      if (bytes < nextSample) continue;
      nextSample = bytes + 4_000_000;
      heap.push(await app.heapUsed());
    }
    expect(bytes).toBeGreaterThan(40_000_000);
    const [start = 0] = heap;
    expect(Math.max(...heap) - start).toBeLessThan(10_000_000);
  });
});
