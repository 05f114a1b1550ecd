import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import net from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { rawRequest, type RawAnswer, type RawRequest } from '../../../test/support/raw-request.js';
import { BOOK_ID, startRestDoor, type RunningRestDoor } from '../../../test/support/rest-fixture.js';

const GOOD = { authorization: 'Bearer good' };
const BOOK = {
  book_id: BOOK_ID,
  title: 'Middlemarch',
  sub_title: null,
  cover: 'HARD',
  printed_at: '2026-01-31T12:00:00.000Z',
  extra: { a: [1] },
  owner_id: '01890a5d-ac96-774b-bcce-b302099a8058',
};

let running: RunningRestDoor;
beforeAll(async () => {
  running = await startRestDoor();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});
beforeEach(() => {
  running.library.calls.length = 0;
  running.logged.length = 0;
});

const send = (request: RawRequest): Promise<RawAnswer> => rawRequest(running.port, request);
const get = (path: string, headers: RawRequest['headers'] = {}) => send({ path: `/api/v1${path}`, headers });
const sendBody = (method: string, path: string, body: unknown, headers: Record<string, string> = {}) =>
  send({
    method,
    path: `/api/v1${path}`,
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
const post = (path: string, body: unknown, headers?: Record<string, string>) => sendBody('POST', path, body, headers);
const faultsOf = (answer: RawAnswer) => {
  expect(answer.json).toEqual({ code: 422, message: 'Validation error', data: { errors: expect.any(Array) } });
  const { data } = answer.json as { data: { errors: { field: string; message: string }[] } };
  return Object.fromEntries(data.errors.map(({ field, message }) => [field, message]));
};
const failure = (code: number, message: string) => ({ code, message, data: null });

describe('a successful answer', () => {
  it('is the envelope with the object in the names of the wire', async () => {
    const answer = await get(`/books/${BOOK_ID}`);
    expect(answer.json).toEqual({ code: 200, message: 'Success', data: BOOK });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
    expect(answer.headers['x-request-id']).toMatch(/^request-/);
    expect(answer.headers['cache-control']).toBe('no-store');
  });

  it('is the same when the document is compiled', async () => {
    for (let run = 0; run < 6; run++) {
      expect((await get(`/books/${BOOK_ID}`)).json).toEqual({ code: 200, message: 'Success', data: BOOK });
    }
  });

  it('shows a connection as a list', async () => {
    const answer = await get('/books?skip=0', GOOD);
    expect(answer.json).toEqual({ code: 200, message: 'Success', data: [BOOK] });
  });

  it('shows one field of the result where the route says so', async () => {
    const answer = await post(`/books/${BOOK_ID}/lend`, { note: 'for a week' }, { ...GOOD, 'x-ticket': 't1' });
    expect(answer.json).toEqual({ code: 200, message: 'Success', data: BOOK });
    expect(running.library.calls).toEqual([{ bookId: BOOK_ID, note: 'for a week', ticket: 't1' }]);
  });

  it("shows what a route's own data makes of the result", async () => {
    const answer = await send({ method: 'DELETE', path: '/api/v1/books?ids=a&ids=b', headers: GOOD });
    expect(answer.json).toEqual({ code: 200, message: 'Success', data: { deleted: 2 } });
  });

  it('answers HEAD as GET, without the body', async () => {
    const whole = await get(`/books/${BOOK_ID}`);
    const answer = await send({ method: 'HEAD', path: `/api/v1/books/${BOOK_ID}` });
    expect(answer).toMatchObject({ status: 200, text: '' });
    expect(answer.headers['content-length']).toBe(String(Buffer.byteLength(whole.text)));
  });

  it('welcomes at the root', async () => {
    const answer = await send({ path: '/' });
    expect(answer.text).toBe('{"code":200,"message":"Success","data":{"message":"Welcome to Flynkle API"}}');
  });

  it('welcomes browsers at the root by a page with links to what is here', async () => {
    const browser = { accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8' };
    const answer = await send({ path: '/', headers: browser });
    expect(answer.status).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      vary: 'Accept, Accept-Encoding',
    });
    const links = [...answer.text.matchAll(/href="(\/.*?)"/g)].map(([, path]) => path);
    expect(links).toEqual(['/graphql', '/docs', '/api/v1/openapi.json', '/api/v1/health']);
    for (const accept of ['*/*', 'application/json', 'application/json, text/html;q=0.9', 'text/html;q=0'])
      expect((await send({ path: '/', headers: { accept } })).json).toMatchObject({ code: 200 });
  });
});

describe('what a resolver gets', () => {
  it('has the defaults of the route for what was not sent', async () => {
    await get('/books', GOOD);
    expect(running.library.calls).toEqual([{ first: 100, offset: 0, search: undefined, lentOnly: undefined }]);
  });

  it('has path, query, header and body values under their GraphQL names', async () => {
    await get('/books?q=caf%C3%A9+noir&lent_only=1&limit=5&skip=10&unknown=x', GOOD);
    expect(running.library.calls).toEqual([{ first: 5, offset: 10, search: 'café noir', lentOnly: true }]);
  });

  it('has input objects, nested ones too, with their defaults and constants', async () => {
    await post('/books', {
      title: 'Emma',
      sub_title: null,
      is_lent: false,
      page_count: 474,
      weight: 0.5,
      key_words: ['a', 'b'],
      printed_at: '2026-01-31T12:00:00Z',
      extra: { camelCase: { __proto__: null, deep: [{}] } },
      shelf: { room_name: 'R1', row_number: 2 },
      book_id: 'is ignored',
    });
    expect(running.library.calls).toEqual([
      {
        input: expect.objectContaining({
          title: 'Emma',
          subTitle: null,
          cover: 'soft-cover',
          isLent: false,
          pageCount: 474,
          weight: 0.5,
          keyWords: ['a', 'b'],
          printedAt: new Date('2026-01-31T12:00:00Z'),
          extra: { camelCase: { deep: [{}] } },
          shelf: expect.objectContaining({ roomName: 'R1', rowNumber: 2 }),
          ownerId: '01890a5d-ac96-774b-bcce-b302099a8058',
        }),
      },
    ]);
  });

  it.each(['PUT', 'PATCH'])('tells null from what was left out, on %s, interpreted and compiled', async (method) => {
    for (let run = 0; run < 6; run++) {
      running.library.calls.length = 0;
      const answer = await sendBody(method, `/books/${BOOK_ID}`, { sub_title: null }, GOOD);
      expect(answer.status).toBe(200);
      expect(running.library.calls).toEqual([{ id: BOOK_ID, input: { subTitle: null } }]);
      expect(Object.keys((running.library.calls[0] as { input: object }).input)).not.toContain('title');
    }
  });

  it('has an empty object for an empty body where nothing is required', async () => {
    const answer = await send({ method: 'PATCH', path: `/api/v1/books/${BOOK_ID}`, headers: GOOD });
    expect(answer.status).toBe(200);
    expect(running.library.calls).toEqual([{ id: BOOK_ID, input: {} }]);
  });

  it('decodes path parameters', async () => {
    await get('/books/a%2Fb%20c%25');
    expect(running.library.calls).toEqual([{ id: 'a/b c%' }]);
  });

  it('is not harmed by a key named __proto__', async () => {
    const answer = await sendBody(
      'PATCH',
      `/books/${BOOK_ID}`,
      '{"__proto__":{"x":1},"__proto__":{"title":"y"}}',
      GOOD,
    );
    expect(answer.status).toBe(200);
    expect(running.library.calls).toEqual([{ id: BOOK_ID, input: {} }]);
    expect({}).not.toHaveProperty('title');
    await post('/books', '{"title":"x","extra":{"__proto__":{"admin":true}}}');
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
  });
});

describe('bad input', () => {
  it('is answered with every fault at once, in the names of the wire', async () => {
    const body = {
      sub_title: 'far too long for the rule of twenty',
      cover: 'PAPER',
      is_lent: 'true',
      page_count: 1.5,
      weight: '1',
      key_words: ['a', 2, null],
      printed_at: 'yesterday',
      extra: 'text',
      shelf: { row_number: 2 ** 40, colour: 'red' },
      owner_id: 'not taken from the body',
      constructor: 1,
    };
    const strict = { prefer: 'handling=strict' };
    const lenient = await post('/books', body);
    const answer = await post('/books', body, strict);
    expect(answer.headers['preference-applied']).toBe('handling=strict');
    expect(lenient.headers).not.toHaveProperty('preference-applied');
    const { owner_id: _owner, constructor: _constructor, 'shelf.colour': _colour, ...others } = faultsOf(answer);
    expect(faultsOf(lenient)).toEqual(others);
    expect(answer.status).toBe(422);
    expect(faultsOf(answer)).toEqual({
      title: 'is required',
      sub_title: 'must be at most 20 characters',
      cover: 'must be one of HARD, SOFT',
      is_lent: 'must be true or false',
      page_count: 'must be an integer',
      weight: 'must be a number',
      'key_words.1': 'must be a string',
      'key_words.2': 'must not be null',
      printed_at: 'must be a date and time in RFC 3339, as 2026-01-31T12:00:00Z',
      extra: 'must be an object',
      'shelf.row_number': 'must be from -2147483648 to 2147483647',
      'shelf.colour': 'is not a known field',
      'shelf.room_name': 'is required',
      owner_id: 'is not a known field',
      constructor: 'is not a known field',
    });
    expect(running.library.calls).toEqual([]);
  });

  it('is found by the rules of the operation alone', async () => {
    expect(faultsOf(await post('/books', { title: ' ', sub_title: 'x'.repeat(21) }))).toEqual({
      title: 'must not be empty',
      sub_title: 'must be at most 20 characters',
    });
  });

  it('is told in the names of the wire when a service finds it', async () => {
    expect(faultsOf(await post('/books', { title: 'bad' }))).toEqual({
      sub_title: 'is dull',
      'shelf.room_name': 'is full',
    });
    expect(faultsOf(await get('/books?limit=101&skip=-1', GOOD))).toEqual({
      limit: 'must be from 1 to 100',
      skip: 'must be from 0 to 1000000',
    });
  });

  it.each([
    ['limit=ten', { limit: 'must be an integer' }],
    ['limit=', { limit: 'must be an integer' }],
    ['limit=1e1', { limit: 'must be an integer' }],
    ['limit=0x10', { limit: 'must be an integer' }],
    ['limit=99999999999', { limit: 'must be from -2147483648 to 2147483647' }],
    ['limit=1&limit=2', { limit: 'must be given once' }],
    ['lent_only=banana', { lent_only: 'must be true or false' }],
    ['lent_only=maybe&skip=x', { lent_only: 'must be true or false', skip: 'must be an integer' }],
    ['q=%00', { q: 'must not contain a NUL character' }],
  ])('in the query string %s is a fault', async (search, faults) => {
    expect(faultsOf(await get(`/books?${search}`, GOOD))).toEqual(faults);
  });

  it('in a list of the query string names the item', async () => {
    const answer = await send({ method: 'DELETE', path: '/api/v1/books', headers: GOOD });
    expect(faultsOf(answer)).toEqual({ ids: 'is required' });
  });

  it('in a header is told by its name', async () => {
    const headers = ['host', 'x', 'authorization', 'Bearer good', 'x-ticket', '1', 'X-Ticket', '2'];
    const answer = await send({ method: 'POST', path: '/api/v1/books/a%00/lend', headers, body: '{"note":"n"}' });
    expect(faultsOf(answer)).toEqual({
      'X-Ticket': 'must be given once',
      book_id: 'must not contain a NUL character',
    });
  });

  it('of text that cannot be stored is named, field by field', async () => {
    const answer = await post('/books', '{"title":"\\u0000","sub_title":"\\ud800","extra":{"a":["\\udfff"]}}');
    expect(faultsOf(answer)).toEqual({
      title: 'must not contain a NUL character',
      sub_title: 'must be well-formed Unicode, without a lone surrogate',
      'extra.a.0': 'must be well-formed Unicode, without a lone surrogate',
    });
  });

  it('nested too deep is refused, a million levels too', async () => {
    const deep = (levels: number) => `{"title":"x","extra":${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}}`;
    expect((await post('/books', deep(32))).status).toBe(200);
    expect(Object.keys(faultsOf(await post('/books', deep(33))))).toEqual([`extra${'.a'.repeat(32)}`]);
    expect((await post('/books', `{"title":"x","extra":${'['.repeat(30_000)}${']'.repeat(30_000)}}`)).status).toBe(422);
  });

  it.each([['[]'], ['null'], ['"text"'], ['1']])('of the body %s, which is no object, is refused', async (body) => {
    expect(faultsOf(await post('/books', body))).toEqual({ body: 'must be a JSON object' });
  });

  it.each([['{'], ['{"title":}'], ['title=x'], ['{"title":"x"} x'], ['  ']])(
    'of the body %s, which is no JSON, is 400',
    async (body) => {
      expect(await post('/books', body)).toMatchObject({ status: 400, json: failure(400, 'Malformed JSON') });
    },
  );

  it('that is not UTF-8 is 400', async () => {
    const body = Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]);
    const answer = await send({ method: 'POST', path: '/api/v1/books', body });
    expect(answer.json).toEqual(failure(400, 'Malformed JSON'));
  });

  it.each([
    ['text/plain'],
    ['application/x-www-form-urlencoded'],
    ['multipart/form-data; boundary=x'],
    ['application/jsonp'],
    ['application/json; charset=utf-16'],
    ['garbage'],
  ])('of the media type %s is 415', async (mediaType) => {
    const answer = await post('/books', { title: 'x' }, { 'content-type': mediaType });
    expect(answer).toMatchObject({ status: 415, json: failure(415, 'Unsupported media type') });
  });

  it.each([['application/json; charset=UTF-8'], ['application/vnd.api+json'], ['APPLICATION/JSON']])(
    'is not what a body of the media type %s is',
    async (mediaType) => {
      expect((await post('/books', { title: 'x' }, { 'content-type': mediaType })).status).toBe(200);
    },
  );

  it('in a compressed body is 415', async () => {
    const answer = await post('/books', { title: 'x' }, { 'content-encoding': 'gzip' });
    expect(answer.status).toBe(415);
  });

  it('over the limit is 413, and the client can read so while it still sends', async () => {
    const body = Buffer.alloc(5_000_000, 0x20);
    for (const headers of [{ 'content-length': body.length }, { 'transfer-encoding': 'chunked' }]) {
      const answer = await send({ method: 'POST', path: '/api/v1/books', headers, body });
      expect(answer).toMatchObject({ status: 413, json: failure(413, 'Payload too large') });
    }
  });
});

