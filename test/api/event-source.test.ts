import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { signUp, type Actor, type RestAnswer } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { startChild } from '../support/child-process.js';
import { eventually } from '../support/eventually.js';
import { startFaultProxy, type FaultProxy } from '../support/fault-proxy.js';
import type { ScriptedReply } from '../support/model-server.js';
import { askModel, CREATE_MESSAGE, readReply, ROOMY_PLANS, streamingDoors } from '../support/replies.js';
import { stores } from '../support/servers.js';
import * as wire from '../support/wire.js';

const CHUNKS = ['The ', 'sky ', 'is ', 'blue.'];

const told = z.object({
  type: z.enum(['open', 'delta', 'completed', 'failed', 'reconnecting', 'closed']),
  id: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
});

type Told = z.infer<typeof told>;

/** What an EventSource tells, from its first connection until it closes for good. */
async function* followed(kind: 'package' | 'node', url: string) {
  const child = startChild('event-source-process.ts', [kind, url], { NODE_OPTIONS: '--experimental-eventsource' });
  for await (const report of child.reports) yield told.parse(report);
  expect(await child.ended).toMatchObject({ code: 0 });
}

describe.each(stores)("a reply's stream for an EventSource on %s", (on) => {
  let app: TestApp;
  let owner: Actor;
  let conversationId: string;
  let proxy: FaultProxy;

  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { PLANS: ROOMY_PLANS } });
    owner = await signUp(app);
    conversationId = await owner.createConversation();
    proxy = await startFaultProxy({ host: '127.0.0.1', port: Number(new URL(app.url).port) });
  });
  afterAll(async () => {
    await proxy.close();
    await app.close();
  });

  const stream = (id: string, search = '', headers: Record<string, string> = owner.headers) =>
    fetch(`${app.url}/api/v1/messages/${id}/stream${search}`, { headers });

  async function ticketFor(actor: Actor, id: string) {
    const answer = await actor.rest('POST', `/messages/${id}/stream-ticket`);
    return wire.dataOf(answer, wire.streamTicket);
  }

  /** @returns the id of a reply that has ended, and the number of its last event */
  async function endedReply(reply: ScriptedReply = { chunks: CHUNKS }) {
    app.model.reply(reply);
    const id = await askModel(owner, conversationId);
    return { id, last: (await readReply(owner, 'webSocket', id)).length };
  }

  const statusesOf = (id: string) =>
    app.logged.filter(({ path }) => path === `/api/v1/messages/${id}/stream`).map(({ status }) => status);

  it.each(['package', 'node'] as const)('is read, cut, resumed and ended once (%s)', async (kind) => {
    const gate = Promise.withResolvers<undefined>();
    app.model.reply({ chunks: CHUNKS, delayMs: 40, hold: { after: 2, until: gate.promise }, usage: 9 });
    const id = await askModel(owner, conversationId);
    const { ticket, url } = await ticketFor(owner, id);
    expect(url).toBe(`${app.url}/api/v1/messages/${id}/stream?ticket=${ticket}`);
    const events: Told[] = [];
    const course: string[] = [];
    let text = '';
    const address = url.replace(app.url, `http://127.0.0.1:${proxy.port}`);
    for await (const event of followed(kind, address)) {
      if (event.data === undefined) course.push(event.type);
      else events.push(event);
      if (event.type === 'delta') text += String(event.data?.['text']);
      if (event.type === 'delta' && text === 'The sky ') proxy.reset();
      if (event.type === 'reconnecting') gate.resolve(undefined);
    }
    expect(text).toBe(CHUNKS.join(''));
    expect(events.map((event) => event.id)).toEqual(events.map((_, index) => String(index + 1)));
    expect(events.map(({ data }) => data?.['sequence'])).toEqual(events.map((_, index) => index + 1));
    expect(events.at(-1)).toMatchObject({ type: 'completed', data: { response: text, tokens: 9, message_id: id } });
    // After the end it connects once more, is told that there is nothing more, and does not come back.
    expect(course).toEqual(['open', 'reconnecting', 'open', 'reconnecting', 'closed']);
    await eventually(
      () => Promise.resolve(statusesOf(id)),
      (statuses) => statuses.length === 3,
    );
    expect(statusesOf(id)).toEqual([200, 200, 204]);
    expect(JSON.stringify(app.logged)).not.toContain(ticket);
  });

  it('says when to connect again, names each event, and is neither cached nor buffered', async () => {
    const { id, last } = await endedReply();
    const response = await stream(id);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    });
    const text = await response.text();
    expect(text).toMatch(/^retry: \d+\nid: 1\n/);
    expect(text.match(/^retry: /gm)).toHaveLength(1);
    expect(text.match(/^id: \d+$/gm)).toHaveLength(last);
  });

  it.each<[string, ScriptedReply, string]>([
    ['complete', { chunks: CHUNKS }, 'completed'],
    ['cut short', { chunks: CHUNKS, cutAfter: 2 }, 'failed'],
    ['failed before any text', { error: { status: 400 } }, 'failed'],
  ])('of a reply that is %s ends once on every door', async (_, reply, end) => {
    const { id, last } = await endedReply(reply);
    const before = String(last - 1);
    const onceMore = await (await stream(id, '', { ...owner.headers, 'last-event-id': before })).text();
    expect(onceMore).toMatch(new RegExp(`^retry: \\d+\nid: ${last}\nevent: ${end}\n.*\n\n$`));
    for (const after of [last, last + 1, 2 ** 31 - 2]) {
      expect((await stream(id, `?after=${after}`)).status).toBe(204);
      const response = await stream(id, '', { ...owner.headers, 'last-event-id': String(after) });
      expect([response.status, await response.text()]).toEqual([204, '']);
      for (const door of streamingDoors) expect(await readReply(owner, door, id, after)).toEqual([]);
    }
    // A browser connects again with the URL that it began with.
    expect((await stream(id, '?after=0', { ...owner.headers, 'last-event-id': String(last) })).status).toBe(204);
  });

  it('of a reply that streams ends without an event for a reader who claims to be ahead', async () => {
    const gate = Promise.withResolvers<undefined>();
    app.model.reply({ chunks: CHUNKS, hold: { after: 1, until: gate.promise } });
    const id = await askModel(owner, conversationId);
    const response = stream(id, '?after=99');
    gate.resolve(undefined);
    expect(await (await response).text()).not.toContain('event:');
  });

  it('of an edited reply is told to the end, once, to a reader who had seen a part of it', async () => {
    const { id, last } = await endedReply({ chunks: CHUNKS, delayMs: 40 });
    await owner.rest('PATCH', `/messages/${id}`, { content: { text: 'Violet.' } });
    expect((await stream(id, `?after=${last}`)).status).toBe(204);
    const numbersAfter = async (after: number) =>
      [...(await (await stream(id, `?after=${after}`)).text()).matchAll(/^id: (\d+)$/gm)].map(([, number]) => number);
    expect(await numbersAfter(0)).toEqual(['1', '2']);
    expect((await stream(id, '?after=2')).status).toBe(204);
    expect(await numbersAfter(40)).toEqual(['41']);
    expect((await stream(id, '?after=41')).status).toBe(204);
  });

  it.each(['-1', '1.5', 'abc', '2147483647', '99999999999999999999', '1, 2'])(
    'refuses the Last-Event-ID %s for good',
    async (lastEventId) => {
      const { id } = await endedReply();
      expect((await stream(id, '', { ...owner.headers, 'last-event-id': lastEventId })).status).toBe(422);
    },
  );

  it('of a message that was deleted is told so, and then is not found', async () => {
    app.model.reply({ chunks: CHUNKS, stallAfter: 1 });
    const id = await askModel(owner, conversationId);
    const response = await stream(id);
    await owner.rest('DELETE', `/messages/${id}`);
    expect(await response.text()).toMatch(/\nevent: failed\ndata: .*"code":"DELETED".*\n\n$/);
    expect((await stream(id, '?after=1')).status).toBe(404);
  });

  it('of a chat tells its end and asks nobody to send the question again', async () => {
    const ask = () =>
      fetch(`${app.url}/api/v1/chat?stream=true`, {
        method: 'POST',
        headers: { ...owner.headers, accept: 'text/event-stream', 'content-type': 'application/json' },
        body: JSON.stringify({ message: 'hello' }),
      }).then((response) => response.text());
    app.model.reply({ chunks: CHUNKS }, { chunks: CHUNKS, cutAfter: 1 });
    for (const end of ['completed', 'failed']) {
      const text = await ask();
      expect(text).toMatch(new RegExp(`event: ${end}\ndata: .*\n\n$`));
      expect(text).not.toContain('retry:');
    }
  });

  describe('with a ticket', () => {
    const refused = (answer: Pick<RestAnswer, 'status' | 'body'>, message = 'Invalid token') => {
      expect(answer).toMatchObject({ status: 401, body: { code: 401, message, data: null } });
    };
    const get = async (path: string, headers: Record<string, string> = {}) => {
      const response = await fetch(`${app.url}/api/v1${path}`, { headers });
      return { status: response.status, body: (await response.json()) as RestAnswer['body'] };
    };

    it('is had over GraphQL too, and can be read again and again', async () => {
      const { id, last } = await endedReply();
      const { createStreamTicket } = await owner.ask<{ createStreamTicket: Record<string, unknown> }>(
        'mutation ($id: ID!) { createStreamTicket(messageId: $id) { ticket expiresIn url } }',
        { id },
      );
      const { ticket, expiresIn, url } = createStreamTicket;
      expect(expiresIn).toBe(600);
      expect(url).toBe(`${app.url}/api/v1/messages/${id}/stream?ticket=${String(ticket)}`);
      for (const _ of [1, 2]) {
        const text = await (await fetch(String(url))).text();
        expect(text.match(/^id: /gm)).toHaveLength(last);
      }
      expect((await fetch(String(url), { headers: { 'last-event-id': String(last) } })).status).toBe(204);
    });

    it('is refused anything but that stream', async () => {
      const [{ id }, other] = [await endedReply(), await endedReply()];
      const { ticket } = await ticketFor(owner, id);
      refused(await get(`/messages/${other.id}/stream?ticket=${ticket}`));
      refused(await get(`/messages/${id}?ticket=${ticket}`), 'Missing credentials');
      refused(await get(`/users/me?ticket=${ticket}`), 'Missing credentials');
      refused(await get('/users/me', { authorization: `Bearer ${ticket}` }));
      refused(await get(`/messages/${id}/stream`, { authorization: `Bearer ${ticket}` }));
      const graphql = await fetch(`${app.url}/graphql?ticket=${ticket}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query: '{ me { id } }' }),
      });
      expect(await graphql.json()).toMatchObject({ errors: [{ extensions: { code: 'UNAUTHENTICATED' } }] });
    });

    it('is refused any other text', async () => {
      const { id } = await endedReply();
      const { ticket } = await ticketFor(owner, id);
      const [header = '', payload = '', signature = ''] = ticket.split('.');
      const altered = Buffer.from(payload, 'base64url').toString().replace('"exp":', '"exp":9');
      const texts = [
        '',
        'x',
        owner.token ?? '',
        [header, Buffer.from(altered).toString('base64url'), signature].join('.'),
        `${ticket}&ticket=${ticket}`,
      ];
      for (const text of texts) refused(await get(`/messages/${id}/stream?ticket=${text}`));
      // A header decides alone.
      refused(await get(`/messages/${id}/stream?ticket=${ticket}`, { authorization: 'Bearer wrong' }));
    });

    it('ends with the session that asked for it', async () => {
      const user = await signUp(app);
      app.model.reply({ chunks: CHUNKS, stallAfter: 1 });
      const id = await askModel(user, await user.createConversation());
      const { url } = await ticketFor(user, id);
      const response = await fetch(url);
      await user.rest('POST', '/auth/logout');
      const text = await response.text();
      expect(text).toMatch(/event: failed\ndata: {"code":"UNAUTHENTICATED","reason":"Invalid token"}\n\n$/);
      expect((await fetch(url)).status).toBe(401);
    });

    it("is had for a reply of one's own only", async () => {
      const { id } = await endedReply();
      const stranger = await signUp(app);
      wire.expectError(await stranger.rest('POST', `/messages/${id}/stream-ticket`), 404, 'Message not found');
      const { createMessage } = await owner.ask<{ createMessage: { message: { id: string } } }>(CREATE_MESSAGE, {
        input: { conversationId, content: { text: 'a note' }, messageType: 'user' },
      });
      wire.expectFaults(await owner.rest('POST', `/messages/${createMessage.message.id}/stream-ticket`), {
        message_id: 'is not a reply of the model',
      });
      wire.expectFaults(await owner.rest('POST', '/messages/7/stream-ticket'), { message_id: 'must be a UUID' });
    });
  });
});
