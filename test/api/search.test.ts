import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';

const SEARCH = `query ($query: String!, $first: Int, $after: String) {
  searchMessages(query: $query, first: $first, after: $after) { nodes { text } pageInfo { endCursor hasNextPage } totalCount }
}`;

interface Found {
  readonly searchMessages: {
    readonly nodes: readonly { readonly text: string }[];
    readonly pageInfo: { readonly endCursor: string | null; readonly hasNextPage: boolean };
    readonly totalCount: number;
  };
}

describe.each(stores)('the search of messages on %s', (on) => {
  let app: TestApp;
  let owner: Actor;

  async function say(actor: Actor, conversationId: string, content: object): Promise<void> {
    await actor.ask('mutation ($input: CreateMessageInput!) { createMessage(input: $input) { message { id } } }', {
      input: { conversationId, content, messageType: 'user' },
    });
  }

  beforeAll(async () => {
    app = await startTestApp({ stores: on });
    const stranger = await signUp(app);
    owner = await signUp(app);
    const [one, two] = [await owner.createConversation('one'), await owner.createConversation('two')];
    await say(owner, one, { text: 'Madeira in March' });
    await say(owner, two, { text: '100% sure of MADEIRA_' });
    await say(owner, one, { text: 'Größe and café' });
    await say(owner, one, { note: 'madeira is not in the text' });
    await say(stranger, await stranger.createConversation(), { text: 'Madeira of another user' });
  });
  afterAll(() => app.close());

  const found = async (query: string) => {
    const { searchMessages } = await owner.ask<Found>(SEARCH, { query });
    return searchMessages.nodes.map(({ text }) => text);
  };

  it("finds a part of the text in any case, in all of one's own conversations, newest first", async () => {
    expect(await found('madeira')).toEqual(['100% sure of MADEIRA_', 'Madeira in March']);
    expect(await found('GRÖSSE')).toEqual([]);
    expect(await found('größ')).toEqual(['Größe and café']);
    expect(await found('é')).toEqual(['Größe and café']);
  });

  it('takes wildcards and quotes for letters', async () => {
    expect(await found('%')).toEqual(['100% sure of MADEIRA_']);
    expect(await found('_')).toEqual(['100% sure of MADEIRA_']);
    expect(await found('\\')).toEqual([]);
    expect(await found(`'; DROP TABLE messages; --`)).toEqual([]);
  });

  it('is paged over both doors', async () => {
    const first = await owner.ask<Found>(SEARCH, { query: 'madeira', first: 1 });
    expect(first.searchMessages).toMatchObject({ totalCount: 2, pageInfo: { hasNextPage: true } });
    const after = first.searchMessages.pageInfo.endCursor;
    const second = await owner.ask<Found>(SEARCH, { query: 'madeira', first: 1, after });
    expect(second.searchMessages.nodes).toEqual([{ text: 'Madeira in March' }]);
    const { body } = await owner.rest('GET', '/messages/search?q=madeira&skip=1&limit=1');
    expect(body).toMatchObject({ code: 200, data: [{ content: { text: 'Madeira in March' }, message_type: 'user' }] });
  });

  it.each(['', 'x'.repeat(101)])('refuses a part that is empty or too long', async (query) => {
    const { status, body } = await owner.rest('GET', `/messages/search?q=${query}`);
    expect([status, body.data]).toMatchObject([422, { errors: [{ field: 'q' }] }]);
    expect((await owner.graphql(SEARCH, { query })).errors?.[0]?.extensions.code).toBe('BAD_USER_INPUT');
  });

  it('refuses to search for nothing, and strangers', async () => {
    expect(await owner.rest('GET', '/messages/search')).toMatchObject({
      status: 422,
      body: { data: { errors: [{ field: 'q', message: 'is required' }] } },
    });
    const response = await fetch(`${app.url}/api/v1/messages/search?q=x`);
    expect(response.status).toBe(401);
  });
});
