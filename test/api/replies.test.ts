import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Actor, collect, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { eventually } from '../support/eventually.js';
import {
  askModel,
  CREATE_MESSAGE,
  followReply,
  readReply,
  REPLY,
  ROOMY_PLANS,
  storedMessage,
  streamingDoors,
  textIn,
  usageOf,
} from '../support/replies.js';

const WORDS = ['The ', 'sky ', 'is ', 'blue ', 'because ', 'of ', 'air.'];
const ANSWER = WORDS.join('');

describe.each(stores)('replies on %s', (on) => {
  let app: TestApp;
  let owner: Actor;
  let conversationId: string;

  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { PLANS: ROOMY_PLANS } });
    owner = await signUp(app);
    conversationId = await owner.createConversation();
  });
  afterAll(() => app.close());

  /** The ids of the question and the reply that a conversation ends with. */
  const lastOf = async (id: string) => {
    const { messages } = await owner.ask<{ messages: { nodes: readonly { id: string }[] } }>(
      'query ($id: ID!) { messages(conversationId: $id, last: 2) { nodes { id } } }',
      { id },
    );
    return { question: messages.nodes[0]?.id, reply: messages.nodes[1]?.id };
  };

  describe.each(streamingDoors)('through the %s', (door) => {
    it('stream as they come, counted from 1 without a gap, and end complete, stored and settled', async () => {
      const gate = Promise.withResolvers<undefined>();
      app.model.reply({ chunks: WORDS, hold: { after: 2, until: gate.promise }, usage: 42 });
      const id = await askModel(owner, conversationId);
      const events = followReply(owner, door, id);
      // The first text arrives while the model still holds back the rest.
      const { value: first } = await events.next();
      expect(first).toMatchObject({ __typename: 'ReplyDelta', sequence: 1 });
      gate.resolve(undefined);
      const all = [first ?? [], ...(await collect(events))].flat();
      expect(all.map(({ sequence }) => sequence)).toEqual(all.map((_, index) => index + 1));
      expect(textIn(all)).toBe(ANSWER);
      const message = { id, status: 'COMPLETE', text: ANSWER };
      expect(all.at(-1)).toEqual({
        __typename: 'ReplyCompleted',
        sequence: all.length,
        response: ANSWER,
        tokens: 42,
        message,
      });
      expect(await storedMessage(owner, id)).toEqual(message);
      const { ledger } = await usageOf(owner);
      expect(ledger[0]).toMatchObject({ kind: 'REPLY', tokens: 42, source: 'REPORTED', messageId: id });
    });

    it('are read by several at once, from any number on, while they stream and after their end', async () => {
      const gate = Promise.withResolvers<undefined>();
      app.model.reply({ chunks: WORDS, delayMs: 40, hold: { after: 4, until: gate.promise }, usage: 42 });
      const id = await askModel(owner, conversationId);
      const first = followReply(owner, door, id);
      const seen = [(await first.next()).value, (await first.next()).value].flatMap((event) => event ?? []);
      const whole = collect(first);
      const late = [0, 1, 2, 3, 5].map((after) => ({ after, events: followReply(owner, door, id, after) }));
      const ended = late.map(({ events }) => collect(events));
      gate.resolve(undefined);
      const all = [...seen, ...(await whole)];
      expect(textIn(all)).toBe(ANSWER);
      for (const [index, { after }] of late.entries()) expect(await ended[index]).toEqual(all.slice(after));
      for (const after of all.keys()) expect(await readReply(owner, door, id, after)).toEqual(all.slice(after));
    });

    it('are stopped from another tab, and keep what had come', async () => {
      app.model.reply({ chunks: WORDS, stallAfter: 3 });
      const id = await askModel(owner, conversationId);
      const events = followReply(owner, door, id);
      const seen = [];
      do seen.push((await events.next()).value ?? []);
      while (textIn(seen.flat()) !== 'The sky is ');
      const otherTab = new Actor(app.url, owner.credentials);
      await otherTab.login();
      const { stopReply } = await otherTab.ask<{ stopReply: unknown }>(
        'mutation ($id: ID!) { stopReply(messageId: $id) { status text } }',
        { id },
      );
      expect(stopReply).toEqual({ status: 'PARTIAL', text: 'The sky is ' });
      expect(await collect(events)).toEqual([
        {
          __typename: 'ReplyFailed',
          sequence: seen.length + 1,
          code: 'STOPPED',
          reason: 'The reply was stopped',
          partial: 'The sky is ',
          message: { id, status: 'PARTIAL', text: 'The sky is ' },
        },
      ]);
      const request = await app.model.request(app.model.requests.length - 1);
      expect(await request.abortedByClient).toBe(true);
      const { ledger } = await usageOf(owner);
      expect(ledger[0]).toMatchObject({ source: 'ESTIMATED', messageId: id });
      expect(ledger[0]?.tokens).toBeGreaterThan(0);
    });

    it("of a user's message do not exist, and another's are NOT_FOUND", async () => {
      const { createMessage } = await owner.ask<{ createMessage: { message: { id: string } } }>(CREATE_MESSAGE, {
        input: { conversationId, content: { text: 'a note' }, messageType: 'user' },
      });
      const errorOf = async (actor: Actor, id: string) => {
        const results = await collect(actor[door](REPLY, { id })).catch((error: unknown) => [
          { errors: Array.isArray(error) ? (error as unknown[]) : [error] },
        ]);
        return results[0]?.errors?.[0];
      };
      expect(await errorOf(owner, createMessage.message.id)).toMatchObject({
        extensions: {
          code: 'BAD_USER_INPUT',
          errors: [{ field: 'messageId', message: 'is not a reply of the model' }],
        },
      });
      const id = await askModel(owner, conversationId);
      await readReply(owner, door, id);
      const refused = { message: 'Message not found', extensions: { code: 'NOT_FOUND' } };
      expect(await errorOf(await signUp(app), id)).toMatchObject(refused);
      expect(await errorOf(owner, '01980f3e-8c1d-7a52-9d0e-6f2f4f2b6c11')).toMatchObject(refused);
      expect(await errorOf(new Actor(app.url), id)).toMatchObject({ extensions: { code: 'UNAUTHENTICATED' } });
    });
  });

  it('tell what the model thinks in the same count, and keep it apart from the answer', async () => {
    const gate = Promise.withResolvers<undefined>();
    const script = { reasoning: ['Let me ', 'see. '], chunks: WORDS, usage: 42 };
    app.model.reply({ ...script, hold: { after: 2, until: gate.promise } });
    const id = await askModel(owner, conversationId);
    const read = () =>
      owner.ask<{ message: unknown }>(`query ($id: ID!) { message(id: $id) { status sequence reasoning text } }`, {
        id,
      });
    const { message: halfway } = await eventually(read, ({ message }) =>
      JSON.stringify(message).includes('Let me see. '),
    );
    expect(halfway).toMatchObject({
      status: 'STREAMING',
      sequence: expect.any(Number),
      reasoning: 'Let me see. ',
      text: '',
    });
    gate.resolve(undefined);
    const all = await readReply(owner, 'webSocket', id);
    expect(all.map(({ sequence }) => sequence)).toEqual(all.map((_, index) => index + 1));
    expect(all[0]).toMatchObject({ __typename: 'ReplyReasoning' });
    expect(textIn(all, 'ReplyReasoning')).toBe('Let me see. ');
    expect(textIn(all)).toBe(ANSWER);
    expect(all.at(-1)).toMatchObject({ __typename: 'ReplyCompleted', response: ANSWER, tokens: 42 });
    expect(await read()).toEqual({
      message: { status: 'COMPLETE', sequence: null, reasoning: 'Let me see. ', text: ANSWER },
    });
    for (const door of streamingDoors)
      for (const after of all.keys()) expect(await readReply(owner, door, id, after)).toEqual(all.slice(after));
    const { body } = await owner.rest('GET', `/messages/${id}`);
    expect(body.data).toMatchObject({ reasoning: 'Let me see. ', content: { text: ANSWER } });
    const next = app.model.requests.length;
    await askModel(owner, conversationId, 'And at night?');
    expect(JSON.stringify((await app.model.request(next)).messages)).not.toContain('Let me see');
  });

  it('grow in the database while they stream', async () => {
    const gate = Promise.withResolvers<undefined>();
    app.model.reply({ chunks: WORDS, hold: { after: 2, until: gate.promise } });
    const id = await askModel(owner, conversationId);
    const halfway = await eventually(
      () => storedMessage(owner, id),
      ({ text }) => text === 'The sky ',
    );
    expect(halfway.status).toBe('STREAMING');
    gate.resolve(undefined);
    await readReply(owner, 'webSocket', id);
    expect(await storedMessage(owner, id)).toEqual({ id, status: 'COMPLETE', text: ANSWER });
  });

  it('are waited for with waitForReply, whatever their end', async () => {
    const ask = async () => {
      const { createMessage } = await owner.ask<{ createMessage: { reply: unknown } }>(CREATE_MESSAGE, {
        input: {
          conversationId,
          content: { text: 'Why?' },
          messageType: 'user',
          invokeLlm: true,
          waitForReply: true,
        },
      });
      return createMessage.reply;
    };
    app.model.reply({ chunks: WORDS }, { chunks: WORDS, cutAfter: 3 });
    expect(await ask()).toMatchObject({ status: 'COMPLETE', text: ANSWER });
    expect(await ask()).toMatchObject({ status: 'PARTIAL', text: 'The sky is ' });
  });

  it.each(['GraphQL', 'REST'])(
    'that are deleted while they are waited for leave their question, over %s',
    async (door) => {
      const asked = app.model.requests.length;
      app.model.reply({ chunks: WORDS, stallAfter: 1 });
      const content = { text: 'Why?' };
      const answer =
        door === 'REST'
          ? owner.rest('POST', `/conversations/${conversationId}/messages`, {
              content,
              message_type: 'user',
              invoke_llm: true,
            })
          : owner.ask(CREATE_MESSAGE, {
              input: { conversationId, content, messageType: 'user', invokeLlm: true, waitForReply: true },
            });
      await app.model.request(asked);
      const { question, reply } = await lastOf(conversationId);
      await owner.rest('DELETE', `/messages/${reply}`);
      expect(await answer).toMatchObject(
        door === 'REST'
          ? { status: 200, body: { data: { message_id: question } } }
          : { createMessage: { message: { id: question }, reply: null } },
      );
    },
  );

  it('of a chat that are deleted, with or without their conversation, are not found', async () => {
    for (const gone of ['reply', 'conversation']) {
      const id = await owner.createConversation();
      const asked = app.model.requests.length;
      app.model.reply({ chunks: WORDS, stallAfter: 1 });
      const answer = owner.rest('POST', '/chat', { message: 'Why?', conversation_id: id });
      await app.model.request(asked);
      await owner.rest('DELETE', gone === 'reply' ? `/messages/${(await lastOf(id)).reply}` : `/conversations/${id}`);
      expect(await answer).toMatchObject({ status: 404, body: { message: 'Message not found' } });
    }
  });

  it('that have ended stay as they are when they are stopped', async () => {
    app.model.reply({ chunks: WORDS });
    const id = await askModel(owner, conversationId);
    await readReply(owner, 'eventStream', id);
    const { stopReply } = await owner.ask<{ stopReply: unknown }>(
      'mutation ($id: ID!) { stopReply(messageId: $id) { status text } }',
      { id },
    );
    expect(stopReply).toEqual({ status: 'COMPLETE', text: ANSWER });
  });

  it('are asked for only by messages of the type `user`', async () => {
    const before = app.model.requests.length;
    const { createMessage } = await owner.ask<{ createMessage: { reply: unknown } }>(CREATE_MESSAGE, {
      input: { conversationId, content: { text: 'a rule' }, messageType: 'system', invokeLlm: true },
    });
    expect(createMessage.reply).toBeNull();
    expect(app.model.requests).toHaveLength(before);
  });

  it('are read again after a restart, event for event', async () => {
    app.model.reply({ reasoning: ['Let me see. '], chunks: WORDS, delayMs: 30, usage: 42 });
    const id = await askModel(owner, conversationId);
    const before = await readReply(owner, 'webSocket', id);
    expect(before.length).toBeGreaterThan(2);
    app = await app.restart();
    const returned = new Actor(app.url, owner.credentials);
    returned.token = owner.token;
    owner = returned;
    for (const door of streamingDoors) {
      for (const after of before.keys()) {
        expect(await readReply(owner, door, id, after)).toEqual(before.slice(after));
      }
    }
  });
});
