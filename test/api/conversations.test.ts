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
    const few = await queriesFor(2);
    const many = await queriesFor(12);
    expect(many).toBe(few);
  });
});
