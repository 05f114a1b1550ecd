import { once } from 'node:events';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import WebSocket from 'ws';
import { collect, signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { rawRequest } from '../support/raw-request.js';
import { rowCounts } from '../support/row-counts.js';

const PLAN = { price: 0, daily_messages: 9_000, daily_tokens: 9_000_000, max_conversations: 900, max_file_uploads: 99 };
const JSON_TYPE = 'application/json';

const CREATE = 'mutation ($input: CreateConversationInput!) { createConversation(input: $input) { id } }';
const WRITE = 'mutation ($input: CreateMessageInput!) { createMessage(input: $input) { message { id } } }';
const READ = 'query ($id: ID!) { conversation(id: $id) { id } }';
const LIST = 'query ($first: Int) { conversations(first: $first) { nodes { id } } }';
const literal = (text: string) => `mutation { createConversation(input: { title: "${text}" }) { id } }`;

function nested(levels: number): object {
  let value: object = {};
  for (let level = 1; level < levels; level++) value = { a: value };
  return value;
}

interface Answer {
  readonly status?: number;
  readonly errors?: readonly { readonly message: string; readonly extensions?: { readonly code?: string } }[];
}

/** Title, document, variables, and the first error's message. `$conversation` stands for a conversation's id. */
const CASES: readonly (readonly [string, string, Readonly<Record<string, unknown>>, RegExp])[] = [
  ['an id that is no UUID', READ, { id: '7' }, /^Validation error$/],
  ['an id with a NUL', READ, { id: '\0' }, /^id must not contain a NUL character$/],
  ['an id that is an object', READ, { id: {} }, /ID cannot represent/],
  ['an id that is missing', READ, {}, /^Variable "\$id": is required/],
  ['a NUL in a variable', CREATE, { input: { title: 'a\0b' } }, /^input\.title must not contain a NUL character$/],
  ['a NUL in a literal', literal('a\\u0000b'), {}, /^A string in the document must not contain a NUL character$/],
  [
    'a lone surrogate in a variable',
    CREATE,
    { input: { title: '\ud800' } },
    /^input\.title must be well-formed Unicode/,
  ],
  ['a lone surrogate in a literal', literal('\\ud800'), {}, /Unicode|surrogate/i],
  [
    'a NUL in a name of JSON',
    WRITE,
    { input: { conversationId: '$conversation', messageType: 'user', content: { 'a\0': 1 } } },
    /^input\.content has a name that must not contain a NUL character$/,
  ],
  [
    'a lone surrogate in a name of JSON',
    WRITE,
    { input: { conversationId: '$conversation', messageType: 'user', content: { '\udc00': 1 } } },
    /^input\.content has a name that must be well-formed Unicode/,
  ],
  [
    'a number in JSON that JSON does not know',
    'mutation ($id: ID!) { createMessage(input: { conversationId: $id, messageType: "note", content: { n: 1e400 } }) { message { id } } }',
    { id: '$conversation' },
    /^A value in the document must not be a number beyond 1\.8e308$/,
  ],
  [
    'JSON that is nested too deep',
    WRITE,
    { input: { conversationId: '$conversation', messageType: 'user', content: nested(40) } },
    /^input\.content\..* must not be nested more than 32 levels deep$/,
  ],
  [
    'JSON that is nested absurdly deep',
    WRITE,
    { input: { conversationId: '$conversation', messageType: 'user', content: nested(2_000) } },
    /must not be nested more than 32 levels deep$/,
  ],
  [
    'JSON that is too large',
    WRITE,
    { input: { conversationId: '$conversation', messageType: 'user', content: { a: 'x'.repeat(300_000) } } },
    /^Validation error$/,
  ],
  ['a list where an object belongs', WRITE, { input: [] }, /Expected type "CreateMessageInput" to be an object/],
  ['a number where a text belongs', CREATE, { input: { title: 7 } }, /String cannot represent a non string value/],
  ['an unknown field of an input', CREATE, { input: { title: 'x', owner: 'me' } }, /Field "owner" is not defined/],
  [
    '__proto__ as a field',
    CREATE,
    { input: JSON.parse('{"__proto__":{"title":"x"}}') },
    /Field "__proto__" is not defined/,
  ],
  ['constructor as a field', CREATE, { input: { constructor: {} } }, /Field "constructor" is not defined/],
  ['null for what must be', CREATE, { input: null }, /not to be null/],
  ['a text that is too long', CREATE, { input: { title: 'x'.repeat(201) } }, /^Validation error$/],
  ['a fraction', LIST, { first: 1.5 }, /Int cannot represent non-integer value/],
  ['a number beyond 32 bits', LIST, { first: 2 ** 40 }, /Int cannot represent non 32-bit/],
  ['a number beyond the limits', LIST, { first: 101 }, /^Validation error$/],
  ['a document that does not parse', 'query {', {}, /^Syntax Error/],
  ['an unknown field', '{ nothing }', {}, /^Cannot query field "nothing"/],
  ['an unknown variable', '{ user(id: $id) { id } }', {}, /^Variable "\$id" is not defined/],
  ['a document of nothing but spaces', '  ', {}, /./],
  [
    'a document that is nested too deep',
    `{ me ${'{ conversations { nodes { user '.repeat(20)}{ id }${'}'.repeat(61)}`,
    {},
    /./,
  ],
];

describe.each(stores)('bad input over GraphQL on %s', (on) => {
  let app: TestApp;
  let owner: Actor;
  let conversationId: string;
  let before: Readonly<Record<string, number>>;

  beforeAll(async () => {
    app = await startTestApp({ stores: on, settings: { PLANS: JSON.stringify({ free: PLAN }) } });
    owner = await signUp(app);
    conversationId = await owner.createConversation('a conversation');
  });
  afterAll(() => app.close());

  beforeEach(async () => {
    before = await rowCounts(app.database);
  });
  afterEach(async () => {
    expect(await rowCounts(app.database)).toEqual(before);
    expect(app.logged.filter(({ level }) => Number(level) >= 50)).toEqual([]);
  });

  const post = async (body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> => {
    const { status, json, text } = await rawRequest(Number(new URL(app.url).port), {
      method: 'POST',
      path: '/graphql',
      headers: { 'content-type': JSON_TYPE, accept: 'application/graphql-response+json', ...owner.headers, ...headers },
      body,
    });
    const event = /^event: next\ndata: (.*)$/m.exec(text)?.[1];
    return { status, ...((json ?? JSON.parse(event ?? 'null')) as Answer) };
  };
  const postOperation = (accept: string) => (query: string, variables: object) =>
    post(JSON.stringify({ query, variables }), { accept });

  const webSocket = async (query: string, variables: Readonly<Record<string, unknown>>): Promise<Answer> => {
    try {
      const [result] = await collect(owner.webSocket(query, variables));
      return result ?? {};
    } catch (errors) {
      return { errors: errors as NonNullable<Answer['errors']> };
    }
  };

  describe.each(['JSON', 'an event stream', 'a WebSocket'])('as %s', (door) => {
    const ask =
      door === 'a WebSocket'
        ? webSocket
        : postOperation(door === 'JSON' ? 'application/graphql-response+json' : 'text/event-stream');

    it.each(CASES)('%s is refused with a reason', async (_what, query, variables, reason) => {
      const sent = JSON.parse(JSON.stringify(variables).replace('$conversation', conversationId)) as typeof variables;
      const { status = 400, errors } = await ask(query, sent);
      expect(errors?.[0]?.message).toMatch(reason);
      expect(errors?.[0]?.extensions?.code).toMatch(/^(BAD_|GRAPHQL_|QUERY_)/);
      expect(status).toBeLessThan(500);
    });
  });

  it.each<readonly [string, string | Buffer, Record<string, string>, number, RegExp]>([
    ['no body', '', {}, 400, /empty/],
    ['broken JSON', '{"query": "{ me { id } }"', {}, 400, /not valid JSON/],
    ['a batch', '[{"query":"{ me { id } }"}]', {}, 400, /Batches/],
    ['a body that is a text', '"{ me { id } }"', {}, 400, /must be a JSON object/],
    ['null', 'null', {}, 400, /must be a JSON object/],
    ['a query that is a number', '{"query":7}', {}, 400, /query must be given, as a string/],
    ['variables that are a list', '{"query":"{ me { id } }","variables":[]}', {}, 400, /variables must be an object/],
    ['variables in a text', '{"query":"{ me { id } }","variables":"{}"}', {}, 400, /variables must be an object/],
    ['an operation name that is a list', '{"query":"{ me { id } }","operationName":[]}', {}, 400, /operationName/],
    ['an operation that is not there', '{"query":"{ me { id } }","operationName":"x"}', {}, 400, /"x"/],
    ['an infinite number', `{"query":"${LIST}","variables":{"first":1e999}}`, {}, 400, /Int cannot represent/],
    ['text that is not UTF-8', Buffer.from('{"query":"{ caf\u00e9 }"}', 'latin1'), {}, 400, /not UTF-8/],
    ['another media type', '{"query":"{ me { id } }"}', { 'content-type': 'text/plain' }, 415, /application\/json/],
    ['another charset', '{}', { 'content-type': 'application/json; charset=latin1' }, 415, /UTF-8/],
    ['an encoding', '{}', { 'content-encoding': 'gzip' }, 415, /content encoding/],
    ['five megabytes', JSON.stringify({ query: ' '.repeat(5_000_000) }), {}, 413, /larger than \d+ bytes/],
  ])('%s is refused', async (_what, body, headers, status, reason) => {
    for (const accept of ['application/graphql-response+json', 'application/json', 'text/event-stream']) {
      const answer = await post(body, { accept, ...headers });
      expect(answer.errors?.[0]?.message).toMatch(reason);
      if (accept.includes('graphql-response')) expect(answer.status).toBe(status);
      else expect(answer.status).toBeLessThan(500);
    }
  });

  it('of two values of one name the last counts, and __proto__ reaches no prototype', async () => {
    const query = '{"query":"{ nothing }","query":"{ __typename }","__proto__":{"polluted":true},"variables":{}}';
    expect(await post(query)).toEqual({ status: 200, data: { __typename: 'Query' } });
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it.each([
    ['text that is no JSON', 'hello', 4400],
    ['a message of no type', '{}', 4400],
    ['a message of an unknown type', '{"type":"dance"}', 4400],
    ['a list', '[]', 4400],
    ['an operation before the greeting', '{"type":"subscribe","id":"1","payload":{"query":"{ me { id } }"}}', 4401],
    ['a frame of five megabytes', JSON.stringify({ type: 'ping', payload: { a: 'x'.repeat(5_000_000) } }), 1009],
  ])('a WebSocket that sends %s is closed', async (_what, frame, code) => {
    const socket = new WebSocket(`${app.url.replace('http', 'ws')}/graphql`, 'graphql-transport-ws');
    await once(socket, 'open');
    socket.on('error', () => undefined);
    socket.send(frame);
    const [closed] = (await once(socket, 'close')) as [number];
    expect(closed).toBe(code);
  });
});