describe('a client that leaves', () => {
  it('while it sends the body is not an error, and the next one is served', async () => {
    const socket = net.connect(running.port, '127.0.0.1');
    const head =
      'POST /api/v1/books HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n';
    const arrived = once(running.server, 'request');
    socket.write(`${head}{"title":`);
    const [, response] = (await arrived) as [unknown, ServerResponse];
    socket.destroy();
    await once(response, 'close');
    expect((await post('/books', { title: 'x' })).status).toBe(200);
    expect(running.logged).toEqual([]);
  });
});

describe('credentials', () => {
  it('come before the input, so that a stranger learns nothing of it', async () => {
    const answer = await get('/books?limit=banana');
    expect(answer).toMatchObject({ status: 401, json: failure(401, 'Missing credentials') });
    expect(answer.headers['www-authenticate']).toBe('Bearer');
    const withBody = await post(`/books/${BOOK_ID}/lend`, '{', { authorization: 'Bearer bad' });
    expect(withBody.json).toEqual(failure(401, 'Invalid token'));
  });

  it('are not asked for where anyone may call', async () => {
    expect((await get(`/books/${BOOK_ID}`, { authorization: 'Bearer bad' })).status).toBe(200);
  });

  it('that were sent twice are none', async () => {
    const headers = ['host', 'x', 'authorization', 'Bearer good', 'authorization', 'Bearer bad'];
    expect((await get('/books', headers)).json).toEqual(failure(401, 'Invalid token'));
  });
});

