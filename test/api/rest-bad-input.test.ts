import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { rawRequest } from '../support/raw-request.js';
import { rowCounts } from '../support/row-counts.js';

const PLAN = { price: 0, daily_messages: 9_000, daily_tokens: 9_000_000, max_conversations: 900, max_file_uploads: 99 };
const NO_ADDRESS = 'must be an e-mail address';
const NUL = 'must not contain a NUL character';
const SURROGATE = 'must be well-formed Unicode, without a lone surrogate';
const DEEP = 'must not be nested more than 32 levels deep';

const nested = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
const messageOf = (content: string) => `{"message_type":"user","content":${content}}`;

/** Route, raw body, and the faults in the answer. */
const BODIES: readonly (readonly [string, string, Readonly<Record<string, unknown>>])[] = [
  ['POST /conversations', '{"title":"a\\u0000b"}', { title: NUL }],
  ['POST /conversations', '{"title":"\\ud800"}', { title: SURROGATE }],
  ['POST /conversations', '{"title":"\\udc00\\ud800","status":7}', { title: SURROGATE, status: 'must be a string' }],
  ['POST /conversations', '{"title":1e999}', { title: 'must be a string' }],
  ['POST /conversations', '{"title":"fine","title":7}', { title: 'must be a string' }],
  ['POST /conversations', `{"title":${nested(20_000)}}`, { title: 'must be a string' }],
  ['POST /conversations/$conversation/messages', messageOf('{"a":{"b":["\\u0000"]}}'), { 'content.a.b.0': NUL }],
  ['POST /conversations/$conversation/messages', messageOf('{"\\u0000":1}'), { content: `has a name that ${NUL}` }],
  [
    'POST /conversations/$conversation/messages',
    messageOf('{"\\ud800":1}'),
    { content: `has a name that ${SURROGATE}` },
  ],
  ['POST /conversations/$conversation/messages', messageOf(nested(33)), deep(33)],
  ['POST /conversations/$conversation/messages', messageOf(nested(20_000)), deep(33)],
  ['POST /conversations/$conversation/messages', messageOf('"text"'), { content: 'must be an object' }],
  [
    'POST /conversations/$conversation/messages',
    messageOf(`{"a":"${'x'.repeat(300_000)}"}`),
    { content: 'must be at most 262144 bytes as JSON' },
  ],
  ['POST /users', '{"provider":"\\u0000","password":"long enough\\ud800"}', { provider: NUL, password: SURROGATE }],
  ['POST /auth/login', '{"email":"a\\u0000@b.c","password":"x"}', { email: NUL }],
  ['POST /chat', '{"message":"\\u0000"}', { message: NUL }],
  ['PATCH /users/me', '{"profile":[]}', { profile: 'must be an object' }],
  ['PATCH /users/me', '{"verified_at":"yesterday"}', { verified_at: expect.stringContaining('RFC 3339') }],
  ['PATCH /users/me', '{"verified_at":"0000-01-01T00:00:00Z"}', { verified_at: 'must be in the year 1 or later' }],
  ['POST /users', '{"provider":"email","password":"long enough words","email":"a@-b.c"}', { email: NO_ADDRESS }],
  ['PATCH /users/me', '{"email":"a\\u202eb@example.com"}', { email: NO_ADDRESS }],
  ['PATCH /users/me', '{"email":"mi\\u212ae@example.com"}', { email: NO_ADDRESS }],
  ['PATCH /users/me', '{"is_admin":"true"}', { is_admin: 'must be true or false' }],
  ['PATCH /users/me', '{"password":null,"plan":null}', { password: 'must not be null', plan: 'must not be null' }],
];

/** Path with query, and the faults in the answer. */
const TARGETS: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
  ['/conversations/7', { conversation_id: 'must be a UUID' }],
  ['/conversations/%00', { conversation_id: NUL }],
  ['/conversations/01980f3e-8c1d-7a52-9d0e-6f2f4f2b6c1g', { conversation_id: 'must be a UUID' }],
  ['/conversations/__proto__', { conversation_id: 'must be a UUID' }],
  ['/messages/%F0%9F%92%A5', { message_id: 'must be a UUID' }],
  ['/messages/01980f3e-8c1d-7a52-9d0e-6f2f4f2b6c11/stream?after=2147483647', { after: 'must be at most 2147483646' }],
  ['/messages/7/stream?after=-1', { message_id: 'must be a UUID', after: 'must be 0 or more' }],
  ['/conversations?q=%00', { q: NUL }],
  [
    '/conversations?limit=1e999&skip=99999999999999999999',
    {
      limit: 'must be an integer',
      skip: expect.stringMatching(/^must be/),
    },
  ],
  ['/conversations?limit=5&limit=6', { limit: 'must be given once' }],
  ['/conversations?limit=&skip=-0', { limit: 'must be an integer', skip: 'must be an integer' }],
  ['/conversations?limit=0x10&skip=+1', { limit: 'must be an integer', skip: 'must be an integer' }],
  ['/conversations?skip=1000001', { skip: 'must be from 0 to 1000000' }],
  [`/conversations?q=${'x'.repeat(10_000)}`, { q: 'must be at most 100 characters' }],
];

function deep(levels: number): Readonly<Record<string, string>> {
  return { [`content${'.a'.repeat(levels - 1)}`]: DEEP };
}

describe.each(stores)('bad input over REST on %s', (on) => {
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

  const send = async (method: string, path: string, body?: string) => {
    const { json } = await rawRequest(Number(new URL(app.url).port), {
      method,
      path: `/api/v1${path.replace('$conversation', conversationId)}`,
      headers: { ...owner.headers, ...(body === undefined ? {} : { 'content-type': 'application/json' }) },
      ...(body === undefined ? {} : { body }),
    });
    return json;
  };
  const failureOf = (faults: Readonly<Record<string, unknown>>) => ({
    code: 422,
    message: 'Validation error',
    data: {
      errors: expect.arrayContaining(Object.entries(faults).map(([field, message]) => ({ field, message }))),
    },
  });
  const faultCount = (answer: unknown) => (answer as { data: { errors: readonly unknown[] } }).data.errors.length;

  it.each(BODIES.map(([route, body, faults]) => ({ route, body, faults, title: body.slice(0, 60) })))(
    '$route refuses $title',
    async ({ route, body, faults }) => {
      const [method = '', path = ''] = route.split(' ');
      const answer = await send(method, path, body);
      expect(answer).toEqual(failureOf(faults));
      expect(faultCount(answer)).toBe(Object.keys(faults).length);
    },
  );

  it.each(TARGETS.map(([path, faults]) => ({ path, faults, title: path.slice(0, 60) })))(
    'GET $title is refused',
    async ({ path, faults }) => {
      const answer = await send('GET', path);
      expect(answer).toEqual(failureOf(faults));
      expect(faultCount(answer)).toBe(Object.keys(faults).length);
    },
  );

  it('text that is not UTF-8 in a query is no match, and no error', async () => {
    expect(await send('GET', '/conversations?q=%ff%fe')).toEqual({ code: 200, message: 'Success', data: [] });
  });
});
