import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { Actor, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { rawRequest } from '../support/raw-request.js';
import { stores } from '../support/servers.js';
import * as wire from '../support/wire.js';

const PLAN = { price: 0, daily_messages: 9_000, daily_tokens: 9_000_000, max_conversations: 900, max_file_uploads: 99 };
const STRICT = { prefer: 'handling=strict' };
const UNKNOWN = 'is not a known field';
/** Fields of a conversation that no body may set. */
const READ_ONLY = ['conversation_id', 'user_id', 'created_at', 'updated_at', 'message_count', 'unread_count'];
const messages = z.array(wire.message);

/** Keys that objects inherit, at every level. */
const TRICKY =
  '{"__proto__":{"a":1,"__proto__":[2]},"constructor":{"prototype":{"b":1}},"toString":"c","list":[{"__proto__":null}],"text":"t"}';

/** What clients that exist send, and rely on in answers, beyond the routes themselves. */
describe.each(stores)('the wire of REST on %s', (on) => {
  let app: TestApp;
  let owner: Actor & { readonly userId: string };

  beforeAll(async () => {
    const settings = { PLANS: JSON.stringify({ free: PLAN, pro: PLAN }) };
    app = await startTestApp({ stores: on, settings });
    owner = await signUp(app);
  });
  afterAll(() => app.close());

  const begin = async (title = 'a title', actor: Actor = owner) =>
    wire.dataOf(await actor.rest('POST', '/conversations', { title }), wire.conversation);
  const insertMessage = (conversationId: string, body: object) =>
    owner.rest('POST', `/conversations/${conversationId}/messages`, body);

  describe('input', () => {
    it.each(['true', 'True', 'TRUE', '1', 'yes', 'On'])('stream=%s streams', async (word) => {
      app.model.reply({ chunks: ['Hi'], usage: 1 });
      const user = await signUp(app);
      const response = await fetch(`${app.url}/api/v1/chat?stream=${word}`, {
        method: 'POST',
        headers: { ...user.headers, 'content-type': 'application/json' },
        body: '{"message":"hello"}',
      });
      expect([response.headers.get('content-type'), await response.text()]).toEqual([
        'text/plain; charset=utf-8',
        'Hi',
      ]);
    });

    it.each(['false', 'False', '0', 'no', 'OFF'])('stream=%s does not', async (word) => {
      app.model.reply({ chunks: ['Hi'], usage: 1 });
      const user = await signUp(app);
      expect(
        wire.dataOf(await user.rest('POST', `/chat?stream=${word}`, { message: 'hello' }), wire.chat),
      ).toMatchObject({
        response: 'Hi',
        tokens: 1,
      });
    });

    it.each(['', 'y', 'truely', 'null', ' true'])('stream=%j is neither', async (word) => {
      const answer = await owner.rest('POST', `/chat?stream=${encodeURIComponent(word)}`, { message: 'hello' });
      wire.expectFaults(answer, { stream: 'must be true or false' });
    });

    it('has unknown keys, which are ignored, or faults for a client that is strict', async () => {
      const begun = await begin();
      const path = `/conversations/${begun.conversation_id}`;
      const cases: [string, string, object, readonly string[]][] = [
        ['POST', '/conversations', { title: 'x', color: 1, __typename: 'C' }, ['color', '__typename']],
        ['PATCH', path, { ...begun, color: 1 }, [...READ_ONLY, 'color']],
        ['POST', '/auth/logout', { any: 'thing' }, []],
        ['PATCH', '/users/me', { user_id: 7, last_login: 7, profile: {}, age: 3 }, ['user_id', 'last_login', 'age']],
        ['POST', '/auth/request-reset', { email: 'a@example.com', x: null }, ['x']],
      ];
      for (const [method, route, body, unknown] of cases) {
        const actor = route === '/auth/logout' ? await signUp(app) : owner;
        const answer = await actor.rest(method, route, body);
        expect([route, answer.status]).toEqual([route, 200]);
        expect(answer.headers.get('preference-applied')).toBeNull();
        if (unknown.length === 0) continue;
        const refused = await actor.rest(method, route, body, STRICT);
        wire.expectFaults(refused, Object.fromEntries(unknown.map((name) => [name, UNKNOWN])));
        expect(refused.headers.get('preference-applied')).toBe('handling=strict');
      }
      const good = await owner.rest('PATCH', path, { title: 'y' }, STRICT);
      expect([good.status, good.headers.get('preference-applied')]).toEqual([200, 'handling=strict']);
    });

    it.each([
      ['profile', 'PATCH', '/users/me', (json: string) => `{"profile":${json}}`],
      ['content and extra', 'POST', '', (json: string) => `{"message_type":"x","content":${json},"extra":${json}}`],
    ])('keeps every key of %s, whatever it is called', async (_what, method, route, bodyOf) => {
      const { conversation_id } = await begin();
      const { json } = await rawRequest(Number(new URL(app.url).port), {
        method,
        path: `/api/v1${route === '' ? `/conversations/${conversation_id}/messages` : route}`,
        headers: { ...owner.headers, 'content-type': 'application/json' },
        body: bodyOf(TRICKY),
      });
      const { data } = json as { data: Record<string, unknown> };
      const kept = [data['profile'] ?? data['content'], data['extra'] ?? data['profile']];
      for (const value of kept) expect(sorted(value)).toBe(sorted(JSON.parse(TRICKY)));
      expect({}).not.toHaveProperty('a');
    });

    it('keeps them over GraphQL too, in variables and in literals', async () => {
      const { conversation_id: conversationId } = await begin();
      const content: unknown = JSON.parse(TRICKY);
      const fields = '{ message { content extra } }';
      const byVariable = `mutation ($input: CreateMessageInput!) { createMessage(input: $input) ${fields} }`;
      const literal = TRICKY.replace(/"(\w+)":/g, '$1:');
      const byLiteral = `mutation { createMessage(input: { conversationId: "${conversationId}", messageType: "x",
        content: ${literal}, extra: ${literal} }) ${fields} }`;
      for (let run = 0; run < 5; run++) {
        const input = { conversationId, messageType: 'x', content, extra: content };
        const user = owner;
        for (const [query, variables] of [
          [byVariable, { input }],
          [byLiteral, {}],
        ] as const) {
          const { createMessage } = await user.ask<{ createMessage: { message: Record<string, unknown> } }>(
            query,
            variables,
          );
          expect(sorted(createMessage.message['content'])).toBe(sorted(content));
          expect(sorted(createMessage.message['extra'])).toBe(sorted(content));
        }
      }
    });

    it('of a file has its name in filename* where that is given, and other parts are ignored', async () => {
      const part = (disposition: string, text: string) =>
        `--x\r\ncontent-disposition: form-data; ${disposition}\r\n\r\n${text}\r\n`;
      const send = (parts: readonly string[], headers: Record<string, string> = {}) =>
        fetch(`${app.url}/api/v1/uploads`, {
          method: 'POST',
          headers: { ...owner.headers, 'content-type': 'multipart/form-data; boundary=x', ...headers },
          body: `${parts.join('')}--x--\r\n`,
        }).then(async (response) => (await response.json()) as { code: number; data: Record<string, unknown> });
      for (const [disposition, filename] of [
        [`name="file"; filename="a.txt"; filename*=UTF-8''%e2%82%ac.txt`, '€.txt'],
        [`name="file"; filename*=UTF-8''%e2%82%ac.txt; filename="a.txt"`, '€.txt'],
        [`name="file"; filename="a.txt"; filename*=UTF-8''..%2f..%5cC%3a%00%e2%80%ae.txt`, 'C:.txt'],
        [`name="file"; filename="a.txt"; filename*=UTF-8''${'%f0%9f%98%80'.repeat(100)}`, '😀'.repeat(63)],
        [`name="file"; filename="a.txt"; filename*=nonsense`, 'a.txt'],
      ] as const) {
        expect(await send([part(disposition, 'bytes')])).toMatchObject({ code: 200, data: { filename, size: 5 } });
      }
      const others = [
        part('name="note"', 'n'),
        part('name="other"; filename="o"', 'not this'),
        part('name="file"; filename="f"', 'this'),
      ];
      expect(await send([...others, part('name="after"', 'a')])).toMatchObject({
        code: 200,
        data: { filename: 'f', size: 4 },
      });
      expect(await send(others, STRICT)).toMatchObject({
        code: 422,
        data: {
          errors: [{ field: 'note', message: UNKNOWN }, { field: 'other', message: UNKNOWN }, { field: 'file' }],
        },
      });
      expect(await send([others[0] ?? '', others[2] ?? '', part('name="after"', 'a')], STRICT)).toMatchObject({
        code: 422,
      });
    });
  });

  describe('tokens', () => {
    it('say when they expire, and are refreshed by a header or a body', async () => {
      const { credentials } = owner;
      const stranger = new Actor(app.url);
      const login = wire.dataOf(await stranger.rest('POST', '/auth/login', credentials), wire.tokens);
      expect(login.expires_in).toBe(3_600);
      const refresh = (body?: unknown, headers?: Record<string, string>) =>
        stranger.rest('POST', '/auth/refresh', body, headers);
      const second = wire.dataOf(await refresh({ refresh_token: login.refresh_token, other: 1 }), wire.tokens);
      const third = wire.dataOf(await refresh(undefined, { 'x-refresh-token': second.refresh_token }), wire.tokens);
      const empty = { 'content-type': 'application/json', 'x-refresh-token': third.refresh_token };
      const fourth = wire.dataOf(await refresh(undefined, empty), wire.tokens);
      // The header stands before the body; an empty one is none.
      const both = { 'x-refresh-token': fourth.refresh_token };
      const fifth = wire.dataOf(await refresh({ refresh_token: 'nonsense' }, both), wire.tokens);
      const sixth = await refresh({ refresh_token: fifth.refresh_token }, { 'x-refresh-token': '' });
      expect(wire.dataOf(sixth, wire.tokens).expires_in).toBe(3_600);
    });

    it.each([[undefined], [{}], [{ token: 'x' }]])('are not refreshed by %j', async (body) => {
      const answer = await new Actor(app.url).rest('POST', '/auth/refresh', body);
      wire.expectFaults(answer, { 'X-Refresh-Token': 'is required, here or as refresh_token in the body' });
    });

    it.each([
      [{ refresh_token: 7 }, { refresh_token: 'must be a string' }],
      [{ refresh_token: null }, { refresh_token: 'must not be null' }],
    ])('are not refreshed by %j', async (body, faults) => {
      wire.expectFaults(await new Actor(app.url).rest('POST', '/auth/refresh', body), faults);
    });

    it('that are wrong are refused, wherever they are', async () => {
      const stranger = new Actor(app.url);
      wire.expectError(await stranger.rest('POST', '/auth/refresh', { refresh_token: '' }), 401, 'Invalid token');
      const header = { 'x-refresh-token': 'x' };
      wire.expectError(await stranger.rest('POST', '/auth/refresh', undefined, header), 401, 'Invalid token');
    });
  });

  describe('a list', () => {
    const linksOf = (headers: Headers) =>
      Object.fromEntries(
        [...(headers.get('link') ?? '').matchAll(/<([^>]*)>; rel="(\w+)"/g)].map(([, url = '', rel = '']) => [
          rel,
          url,
        ]),
      );

    it('leads to its next and previous page, and keeps the other parameters', async () => {
      const reader = await signUp(app);
      for (let index = 0; index < 5; index++) await begin(`café & ${index}`, reader);
      const seen: unknown[] = [];
      let url: string | undefined = `${app.url}/api/v1/conversations?q=caf%C3%A9+%26&limit=2&other=a&other=b`;
      const pages: Record<string, string>[] = [];
      while (url !== undefined) {
        const response = await fetch(url, { headers: reader.headers });
        seen.push(...((await response.json()) as { data: { title: string }[] }).data.map(({ title }) => title));
        const links = linksOf(response.headers);
        pages.push(links);
        url = links['next'];
      }
      expect(seen).toEqual([4, 3, 2, 1, 0].map((index) => `café & ${index}`));
      const page = (skip: number) =>
        `${app.url}/api/v1/conversations?q=caf%C3%A9+%26&limit=2&other=a&other=b&skip=${skip}`;
      expect(pages).toEqual([{ next: page(2) }, { prev: page(0), next: page(4) }, { prev: page(2) }]);
      const whole = await reader.rest('GET', '/conversations?limit=5');
      expect(whole.headers.get('link')).toBeNull();
    });

    it('leads on from every list with pages', async () => {
      const { conversation_id } = await begin();
      for (const _ of [1, 2]) await insertMessage(conversation_id, { content: { text: 'needle' }, message_type: 'x' });
      for (const path of [
        `/conversations/${conversation_id}/messages`,
        '/messages/search?q=needle',
        '/conversations',
        '/uploads',
      ]) {
        const { headers } = await owner.rest('GET', `${path}${path.includes('?') ? '&' : '?'}limit=1`);
        expect([path, Object.keys(linksOf(headers))]).toEqual([path, ['next']]);
      }
    });

    it('is counted for who asks for that, and for nobody else', async () => {
      const reader = await signUp(app);
      const { conversation_id } = await begin('counted', reader);
      for (const _ of [1, 2]) await begin('counted', reader);
      const counts: [string, string | null][] = [
        ['/conversations?limit=1', '3'],
        ['/conversations?q=nothing', '0'],
        [`/conversations/${conversation_id}/messages`, '0'],
        ['/user/usage', '0'],
        ['/auth/sessions', '1'],
        ['/plans', null],
        [`/conversations/${conversation_id}`, null],
      ];
      for (const [path, total] of counts) {
        const counted = await reader.rest('GET', path, undefined, { prefer: 'return=minimal, Count="exact"' });
        expect([path, counted.headers.get('x-total-count')]).toEqual([path, total]);
        expect(counted.headers.get('preference-applied')).toBe(total === null ? null : 'count=exact');
        const plain = await reader.rest('GET', path, undefined, { prefer: 'count=estimated' });
        expect([plain.headers.get('x-total-count'), plain.headers.get('preference-applied')]).toEqual([null, null]);
      }
    });
  });

  describe('a version', () => {
    const versioned = async (kind: string) => {
      const { conversation_id } = await begin();
      if (kind === 'conversation')
        return { path: `/conversations/${conversation_id}`, change: (title: string) => ({ title }) };
      const written = wire.dataOf(
        await insertMessage(conversation_id, { content: { text: 'x' }, message_type: 'user' }),
        wire.message,
      );
      return { path: `/messages/${written.message_id}`, change: (text: string) => ({ content: { text } }) };
    };
    const tagOf = ({ headers }: { readonly headers: Headers }) => {
      const tag = headers.get('etag') ?? '';
      expect(tag).toMatch(/^"[\w-]{22}"$/);
      return tag;
    };

    describe.each(['conversation', 'message'])('of a %s', (kind) => {
      it('is in its answers, and another after each change', async () => {
        const { path, change } = await versioned(kind);
        const read = tagOf(await owner.rest('GET', path));
        expect(tagOf(await owner.rest('GET', path))).toBe(read);
        const changed = tagOf(await owner.rest('PATCH', path, change('other')));
        expect(changed).not.toBe(read);
        expect(tagOf(await owner.rest('GET', path))).toBe(changed);
        const fresh = await fetch(`${app.url}/api/v1${path}`, {
          headers: { ...owner.headers, 'if-none-match': `"x", W/${changed}` },
        });
        expect([fresh.status, await fresh.text(), fresh.headers.get('etag')]).toEqual([304, '', changed]);
        expect((await owner.rest('GET', path, undefined, { 'if-none-match': read })).status).toBe(200);
      });

      it('lets one of many changes at once pass that know it', async () => {
        const { path, change } = await versioned(kind);
        const tag = tagOf(await owner.rest('GET', path));
        const answers = await Promise.all(
          Array.from({ length: 8 }, (_, index) =>
            owner.rest('PATCH', path, change(`change ${index}`), { 'if-match': tag }),
          ),
        );
        expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array.from({ length: 7 }, () => 412)]);
        for (const answer of answers.filter(({ status }) => status !== 200)) {
          wire.expectError(answer, 412, 'Precondition failed');
        }
      });

      it('holds a change to what was read', async () => {
        const { path, change } = await versioned(kind);
        const tag = tagOf(await owner.rest('GET', path));
        for (const bad of ['"x"', `W/${tag}`, tag.replaceAll('"', ''), '""', `"x", W/${tag}`, '']) {
          const headers = { 'if-match': bad };
          wire.expectError(await owner.rest('PATCH', path, change('no'), headers), 412, 'Precondition failed');
          wire.expectError(await owner.rest('DELETE', path, undefined, headers), 412, 'Precondition failed');
        }
        const good = await owner.rest('PATCH', path, change('yes'), { 'if-match': `"x", ${tag}` });
        const next = tagOf(good);
        expect((await owner.rest('PATCH', path, change('any'), { 'if-match': '*' })).status).toBe(200);
        wire.expectError(await owner.rest('DELETE', path, undefined, { 'if-match': next }), 412, 'Precondition failed');
        const present = tagOf(await owner.rest('GET', path));
        expect((await owner.rest('DELETE', path, undefined, { 'if-match': present })).status).toBe(200);
        expect((await owner.rest('DELETE', path, undefined, { 'if-match': present })).status).toBe(404);
      });
    });

    it('is the same over GraphQL, as an argument', async () => {
      const { conversation_id: id } = await begin();
      const tag = tagOf(await owner.rest('GET', `/conversations/${id}`));
      const { conversation } = await owner.ask<{ conversation: { version: string } }>(
        'query ($id: ID!) { conversation(id: $id) { version } }',
        { id },
      );
      expect(`"${conversation.version}"`).toBe(tag);
      const update = `mutation ($id: ID!, $versions: [String!]) {
        updateConversation(id: $id, input: { title: "new" }, ifVersion: $versions) { version } }`;
      await owner.ask(update, { id, versions: [conversation.version] });
      const late = await owner.graphql(update, { id, versions: [conversation.version] });
      expect(late.errors).toMatchObject([
        { message: 'Precondition failed', extensions: { code: 'PRECONDITION_FAILED' } },
      ]);
      await owner.ask(update, { id, versions: null });
    });
  });

  it('a message without a text is given to the model as JSON, and remembered so', async () => {
    const asker = await signUp(app);
    const { conversation_id } = await begin('JSON', asker);
    const content = { city: 'Funchal', days: [1, 2] };
    app.model.reply({ chunks: ['Nice.'], usage: 3 }, { chunks: ['Yes.'], usage: 3 });
    const first = app.model.requests.length;
    const path = `/conversations/${conversation_id}/messages`;
    const body = { content, message_type: 'user', invoke_llm: true };
    expect(wire.dataOf(await asker.rest('POST', path, body), wire.message).content).toEqual(content);
    wire.dataOf(await asker.rest('POST', path, { ...body, content: { text: 'Really?' } }), wire.message);
    const asked = await app.model.request(first);
    expect(asked.messages.at(-1)).toEqual({ role: 'user', content: JSON.stringify(content) });
    const again = await app.model.request(first + 1);
    expect(again.messages.slice(1).map(({ content: text }) => text)).toEqual([
      JSON.stringify({ city: 'Funchal', days: [1, 2] }),
      'Nice.',
      'Really?',
    ]);
  });

  describe('a chat whose model fails', () => {
    const failure = { error: { status: 400, message: 'no' } };
    const ask = (actor: Actor, conversation_id: string, query = '') =>
      actor.rest('POST', `/chat${query}`, { message: 'hello', conversation_id });
    const stored = async (actor: Actor, id: string) =>
      wire.dataOf(await actor.rest('GET', `/conversations/${id}/messages`), messages);

    it.each(['', '?stream=true', '/stream'])('before any text stores nothing but usage%s', async (query) => {
      const asker = await signUp(app);
      const { conversation_id } = await begin('failing', asker);
      app.model.reply(failure, { chunks: ['Hi.'], usage: 3 });
      const refused = await ask(asker, conversation_id, query);
      wire.expectError(refused, 502, 'OpenAI request failed', { source: 'openai', reason: expect.any(String) });
      expect(await stored(asker, conversation_id)).toEqual([]);
      const usage = (await asker.rest('GET', '/user/usage')).body.data;
      expect(usage).toMatchObject([{ message_count: 0, token_count: 0 }]);
      // The client simply asks again.
      wire.dataOf(await ask(asker, conversation_id), wire.chat);
      const kept = await stored(asker, conversation_id);
      expect(kept.map(({ message_type, status }) => [message_type, status])).toEqual([
        ['user', 'complete'],
        ['ai', 'complete'],
      ]);
      expect(kept[1]?.reply_to).toBe(kept[0]?.message_id);
    });

    it('tells who follows the conversation that they are gone', async () => {
      const asker = await signUp(app);
      const { conversation_id } = await begin('followed', asker);
      const events = asker.webSocket<{ conversationEvents: { __typename: string } }>(
        'subscription ($id: ID!) { conversationEvents(conversationId: $id) { __typename } }',
        { id: conversation_id },
      );
      const seen: (string | undefined)[] = [];
      const reading = (async () => {
        for await (const { data } of events) {
          seen.push(data?.conversationEvents.__typename);
          if (seen.filter((name) => name === 'MessageDeleted').length === 2) return;
        }
      })();
      // The subscription may open later than a first question: asks until it was heard.
      while (!seen.includes('MessageDeleted')) {
        app.model.reply(failure);
        expect((await ask(asker, conversation_id)).status).toBe(502);
      }
      await reading;
      events.close();
      expect(await stored(asker, conversation_id)).toEqual([]);
    });

    it('after some text keeps both; and over GraphQL both are kept anyway', async () => {
      const asker = await signUp(app);
      const { conversation_id } = await begin('kept', asker);
      app.model.reply(failure);
      const { errors } = await asker.graphql('mutation ($input: ChatInput!) { chat(input: $input) { response } }', {
        input: { message: 'hello', conversationId: conversation_id },
      });
      expect(errors?.[0]?.extensions.code).toBe('UPSTREAM_FAILED');
      expect((await stored(asker, conversation_id)).map(({ status }) => status)).toEqual(['complete', 'failed']);
    });
  });

  it('limited calls say what is left, and when more is', async () => {
    const limited = await startTestApp({
      stores: on,
      settings: {
        PLANS: JSON.stringify({ free: PLAN }),
        RATE_LIMIT_MESSAGE: '3/60',
        RATE_LIMIT_CHAT: '3/60',
        RATE_LIMIT_LOGIN: '3/60',
      },
    });
    try {
      const actor = await signUp(limited);
      const { conversation_id } = await begin('limited', actor);
      const message = { content: { text: 'x' }, message_type: 'user' };
      const calls: Record<string, () => ReturnType<Actor['rest']>> = {
        messages: () => actor.rest('POST', `/conversations/${conversation_id}/messages`, message),
        login: () => actor.rest('POST', '/auth/login', { email: 'nobody@example.com', password: 'wrong password' }),
        chat: () => actor.rest('POST', '/chat', { message: 'hello' }),
      };
      for (const [name, call] of Object.entries(calls)) {
        const answers = await Promise.all([call(), call(), call(), call()]);
        const headers = answers.map(({ status, headers: h }) => ({
          refused: status === 429,
          limit: h.get('ratelimit-limit'),
          remaining: h.get('ratelimit-remaining'),
        }));
        expect([name, headers.sort((one, other) => Number(other.remaining) - Number(one.remaining))]).toEqual([
          name,
          [
            { refused: false, limit: '3', remaining: '2' },
            { refused: false, limit: '3', remaining: '1' },
            { refused: expect.any(Boolean), limit: '3', remaining: '0' },
            { refused: expect.any(Boolean), limit: '3', remaining: '0' },
          ],
        ]);
        const refused = answers.filter(({ status }) => status === 429);
        expect(refused).toHaveLength(1);
        expect(refused[0]?.headers.get('ratelimit-reset')).toBe(refused[0]?.headers.get('retry-after'));
        for (const { headers: h } of answers) expect(Number(h.get('ratelimit-reset'))).toBeGreaterThan(0);
      }
      expect((await actor.rest('GET', '/users/me')).headers.get('ratelimit-limit')).toBeNull();
    } finally {
      await limited.close();
    }
  });

  it('pages of other origins may read the headers of answers', async () => {
    const response = await fetch(`${app.url}/api/v1/health`, { headers: { origin: 'https://app.example.com' } });
    const exposed = response.headers.get('access-control-expose-headers');
    if (exposed === null) return;
    for (const name of ['ETag', 'Link', 'X-Total-Count', 'RateLimit-Remaining', 'Content-Disposition', 'Retry-After'])
      expect(exposed.split(', ')).toContain(name);
  });
});

/** JSON with the keys of objects in order, which the database does not keep. */
function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join()}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1));
  return `{${entries.map(([name, item]) => `${JSON.stringify(name)}:${sorted(item)}`).join()}}`;
}
