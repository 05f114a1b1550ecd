import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor, collect, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { eventually } from '../support/eventually.js';
import {
  CHAT,
  CHAT_EVENTS,
  eventsOf,
  readReply,
  ROOMY_PLANS,
  streamingDoors,
  textIn,
  usageOf,
  type ReplyEvent,
  type StoredMessage,
} from '../support/replies.js';

const CHUNKS = ['The ', 'sky ', 'is ', 'blue.'];
const ANSWER = CHUNKS.join('');

interface MessageList {
  readonly messages: { readonly nodes: readonly (StoredMessage & { readonly messageType: string })[] };
}

async function messagesIn(actor: Actor, id: string) {
  const { messages } = await actor.ask<MessageList>(
    'query ($id: ID!) { messages(conversationId: $id) { nodes { id messageType status text } } }',
    { id },
  );
  return messages.nodes;
}

describe.each(stores)('a chat on %s', (on) => {
  let app: TestApp;
  let owner: Actor;

  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { PLANS: ROOMY_PLANS } });
  });
  afterAll(() => app.close());

  describe('as a mutation', () => {
    it('without a conversation answers, and stores nothing but usage', async () => {
      owner = await signUp(app);
      app.model.reply({ chunks: CHUNKS, usage: 17 });
      const answer = await owner.ask(CHAT, { input: { message: 'Why?' } });
      expect(answer).toEqual({ chat: { response: ANSWER, tokens: 17, message: null } });
      const { rows } = await app.database.query<{ count: number }>('SELECT count(*)::int AS count FROM messages');
      expect(rows).toEqual([{ count: 0 }]);
      const { today, ledger } = await usageOf(owner);
      expect(today).toEqual({ messageCount: 1, tokenCount: 17 });
      expect(ledger).toEqual([
        expect.objectContaining({ kind: 'CHAT', tokens: 17, source: 'REPORTED', messageId: null }),
      ]);
    });

    it('in a conversation stores question and answer', async () => {
      owner = await signUp(app);
      const conversationId = await owner.createConversation();
      app.model.reply({ chunks: CHUNKS, usage: 17 });
      const { chat } = await owner.ask<{ chat: { message: StoredMessage } }>(CHAT, {
        input: { message: 'Why?', conversationId },
      });
      const message = { id: chat.message.id, status: 'COMPLETE', text: ANSWER };
      expect(chat).toEqual({ response: ANSWER, tokens: 17, message });
      expect(await messagesIn(owner, conversationId)).toEqual([
        expect.objectContaining({ messageType: 'user', status: 'COMPLETE', text: 'Why?' }),
        { ...message, messageType: 'ai' },
      ]);
    });

    it('stops the model when the asker hangs up', async () => {
      owner = await signUp(app);
      app.model.reply({ chunks: CHUNKS, stallAfter: 2 });
      const index = app.model.requests.length;
      const hangUp = new AbortController();
      const asked = fetch(`${app.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...owner.headers },
        body: JSON.stringify({ query: CHAT, variables: { input: { message: 'Why?' } } }),
        signal: hangUp.signal,
      });
      const { abortedByClient } = await app.model.request(index);
      hangUp.abort();
      await expect(asked).rejects.toThrow();
      expect(await abortedByClient).toBe(true);
    });
  });

  describe.each(streamingDoors)('as a subscription through the %s', (door) => {
    const chat = (input: object) => owner[door]<Record<string, ReplyEvent>>(CHAT_EVENTS, { input });
    beforeAll(async () => {
      owner = await signUp(app);
    });

    it('streams the answer, stored in its conversation where one is named', async () => {
      const conversationId = await owner.createConversation();
      for (const named of [null, conversationId]) {
        app.model.reply({ chunks: CHUNKS, delayMs: 30, usage: 17 });
        const events = await collect(eventsOf('chat', chat({ message: 'Why?', conversationId: named })));
        expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, index) => index + 1));
        expect(events.length).toBeGreaterThan(2);
        expect(textIn(events)).toBe(ANSWER);
        const last = events.at(-1);
        expect(last).toMatchObject({ __typename: 'ReplyCompleted', response: ANSWER, tokens: 17 });
        if (last?.__typename !== 'ReplyCompleted') continue;
        if (named === null) expect(last.message).toBeNull();
        else expect(await readReply(owner, door, last.message?.id ?? '')).toEqual(events);
      }
      expect(await messagesIn(owner, conversationId)).toHaveLength(2);
    });

    it('without a conversation stops the model when its reader goes away', async () => {
      app.model.reply({ chunks: CHUNKS, stallAfter: 2 });
      const index = app.model.requests.length;
      const results = chat({ message: 'Why?' });
      await eventsOf('chat', results).next();
      const { abortedByClient } = await app.model.request(index);
      results.close();
      expect(await abortedByClient).toBe(true);
      const { ledger } = await eventually(
        () => usageOf(owner),
        (usage) => usage.ledger[0]?.settledAt != null,
      );
      expect(ledger[0]).toMatchObject({ kind: 'CHAT', source: 'ESTIMATED' });
    });

    it('in a conversation goes on when its reader goes away', async () => {
      const conversationId = await owner.createConversation();
      const gate = Promise.withResolvers<undefined>();
      app.model.reply({ chunks: CHUNKS, hold: { after: 2, until: gate.promise }, usage: 17 });
      const index = app.model.requests.length;
      const results = chat({ message: 'Why?', conversationId });
      await eventsOf('chat', results).next();
      const { abortedByClient } = await app.model.request(index);
      results.close();
      const { id } = (await messagesIn(owner, conversationId))[1] ?? { id: '' };
      const readAgain = readReply(owner, door, id);
      gate.resolve(undefined);
      expect((await readAgain).at(-1)).toMatchObject({ __typename: 'ReplyCompleted', response: ANSWER });
      expect(await abortedByClient).toBe(false);
    });

    it.each([
      ['an empty question', { message: '' }, 'BAD_USER_INPUT'],
      ['an unknown conversation', { message: 'Why?', conversationId: crypto.randomUUID() }, 'NOT_FOUND'],
    ])('refuses %s before anything is asked', async (_, input, code) => {
      const before = app.model.requests.length;
      const results = await collect(chat(input)).catch((error: unknown) => [{ errors: error }]);
      expect(results).toMatchObject([{ errors: [{ extensions: { code } }] }]);
      expect(app.model.requests).toHaveLength(before);
    });
  });

  it('is refused to strangers through every door', async () => {
    const stranger = new Actor(app.url);
    const { errors } = await stranger.graphql(CHAT, { input: { message: 'Why?' } });
    expect(errors?.[0]).toMatchObject({ message: 'Missing credentials', extensions: { code: 'UNAUTHENTICATED' } });
    expect(await stranger.rest('POST', '/chat', { message: 'Why?' })).toMatchObject({
      status: 401,
      body: { code: 401, message: 'Missing credentials', data: null },
    });
  });
});