describe('an error', () => {
  it.each([
    [{ title: 'twice' }, failure(400, 'Book already exists')],
    [{ title: 'bad', page_count: 1 }, expect.objectContaining({ code: 422 })],
  ])('has the status that the route gives it: %j', async (body, json) => {
    expect((await post('/books', body)).json).toEqual(json);
  });

  it('has the data and headers of the contract', async () => {
    const lend = (note: string) => post(`/books/${BOOK_ID}/lend`, { note }, GOOD);
    const often = await lend('often');
    expect(often).toMatchObject({ status: 429, json: failure(429, 'Too many books') });
    expect(often.headers['retry-after']).toBe('7');
    expect((await lend('model')).json).toEqual({
      code: 502,
      message: 'OpenAI request failed',
      data: { source: 'openai', reason: 'timeout' },
    });
    expect((await lend('lent')).json).toEqual({ code: 502, message: 'The book is lent', data: { why: 'to Ada' } });
    expect((await lend('closed')).json).toEqual(failure(503, 'The library is closed'));
    expect((await get('/books/missing')).json).toEqual(failure(404, 'Book not found'));
  });

  it('takes the words of the route instead of its own', async () => {
    const remove = (path: string, headers: Record<string, string>) => send({ method: 'DELETE', path, headers });
    expect((await remove('/api/v1/books?ids=a', {})).json).toEqual(failure(401, 'Missing admin header'));
    expect((await remove('/api/v1/books?ids=no', GOOD)).json).toEqual(failure(403, 'Admin privileges required'));
    const disabled = { authorization: 'Bearer disabled' };
    expect((await remove('/api/v1/books?ids=a', disabled)).json).toEqual(failure(403, 'Account disabled'));
    expect((await post('/read', { title: 1 })).json).toEqual(failure(400, 'Title required'));
  });

  it('that nobody expected is masked, logged, and found again by the request id', async () => {
    const answer = await get('/books/boom');
    expect(answer).toMatchObject({ status: 500, json: failure(500, 'Internal server error') });
    expect(answer.text).not.toContain('hunter2');
    expect(running.logged).toEqual([expect.objectContaining({ requestId: answer.headers['x-request-id'] })]);
  });
});

