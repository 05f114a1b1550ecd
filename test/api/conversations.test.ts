import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';

interface ConversationPage {
  readonly conversations: {
    readonly nodes: readonly { readonly id: string; readonly title: string | null }[];
    readonly pageInfo: { readonly hasNextPage: boolean; readonly hasPreviousPage: boolean; readonly endCursor: string };
    readonly totalCount: number;
  };
}

const PAGE = `query ($first: Int, $after: String, $query: String) {
  conversations(first: $first, after: $after, query: $query) {
    nodes { id title } pageInfo { hasNextPage hasPreviousPage endCursor } totalCount
  }
}`;

describe.each(stores)('conversations on %s', (on) => {
  let app: TestApp;
  let owner: Actor;
  let stranger: Actor;

  beforeAll(async () => {
    const plans = JSON.stringify({
      free: { price: 0, daily_messages: 1000, daily_tokens: 1_000_000, max_conversations: 30, max_file_uploads: 0 },
    });
    app = await startTestApp({ stores: on, settings: { PLANS: plans } });
    [owner, stranger] = await Promise.all([signUp(app), signUp(app)]);
  });
  afterAll(() => app.close());

  it('are paged newest first, without a gap or a repetition', async () => {
    const reader = await signUp(app);
    for (let index = 0; index < 7; index++) await reader.createConversation(`talk ${index}`);
    const titles: (string | null)[] = [];
    let after: string | undefined;
    for (let page = 0; page < 3; page++) {
      const { conversations } = await reader.ask<ConversationPage>(PAGE, { first: 3, after });
      titles.push(...conversations.nodes.map(({ title }) => title));
      expect(conversations.totalCount).toBe(7);
      expect(conversations.pageInfo).toMatchObject({ hasNextPage: page < 2, hasPreviousPage: page > 0 });
      after = conversations.pageInfo.endCursor;
    }
    expect(titles).toEqual([6, 5, 4, 3, 2, 1, 0].map((index) => `talk ${index}`));
  });

  it('are found by a part of the title in any case, and a wildcard is a letter like any other', async () => {
    const reader = await signUp(app);
    await reader.createConversation('Budget 100% sure');
    await reader.createConversation('Other');
    const titlesOf = async (query: string) => {
      const { conversations } = await reader.ask<ConversationPage>(PAGE, { query });
      return conversations.nodes.map(({ title }) => title);
    };
    expect(await titlesOf('bUDG')).toEqual(['Budget 100% sure']);
    expect(await titlesOf('%')).toEqual(['Budget 100% sure']);
    expect(await titlesOf('_')).toEqual([]);
  });

  it.each([0, -1, 101])('a page of %i is refused with the range that is allowed', async (first) => {
    const { errors } = await owner.graphql(PAGE, { first });
    expect(errors?.[0]).toMatchObject({
      extensions: { code: 'BAD_USER_INPUT', errors: [{ field: 'first', message: 'must be from 1 to 100' }] },
    });
  });

  it("another's conversation is NOT_FOUND to read, change, delete and write to", async () => {
    const id = await owner.createConversation('private');
    const attempts = [
      'query ($id: ID!) { conversation(id: $id) { id } }',
      'query ($id: ID!) { messages(conversationId: $id) { totalCount } }',
      'mutation ($id: ID!) { updateConversation(id: $id, input: { title: "mine" }) { id } }',
      'mutation ($id: ID!) { deleteConversation(id: $id) { id } }',
      'mutation ($id: ID!) { createMessage(input: { conversationId: $id, content: {}, messageType: "user" }) { message { id } } }',
      'mutation ($id: ID!) { chat(input: { conversationId: $id, message: "hi" }) { response } }',
    ];
    for (const attempt of attempts) {
      const { errors } = await stranger.graphql(attempt, { id });
      expect(errors?.[0]).toMatchObject({ message: 'Conversation not found', extensions: { code: 'NOT_FOUND' } });
    }
    expect(await stranger.ask('query ($id: ID!) { node(id: $id) { id } }', { id })).toEqual({ node: null });
    const deleted = await stranger.ask('mutation ($id: ID!) { deleteConversations(ids: [$id]) }', { id });
    expect(deleted).toEqual({ deleteConversations: 0 });
    const mine = await owner.ask('query ($id: ID!) { conversation(id: $id) { title } }', { id });
    expect(mine).toEqual({ conversation: { title: 'private' } });
  });

  it("another's messages are NOT_FOUND, whatever else is asked, also while the owner asks; without any, a list of one's own is empty", async () => {
    const id = await owner.createConversation('private');
    const list =
      'query ($id: ID!, $after: String) { messages(conversationId: $id, after: $after) { nodes { text } totalCount } }';
    expect(await owner.ask(list, { id })).toEqual({ messages: { nodes: [], totalCount: 0 } });
    const input = { conversationId: id, content: { text: 'a secret' }, messageType: 'user' };
    await owner.ask('mutation ($input: CreateMessageInput!) { createMessage(input: $input) { message { id } } }', {
      input,
    });
    const mine = { messages: { nodes: [{ text: 'a secret' }], totalCount: 1 } };
    const [own, shouted, ...refused] = await Promise.all([
      owner.ask(list, { id }),
      owner.ask(list, { id: id.toUpperCase() }),
      stranger.graphql(list, { id }),
      stranger.graphql(list, { id: id.toUpperCase() }),
      stranger.graphql(list, { id, after: 'no cursor' }),
    ]);
    expect([own, shouted]).toEqual([mine, mine]);
    for (const { data, errors } of refused) {
      expect(data ?? null).toBeNull();
      expect(errors).toMatchObject([{ message: 'Conversation not found', extensions: { code: 'NOT_FOUND' } }]);
    }
    const { errors } = await owner.graphql(list, { id, after: 'no cursor' });
    expect(errors?.[0]).toMatchObject({ extensions: { code: 'BAD_USER_INPUT', errors: [{ field: 'after' }] } });
  });

  it('a field left out of a change stays, and null clears it', async () => {
    const id = await owner.createConversation('before');
    const change = (input: object) =>
      owner.ask(
        'mutation ($id: ID!, $input: UpdateConversationInput!) { updateConversation(id: $id, input: $input) { title status } }',
        {
          id,
          input,
        },
      );
    expect(await change({ status: 'archived' })).toEqual({
      updateConversation: { title: 'before', status: 'archived' },
    });
    expect(await change({ title: null })).toEqual({ updateConversation: { title: null, status: 'archived' } });
  });

  it('nested lists cost a query a level, however many rows there are', async () => {
    const reader = await signUp(app);
    const queriesFor = async (conversations: number) => {
      const before = await reader.ask<ConversationPage>(PAGE, { first: 1 });
      for (let index = before.conversations.totalCount; index < conversations; index++) {
        const conversationId = await reader.createConversation(`talk ${index}`);
        for (const text of ['one', 'two']) {
          await reader.ask(
            'mutation ($input: CreateMessageInput!) { createMessage(input: $input) { message { id } } }',
            { input: { conversationId, content: { text }, messageType: 'user' } },
          );
        }
      }
      const countQueries = async () => {
        const queriesBefore = await app.queries();
        const answer = await reader.ask<{
          conversations: { nodes: readonly { messages: { nodes: readonly unknown[] } }[] };
        }>(
          `{ conversations(first: 20) { nodes { id user { id } messages(last: 5) { totalCount nodes { text user { email } conversation { title } replyTo { id } } } } } }`,
        );
        expect(answer.conversations.nodes).toHaveLength(conversations);
        expect(answer.conversations.nodes.every(({ messages }) => messages.nodes.length === 2)).toBe(true);
        return (await app.queries()) - queriesBefore;
      };
      // Work in the background may query meanwhile, which only ever adds.
      let least = Infinity;
      for (let look = 0; look < 15; look++) least = Math.min(least, await countQueries());
      return least;
    };
    const few = await queriesFor(2);
    const many = await queriesFor(12);
    expect(many).toBe(few);
  });

  describe('asked only which one it is', () => {
    const REFERENCES = ['conversation', 'user', 'parent', 'replyTo'];
    const read = (reader: Actor, conversationId: string, fields: string) =>
      reader.ask<{ messages: { nodes: readonly Readonly<Record<string, unknown>>[] } }>(
        `query ($id: ID!) { messages(conversationId: $id, first: 20) { nodes { ${fields} } } }`,
        { id: conversationId },
      );
    const all = (selection: string) => REFERENCES.map((field) => `${field} { ${selection} }`).join(' ');
    const talk = async (reader: Actor) => {
      const conversationId = await reader.createConversation();
      const ids: string[] = [];
      for (const text of ['one', 'two']) {
        const { createMessage } = await reader.ask<{ createMessage: { message: { id: string } } }>(
          'mutation ($input: CreateMessageInput!) { createMessage(input: $input) { message { id } } }',
          { input: { conversationId, content: { text }, messageType: 'user' } },
        );
        ids.push(createMessage.message.id);
      }
      await app.database.query('UPDATE messages SET reply_to_id = $2 WHERE id = $1', [ids[1], ids[0]]);
      return { conversationId, ids };
    };

    it('what a message refers to is not read, and is what it is when it is read', async () => {
      const reader = await signUp(app);
      const { conversationId, ids } = await talk(reader);
      const bare = await read(reader, conversationId, all('id __typename'));
      const whole = await read(reader, conversationId, all('id __typename createdAt'));
      const withoutTimes = JSON.stringify(whole).replace(/,"createdAt":"[^"]*"/g, '');
      expect(JSON.stringify(bare)).toBe(withoutTimes);
      const me = { id: reader.userId, __typename: 'User' };
      expect(bare.messages.nodes).toEqual([
        { conversation: { id: conversationId, __typename: 'Conversation' }, user: me, parent: null, replyTo: null },
        {
          conversation: { id: conversationId, __typename: 'Conversation' },
          user: me,
          parent: { id: ids[0], __typename: 'Message' },
          replyTo: { id: ids[0], __typename: 'Message' },
        },
      ]);

      const queriesFor = async (fields: string) => {
        const counts: number[] = [];
        // Work in the background may query meanwhile, which only ever adds: on a busy machine, beside most calls.
        for (let time = 0; time < 20; time++) {
          const before = await app.queries();
          await read(reader, conversationId, fields);
          counts.push((await app.queries()) - before);
        }
        return Math.min(...counts);
      };
      expect(await queriesFor(`id ${all('id')}`)).toBe(await queriesFor('id'));
      expect(await queriesFor(`id ${all('id ... { __typename }')}`)).toBeGreaterThan(await queriesFor('id'));
    });

    it('an author who was deleted is none, and the user of their conversation is not found', async () => {
      for (const selection of ['id', 'id createdAt']) {
        const [reader, gone] = await Promise.all([signUp(app), signUp(app)]);
        const { conversationId, ids } = await talk(reader);
        await app.database.query('UPDATE messages SET user_id = $2 WHERE id = $1', [ids[0], gone.userId]);
        await gone.ask('mutation { deleteMe { id } }');
        const { messages } = await read(reader, conversationId, `user { ${selection} }`);
        expect(messages.nodes).toEqual([{ user: null }, { user: expect.objectContaining({ id: reader.userId }) }]);
        const { data, errors } = await reader.graphql(
          `mutation { deleteMe { conversations(first: 1) { nodes { user { ${selection} } } } } }`,
        );
        expect([data, errors?.[0]?.extensions.code]).toEqual([null, 'NOT_FOUND']);
      }
    });
  });
});
