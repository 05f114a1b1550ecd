import type { Cast, DeepPlaces, Holder } from './data.js';

export type DoorName = 'rest' | 'graphql';

export interface Request {
  readonly method: string;
  readonly path: string;
  readonly token: string;
  readonly body?: string;
}

/** A call is made by its requests in turn. */
export type Calls = Readonly<Record<string, readonly Request[]>>;

const CONVERSATION = 'id title status createdAt updatedAt';
const MESSAGE = 'id content messageType extra createdAt';
const USER =
  'id email phoneNumber provider providerId isVerified verifiedAt profile isActive isSuspended isAdmin lastLogin plan { id }';
const CONTENT = { text: 'Where is it warm in March, and what do people eat there?' };

const get = ({ token }: Holder, path: string): Request => ({ method: 'GET', path: `/api/v1${path}`, token });

const ask = ({ token }: Holder, query: string, variables: object = {}): Request => ({
  method: 'POST',
  path: '/graphql',
  token,
  body: JSON.stringify({ query, variables }),
});

const ALL_OF_CONVERSATION =
  'id title status model instructions temperature maxTokens isPinned isArchived label messageCount unreadCount createdAt updatedAt user { id }';
/** Every field that REST's answers have. */
export const ALL_OF_MESSAGE =
  'id content messageType status sequence waitsUntil extra generation { model } createdAt conversation { id } toolCalls { id } reasoning replyTo { id } parent { id } user { id }';

/** REST's calls over GraphQL, with every field that REST's answers have. */
export function sameOverGraphql({ reader, talks, readers, writers }: Cast): Calls {
  const id = reader.conversationId;
  return {
    me: [ask(reader, `query Me { me { ${USER} } }`)],
    conversation: [ask(reader, `query One($id: ID!) { conversation(id: $id) { ${ALL_OF_CONVERSATION} } }`, { id })],
    conversations: readers.map((one) => ask(one, `{ conversations(first: 50) { nodes { ${ALL_OF_CONVERSATION} } } }`)),
    messages: talks.map((talk) =>
      ask(reader, `query All($id: ID!) { messages(conversationId: $id, first: 50) { nodes { ${ALL_OF_MESSAGE} } } }`, {
        id: talk,
      }),
    ),
    create: writers.map((writer) => {
      const input = { conversationId: writer.conversationId, content: CONTENT, messageType: 'user', invokeLlm: false };
      return ask(
        writer,
        `mutation Create($input: CreateMessageInput!) { createMessage(input: $input) { message { ${ALL_OF_MESSAGE} } } }`,
        { input },
      );
    }),
  };
}

/** Reads of what grows, of the service alone. */
export function growthOf(cast: Cast, deep: DeepPlaces): Calls {
  const { reader, keeper } = cast;
  const id = keeper.conversationId;
  const messages = (args: string, fields = `nodes { ${MESSAGE} }`) => [
    ask(keeper, `query Part($id: ID!) { messages(conversationId: $id, ${args}) { ${fields} } }`, { id }),
  ];
  const conversations = (args: string, fields = `nodes { ${CONVERSATION} }`) => [
    ask(keeper, `query Part { conversations(${args}) { ${fields} } }`),
  ];
  const search = (by: Holder, text: string) => [
    ask(by, `query Find { searchMessages(query: "${text}", first: 20) { nodes { ${MESSAGE} } } }`),
  ];
  const all = callsOf(cast).graphql;
  return {
    'one conversation': all['conversation'] ?? [],
    '50 conversations': all['conversations'] ?? [],
    '50 messages': all['messages'] ?? [],
    'first messages of the longest conversation': messages('first: 20'),
    'its last messages': messages('last: 20'),
    'behind a cursor near its end': messages(`first: 20, after: "${cursorOf(deep.messageId)}"`),
    'behind an offset near its end': [get(keeper, `/conversations/${id}/messages?limit=20&skip=${deep.messages}`)],
    'its totalCount': messages('first: 1', 'totalCount'),
    'conversations behind a cursor near the end': conversations(`first: 20, after: "${cursorOf(deep.conversationId)}"`),
    'conversations behind an offset near the end': [get(keeper, `/conversations?limit=20&skip=${deep.conversations}`)],
    'conversations with a title that none has': [get(keeper, '/conversations?limit=20&q=no+such+words')],
    'conversations with a title that all have': [get(keeper, '/conversations?limit=20&q=travel+and')],
    'totalCount of conversations': conversations('first: 1', 'totalCount'),
    'search that finds nothing': search(reader, 'no such words'),
    'search that finds nothing, by the owner of the longest': search(keeper, 'no such words'),
    'search that finds much': search(keeper, 'warm in march'),
  };
}

/** One of each kind of {@link growthOf}. */
export const QUICK_GROWTH: readonly string[] = [
  '50 conversations',
  'behind a cursor near its end',
  'behind an offset near its end',
  'its totalCount',
  'search that finds nothing',
];

/** Cursors are opaque to clients; this one is as in src/kernel/page.ts. */
const cursorOf = (id: string) => Buffer.from(`1:${id}`).toString('base64url');

/** The calls that the service and its peers answer alike. */
export function callsOf({ reader, talks, readers, writers }: Cast): Readonly<Record<DoorName, Calls>> {
  const id = reader.conversationId;
  return {
    rest: {
      me: [get(reader, '/users/me')],
      conversation: [get(reader, `/conversations/${id}`)],
      conversations: readers.map((one) => get(one, '/conversations?limit=50')),
      messages: talks.map((talk) => get(reader, `/conversations/${talk}/messages?limit=50`)),
      create: writers.map(({ token, conversationId }) => ({
        method: 'POST',
        path: `/api/v1/conversations/${conversationId}/messages`,
        token,
        body: JSON.stringify({ content: CONTENT, message_type: 'user', invoke_llm: false }),
      })),
    },
    graphql: {
      me: [ask(reader, `query Me { me { ${USER} } }`)],
      conversation: [ask(reader, `query One($id: ID!) { conversation(id: $id) { ${CONVERSATION} } }`, { id })],
      conversations: readers.map((one) =>
        ask(one, `query All($first: Int) { conversations(first: $first) { nodes { ${CONVERSATION} } } }`, {
          first: 50,
        }),
      ),
      messages: talks.map((talk) =>
        ask(
          reader,
          `query All($id: ID!, $first: Int) { messages(conversationId: $id, first: $first) { nodes { ${MESSAGE} } } }`,
          { id: talk, first: 50 },
        ),
      ),
      create: writers.map((writer) => {
        const input = {
          conversationId: writer.conversationId,
          content: CONTENT,
          messageType: 'user',
          invokeLlm: false,
        };
        return ask(
          writer,
          `mutation Create($input: CreateMessageInput!) { createMessage(input: $input) { message { ${MESSAGE} } } }`,
          { input },
        );
      }),
      nested: readers.map((one) =>
        ask(
          one,
          'query Nested { conversations(first: 10) { nodes { id title messages(first: 5) { nodes { id text createdAt user { id email } } } } } }',
        ),
      ),
    },
  };
}