describe('a path', () => {
  it.each([
    ['/api/v1'],
    ['/api/v1/'],
    ['/api/v1/nothing'],
    ['/api/v2/books'],
    ['/nothing'],
    ['/api/v1/books/a/b/c'],
    ['/api//v1/books'],
    ['/%'],
    ['/api/v1/books/%zz'],
    ['/api/v1/books/%ff'],
    [`/api/v1/books/${'x'.repeat(600)}`],
    ['/API/V1/books'],
  ])('%s that is not known is 404', async (path) => {
    expect(await send({ path, headers: GOOD })).toMatchObject({ status: 404, json: failure(404, 'Not found') });
  });

  it.each([
    ['/api/v1/webhook'],
    ['/api/v1/webhook/'],
    ['/api/v1/webhook/1'],
    ['/api/./v1/webhook'],
    ['/api/v1/./webhook'],
    ['/x/../api/v1/webhook'],
    ['/api/v1/x/../webhook'],
    ['/api/v1/%77ebhook'],
    ['/api/v1/%2e/webhook'],
    ['/api/v1/x/%2e%2e/webhook'],
    ['/api/v1//webhook'],
    ['/api%2Fv1%2Fwebhook'],
    ['http://other.example/api/v1/webhook'],
  ])('%s leads to no webhook', async (path) => {
    for (const method of ['POST', 'GET', 'DELETE']) {
      const body = '{"subscription":"pages","variables":{},"url":"http://127.0.0.1:1/"}';
      const headers = { ...GOOD, 'content-type': 'application/json' };
      const answer = await send({ method, path, headers, body });
      expect(answer).toMatchObject({ status: 404, json: failure(404, 'Not found') });
    }
  });

  it.each([
    ['POST', '/', 'GET, HEAD'],
    ['DELETE', `/api/v1/books/${BOOK_ID}`, 'GET, HEAD, PUT, PATCH'],
    ['PATCH', '/api/v1/books', 'GET, HEAD, POST, DELETE'],
    ['PROPFIND', '/api/v1/books', 'GET, HEAD, POST, DELETE'],
    ['HEAD', '/api/v1/read', 'POST'],
    ['POST', '/api/v1/openapi.json', 'GET, HEAD'],
  ])('with another method than its own, %s %s, is 405', async (method, path, allow) => {
    const answer = await send({ method, path });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe(allow);
    if (method !== 'HEAD') expect(answer.json).toEqual(failure(405, 'Method not allowed'));
  });

  it('may end in a slash, and be written absolute', async () => {
    expect((await get(`/books/${BOOK_ID}/`)).status).toBe(200);
    expect((await send({ path: `http://host.example/api/v1/books/${BOOK_ID}` })).status).toBe(200);
  });
});
