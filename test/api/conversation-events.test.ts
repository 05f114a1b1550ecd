import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { collect, signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { REGENERATE, SELECT } from '../support/branches.js';
import { stores } from '../support/servers.js';
import { eventually, untilSettled } from '../support/eventually.js';
import {
  askModel,
  CREATE_MESSAGE,
  eventsOf,
  followReply,
  readReply,
  ROOMY_PLANS,
  streamingDoors,
  usageOf,
  type StoredMessage,
} from '../support/replies.js';

type ConversationEvent =
  | { readonly __typename: 'MessageDeleted'; readonly messageId: string }
  | {
      readonly __typename: 'MessageCreated' | 'MessageUpdated' | 'ReplyStarted';
      readonly message: StoredMessage;
    };

const EVENTS = `subscription ($id: ID!) {
  conversationEvents(conversationId: $id) {
    __typename
    ... on MessageCreated { message { id status text } }
    ... on MessageUpdated { message { id status text } }
    ... on ReplyStarted { message { id status text } }
    ... on MessageDeleted { messageId }
  }
}`;

const CHUNKS = ['The ', 'sky ', 'is ', 'blue.'];
const DELETE_MESSAGE = 'mutation ($id: ID!) { deleteMessage(id: $id) { id status } }';
const DELETE_CONVERSATION = 'mutation ($id: ID!) { deleteConversation(id: $id) { id } }';

/** Events with their numbers, from a place on. */
const NUMBERED = `subscription ($id: ID!, $after: Int) {
  conversationEvents(conversationId: $id, after: $after) {
    __typename
    ... on MessageCreated { sequence message { id } }
    ... on MessageUpdated { sequence message { id } }
    ... on ReplyStarted { sequence message { id } }
    ... on BranchSelected { sequence message { id } }
    ... on MessageDeleted { sequence messageId }
    ... on EventsExpired { sequence }
  }
}`;

interface NumberedEvent {
  readonly __typename: string;
  readonly sequence: number;
  readonly message?: { readonly id: string };
}

describe.each(stores)('in a conversation on %s', (on) => {
  let app: TestApp;
  let owner: Actor;

  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { PLANS: ROOMY_PLANS } });
    owner = await signUp(app);
  });
  afterAll(() => app.close());

  describe.each(streamingDoors)('through the %s', (door) => {
    const createMessage = async (conversationId: string, text: string) => {
      const { createMessage: created } = await owner.ask<{ createMessage: { message: { id: string } } }>(
        CREATE_MESSAGE,
        { input: { conversationId, content: { text }, messageType: 'user' } },
      );
      return created.message.id;
    };

    /** A subscription that is known to be live: it has delivered messages, which are left out here. */
    const subscribe = async (conversationId: string) => {
      const events = eventsOf(
        'conversationEvents',
        owner[door]<Record<string, ConversationEvent>>(EVENTS, { id: conversationId }),
      );
      await untilSettled(events.next(), () => createMessage(conversationId, 'are you there?'));
      const lastId = await createMessage(conversationId, 'now');
      const isLast = (event: ConversationEvent | undefined) =>
        event?.__typename === 'MessageCreated' && event.message.id === lastId;
      while (!isLast((await events.next()).value ?? undefined));
      return events;
    };

    it('events tell of messages, replies, changes and deletions, until it is deleted', async () => {
      const id = await owner.createConversation();
      const events = await subscribe(id);
      app.model.reply({ chunks: CHUNKS });
      const replyId = await askModel(owner, id);
      await readReply(owner, door, replyId);
      await owner.ask('mutation ($id: ID!) { updateMessage(id: $id, input: { content: { text: "edited" } }) { id } }', {
        id: replyId,
      });
      await owner.ask(DELETE_MESSAGE, { id: replyId });
      const noteId = await createMessage(id, 'a note');
      const seen: ConversationEvent[] = [];
      do seen.push(...[(await events.next()).value ?? []].flat());
      while (!seen.some((event) => event.__typename === 'MessageCreated' && event.message.id === noteId));
      await owner.ask(DELETE_CONVERSATION, { id });
      expect(await collect(events)).toEqual([]);

      const told = seen.map((event) => [
        event.__typename,
        event.__typename === 'MessageDeleted' ? event.messageId : event.message.id,
      ]);
      // An event is skipped if its message has been deleted since, so the reply's own events may be missing.
      expect(told[0]).toEqual(['MessageCreated', expect.any(String)]);
      expect(told.slice(-2)).toEqual([
        ['MessageDeleted', replyId],
        ['MessageCreated', noteId],
      ]);
    });

    it('events tell of a reply when it begins and when it has ended', async () => {
      const id = await owner.createConversation();
      const events = await subscribe(id);
      const gate = Promise.withResolvers<undefined>();
      app.model.reply({ chunks: CHUNKS, hold: { after: 1, until: gate.promise } });
      const replyId = await askModel(owner, id, 'Why?');
      expect((await events.next()).value).toMatchObject({ __typename: 'MessageCreated', message: { text: 'Why?' } });
      expect((await events.next()).value).toMatchObject({
        __typename: 'ReplyStarted',
        message: { id: replyId, status: 'STREAMING' },
      });
      gate.resolve(undefined);
      expect((await events.next()).value).toEqual({
        __typename: 'MessageUpdated',
        message: { id: replyId, status: 'COMPLETE', text: 'The sky is blue.' },
      });
      await events.return();
    });

    it.each([
      ['message', 'before the first text', 0],
      ['message', 'after some text', 2],
      ['conversation', 'before the first text', 0],
      ['conversation', 'after some text', 2],
    ])('deleting the %s of a reply %s stops the model and ends the stream', async (what, _when, stallAfter) => {
      const conversationId = await owner.createConversation();
      app.model.reply({ chunks: CHUNKS, stallAfter });
      const index = app.model.requests.length;
      const replyId = await askModel(owner, conversationId);
      const { abortedByClient } = await app.model.request(index);
      const events = followReply(owner, door, replyId);
      // A reader that subscribes after the deletion finds no message; only one that has started reading gets the failure event.
      if (stallAfter > 0) await events.next();
      const rest = stallAfter > 0 ? collect(events) : null;
      if (what === 'message') await owner.ask(DELETE_MESSAGE, { id: replyId });
      else await owner.ask(DELETE_CONVERSATION, { id: conversationId });
      expect(await abortedByClient).toBe(true);
      if (rest !== null) {
        expect((await rest).at(-1)).toMatchObject({
          __typename: 'ReplyFailed',
          code: 'DELETED',
          reason: 'The message was deleted',
          message: null,
        });
      }
      const { ledger } = await eventually(
        () => usageOf(owner),
        (usage) => usage.ledger[0]?.settledAt != null,
      );
      expect(ledger[0]).toMatchObject({ source: 'ESTIMATED' });
    });

    const follow = (id: string, after?: number) =>
      eventsOf('conversationEvents', owner[door]<Record<string, NumberedEvent>>(NUMBERED, { id, after }));
    const take = async (events: AsyncGenerator<NumberedEvent, void, undefined>, count: number) => {
      const taken: NumberedEvent[] = [];
      while (taken.length < count) {
        const { value } = await events.next();
        if (value === undefined) throw new Error('the events ended');
        taken.push(value);
      }
      return taken;
    };

    it('who comes back gets what was missed, in order, and goes on', async () => {
      const id = await owner.createConversation();
      const first = await createMessage(id, 'one');
      const events = follow(id, 0);
      expect(await take(events, 1)).toEqual([{ __typename: 'MessageCreated', sequence: 1, message: { id: first } }]);
      await events.return();
      const missed = await Promise.all(Array.from({ length: 12 }, (_, number) => createMessage(id, `${number}`)));
      const back = follow(id, 1);
      const seen = await take(back, 12);
      expect(seen.map(({ sequence }) => sequence)).toEqual(missed.map((_, index) => index + 2));
      expect(new Set(seen.map(({ message }) => message?.id))).toEqual(new Set(missed));
      const live = await createMessage(id, 'live');
      expect(await take(back, 1)).toEqual([{ __typename: 'MessageCreated', sequence: 14, message: { id: live } }]);
      await back.return();
    });

    it('who comes back too late is told to read anew, and gets what happens from then on', async () => {
      const id = await owner.createConversation();
      for (const text of ['one', 'two', 'three']) await createMessage(id, text);
      await app.database.query('DELETE FROM feed_events WHERE feed_id = $1 AND sequence < 3', [id]);
      for (const after of [0, 1, 17]) {
        const events = follow(id, after);
        expect(await take(events, 1)).toEqual([{ __typename: 'EventsExpired', sequence: 3 }]);
        await events.return();
      }
      const events = follow(id, 2);
      expect(await take(events, 1)).toMatchObject([{ __typename: 'MessageCreated', sequence: 3 }]);
      const live = await createMessage(id, 'live');
      expect(await take(events, 1)).toEqual([{ __typename: 'MessageCreated', sequence: 4, message: { id: live } }]);
      await events.return();
    });

    it('what was committed and never told is told all the same', async () => {
      const id = await owner.createConversation();
      const first = await createMessage(id, 'one');
      const events = follow(id, 0);
      await take(events, 1);
      // As an instance leaves it that dies between its commit and the event bus.
      await app.database.query(
        `WITH feed AS (UPDATE event_feeds SET last_sequence = 2 WHERE id = $1)
         INSERT INTO feed_events VALUES ($1, 2, jsonb_build_object('type', 'updated', 'messageId', $2::text), now())`,
        [id, first],
      );
      expect(await take(events, 1)).toEqual([{ __typename: 'MessageUpdated', sequence: 2, message: { id: first } }]);
      await events.return();
    });

    it('events tell which branch is shown', async () => {
      const id = await owner.createConversation();
      app.model.reply('Since.');
      const { createMessage: asked } = await owner.ask<{
        createMessage: { message: { id: string }; reply: { id: string } };
      }>(CREATE_MESSAGE, {
        input: {
          conversationId: id,
          content: { text: 'Why?' },
          messageType: 'user',
          invokeLlm: true,
          waitForReply: true,
        },
      });
      const events = follow(id, 3);
      app.model.reply('Because.');
      const { regenerateReply } = await owner.ask<{ regenerateReply: { id: string } }>(REGENERATE, {
        id: asked.reply.id,
        waitForReply: true,
      });
      const other = { message: { id: regenerateReply.id } };
      expect(await take(events, 3)).toEqual([
        { __typename: 'ReplyStarted', sequence: 4, ...other },
        { __typename: 'BranchSelected', sequence: 5, ...other },
        { __typename: 'MessageUpdated', sequence: 6, ...other },
      ]);
      await owner.ask(SELECT, { id: asked.reply.id });
      await owner.ask(SELECT, { id: asked.reply.id });
      await owner.ask(DELETE_MESSAGE, { id: asked.reply.id });
      // The selection may be left out, since its message has been deleted; selecting it again told nothing.
      const rest: NumberedEvent[] = [];
      while (rest.at(-1)?.sequence !== 9) rest.push(...(await take(events, 1)));
      expect(rest.slice(-2)).toMatchObject([
        { __typename: 'MessageDeleted', sequence: 8 },
        { __typename: 'BranchSelected', sequence: 9, ...other },
      ]);
      await events.return();
    });

    it("events of another's conversation are NOT_FOUND", async () => {
      const id = await owner.createConversation();
      const stranger = await signUp(app);
      const results = await collect(stranger[door](EVENTS, { id })).catch((error: unknown) => [{ errors: error }]);
      expect(results).toMatchObject([
        { errors: [{ message: 'Conversation not found', extensions: { code: 'NOT_FOUND' } }] },
      ]);
    });
  });

  it('a reply that streams cannot be edited', async () => {
    const id = await owner.createConversation();
    app.model.reply({ chunks: CHUNKS, stallAfter: 1 });
    const replyId = await askModel(owner, id);
    const edit = 'mutation ($id: ID!) { updateMessage(id: $id, input: { content: { text: "mine" } }) { id } }';
    const { errors } = await owner.graphql(edit, { id: replyId });
    expect(errors?.[0]).toMatchObject({
      message: 'The reply is still streaming',
      extensions: { code: 'CONFLICT' },
    });
    await owner.ask(DELETE_MESSAGE, { id: replyId });
  });

  it('the stream of a reply that was edited is one delta of the new text', async () => {
    const id = await owner.createConversation();
    app.model.reply({ chunks: CHUNKS, delayMs: 30, usage: 5 });
    const replyId = await askModel(owner, id);
    await readReply(owner, 'webSocket', replyId);
    const text = 'The sky is violet.';
    await owner.ask(
      'mutation ($id: ID!, $content: JSONObject!) { updateMessage(id: $id, input: { content: $content }) { id } }',
      { id: replyId, content: { text } },
    );
    expect(await readReply(owner, 'webSocket', replyId)).toMatchObject([
      { __typename: 'ReplyDelta', sequence: 1, text },
      { __typename: 'ReplyCompleted', sequence: 2, response: text },
    ]);
  });
});
