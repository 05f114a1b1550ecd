import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { serverAudits } from 'graphql-http';
import { startDoors, type ExampleDoors } from '../../test/support/example-doors.js';
import { rawRequest } from '../../test/support/raw-request.js';

let doors: ExampleDoors;
beforeAll(async () => {
  doors = await startDoors();
});
afterAll(() => doors.close());

const GRAPHQL_JSON = { accept: 'application/graphql-response+json' };
const NAMED_JSON = { accept: 'application/json' };

/** The status, and the first error without its locations. */
async function outcome(answer: Response | Promise<Response>) {
  const response = await answer;
  const body = (await response.json()) as { data?: unknown; errors?: { message: string; extensions: object }[] };
  const error = body.errors?.[0];
  return { status: response.status, data: body.data, message: error?.message, ...error?.extensions };
}

describe('the audits of GraphQL over HTTP', () => {
  it('are all passed over a listening socket', async () => {
    const audits = serverAudits({ url: doors.url, fetchFn: fetch });
    const results = await Promise.all(audits.map(({ fn }) => fn()));
    expect(results.filter(({ status }) => status !== 'ok').map((result) => `${result.id} ${result.name}`)).toEqual([]);
    expect(results).toHaveLength(61);
  });
});

describe('an operation', () => {
  it('is answered by POST and by GET alike', async () => {
    const query = 'query ($name: String!) { hello(name: $name) }';
    const posted = await doors.post(query, { name: 'Ada' });
    expect(await posted.text()).toBe('{"data":{"hello":"Hello, Ada"}}\n');
    const search = new URLSearchParams({ query, variables: '{"name":"Ada"}' });
    expect(await (await fetch(`${doors.url}?${search}`)).json()).toEqual({ data: { hello: 'Hello, Ada' } });
  });

  it('is answered in the media type that its client likes best', async () => {
    const typeFor = async (accept: string) =>
      (await doors.post('{ hello }', {}, { accept })).headers.get('content-type');
    expect(await typeFor('*/*')).toBe('application/json; charset=utf-8');
    expect(await typeFor('application/graphql-response+json, application/json;q=0.9')).toMatch(
      /^application\/graphql-response\+json/,
    );
    expect(await typeFor('text/html;q=0.2, application/json;q=0.5')).toMatch(/^application\/json/);
    expect(await typeFor('application/graphql-response+json, application/json, text/event-stream')).toMatch(
      /graphql-response/,
    );
    expect(await typeFor('text/event-stream')).toMatch(/^text\/event-stream/);
    expect(await typeFor('application/json; charset=utf-8')).toMatch(/^application\/json/);
    expect(await outcome(doors.post('{ hello }', {}, { accept: 'image/png' }))).toMatchObject({
      status: 406,
      code: 'NOT_ACCEPTABLE',
    });
  });

  it('is not answered in a media type that its client refuses', async () => {
    const typeFor = async (accept: string) =>
      (await doors.post('{ hello }', {}, { accept })).headers.get('content-type');
    expect(await typeFor('application/json;q=0, */*')).toMatch(/^application\/graphql-response\+json/);
    expect(await typeFor('application/*;q=0, */*')).toMatch(/^text\/event-stream/);
    expect(await typeFor('application/graphql-response+json;q=0, */*')).toMatch(/^application\/json/);
    expect(await outcome(doors.post('{ hello }', {}, { accept: '*/*;q=0' }))).toMatchObject({ status: 406 });
    const refused = { accept: 'text/event-stream;q=0, */*' };
    expect(await outcome(doors.post('subscription { count(to: 1) }', {}, refused))).toMatchObject({ status: 406 });
  });

  it('may not be a mutation by GET', async () => {
    const answer = await fetch(`${doors.url}?query=${encodeURIComponent('mutation { login(password: "x") }')}`);
    expect(answer.headers.get('allow')).toBe('POST');
    expect(await outcome(answer)).toMatchObject({ status: 405, message: 'A mutation must be sent by POST' });
    expect(doors.journal.calls).not.toContain('login x');
  });

  it('may not be a subscription where only JSON is taken', async () => {
    expect(await outcome(doors.post('subscription { count(to: 1) }', {}, NAMED_JSON))).toMatchObject({
      status: 406,
      message: 'A subscription is answered as text/event-stream, or over a WebSocket',
    });
  });
});

describe('the status', () => {
  const failing: [string, number, string][] = [
    ['{ secret }', 401, 'UNAUTHENTICATED'],
    ['{ missing }', 404, 'NOT_FOUND'],
    ['{ limited }', 429, 'RATE_LIMITED'],
    ['{ invalid }', 422, 'BAD_USER_INPUT'],
    ['{ explode }', 500, 'INTERNAL_SERVER_ERROR'],
    ['{ hello', 400, 'GRAPHQL_PARSE_FAILED'],
    ['{ helo }', 400, 'GRAPHQL_VALIDATION_FAILED'],
    ['query ($n: String!) { hello(name: $n) }', 400, 'BAD_USER_INPUT'],
    ['query A { hello } query B { hello }', 400, 'OPERATION_RESOLUTION_FAILURE'],
    [
      `mutation { ${Array.from({ length: 100 }, (_, index) => `a${index}: login(password: "p")`).join(' ')} }`,
      400,
      'QUERY_TOO_COMPLEX',
    ],
  ];

  it.each(failing)(
    'of %j is %i without data, and 200 for a client that names application/json',
    async (query, status, code) => {
      expect(await outcome(doors.post(query, {}, GRAPHQL_JSON))).toMatchObject({ status, code });
      expect(await outcome(doors.post(query))).toMatchObject({ status, code });
      expect(await outcome(doors.post(query, {}, NAMED_JSON))).toMatchObject({ status: 200, code });
    },
  );

  it('is 200 with partial data', async () => {
    expect(await outcome(doors.post('{ maybe hello }', {}, GRAPHQL_JSON))).toMatchObject({
      status: 200,
      data: { maybe: null, hello: 'Hello, world' },
      code: 'NOT_FOUND',
    });
  });

  it('comes with the headers that it asks for', async () => {
    expect((await doors.post('{ limited }')).headers.get('retry-after')).toBe('7');
    expect((await doors.post('{ secret }')).headers.get('www-authenticate')).toBe('Bearer');
    expect(await outcome(doors.post('{ secret }', {}, { authorization: 'Bearer good' }))).toMatchObject({
      status: 200,
    });
  });
});

describe('bad input', () => {
  const send = (
    body: string | Uint8Array<ArrayBuffer>,
    headers: Record<string, string> = { 'content-type': 'application/json' },
  ) => outcome(fetch(doors.url, { method: 'POST', headers, body }));

  const bodies: [string, string, string][] = [
    ['broken JSON', '{"query":', 'The body is not valid JSON'],
    ['an empty body', '', 'The body is empty; send {"query": "..."}'],
    ['a batch', '[{"query":"{ hello }"}]', 'Batches are not supported. Send one operation a request'],
    ['a text', '"{ hello }"', 'The body must be a JSON object'],
    ['null', 'null', 'The body must be a JSON object'],
    ['no query', '{}', 'The parameter query must be given, as a string'],
    ['an empty query', '{"query":" "}', 'The parameter query is empty'],
    ['a number for the query', '{"query":5}', 'The parameter query must be given, as a string'],
    [
      'a list of variables',
      '{"query":"{ hello }","variables":[]}',
      'The parameter variables must be an object or null',
    ],
  ];
  it.each(bodies)('is refused: %s', async (_name, body, start) => {
    const { message, ...answer } = await send(body);
    expect(message?.slice(0, start.length)).toBe(start);
    expect(answer).toEqual({ status: 400, data: undefined, code: 'BAD_REQUEST' });
  });

  it('is refused in another media type, charset or encoding', async () => {
    const body = '{"query":"{ hello }"}';
    for (const type of [
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/graphql',
      'application/json; charset=latin1',
      'application/json; profile="charset=utf-8"; charset="latin1"',
    ]) {
      expect(await send(body, { 'content-type': type })).toMatchObject({ status: 415, code: 'UNSUPPORTED_MEDIA_TYPE' });
    }
    expect(await send(body, { 'content-type': 'application/json', 'content-encoding': 'gzip' })).toMatchObject({
      status: 415,
    });
    for (const type of ['Application/JSON; Charset="UTF-8"', 'application/json; profile="charset=latin1"'])
      expect(await send(body, { 'content-type': type })).toMatchObject({ status: 200 });
  });

  it('is refused when it is not UTF-8', async () => {
    const bytes = Buffer.from('{"query":"{ hello(name: \\"é\\") }"}', 'latin1');
    expect(await send(new Uint8Array(bytes))).toMatchObject({ status: 400, message: 'The body is not UTF-8' });
  });

  it('is refused with NUL or a lone surrogate, with the path', async () => {
    const body =
      '{"query":"mutation ($input: ThingInput!) { store(input: $input) }","variables":{"input":{"email":"a\\u0000"}}}';
    expect(await send(body)).toMatchObject({ status: 422, message: 'input.email must not contain a NUL character' });
    expect(await send(body.replace('\\u0000', '\\ud800'))).toMatchObject({ status: 422, code: 'BAD_USER_INPUT' });
    expect(doors.journal.calls.filter((call) => call.startsWith('store'))).toEqual([]);
  });

  it('survives a prototype in the variables', async () => {
    const body = '{"query":"{ hello }","variables":{"__proto__":{"x":1},"constructor":{"prototype":{}}}}';
    expect(await send(body)).toMatchObject({ status: 200 });
  });

  it('of 5 MB is refused with an answer that the client can read', async () => {
    const body = JSON.stringify({ query: '{ hello }', variables: { padding: 'x'.repeat(5_000_000) } });
    const refused = { status: 413, code: 'PAYLOAD_TOO_LARGE', message: 'The body is larger than 65536 bytes' };
    for (let round = 0; round < 5; round += 1) expect(await send(body)).toMatchObject(refused);
    const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
    const answer = await rawRequest(doors.port, { method: 'POST', path: '/graphql', headers, body });
    expect(answer.status).toBe(413);
  });

  it('of more than 64 KB needs valid credentials, which are checked before it is read', async () => {
    const variables = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`v${at}`, at]));
    const long = JSON.stringify({ query: '{ hello }', variables: { padding: 'x'.repeat(70_000) } });
    const as = (authorization: string) => ({ authorization, 'content-type': 'application/json' });
    expect(await send(long, as('Bearer good'))).toMatchObject({ status: 200 });
    const tooLong = { status: 413, message: 'The body is larger than 65536 bytes' };
    expect(await send(JSON.stringify({ query: '{ hello }', variables: variables(60_000) }))).toMatchObject(tooLong);
    expect(await send(long)).toMatchObject(tooLong);
    expect(await send(long, as('Bearer other'))).toMatchObject({ status: 401, code: 'UNAUTHENTICATED' });
    const most = JSON.stringify({ query: '{ hello }', variables: { padding: 'x'.repeat(65_000) } });
    expect(await send(most)).toMatchObject({ status: 200 });
  });

  it('in the query string is refused', async () => {
    const get = (search: string) => outcome(fetch(`${doors.url}?${search}`));
    expect(await get('query=%7Bhello%7D&query=%7Bhello%7D')).toMatchObject({
      status: 400,
      message: 'The parameter query was given twice',
    });
    expect(await get('query=%7Bhello%7D&variables=x')).toMatchObject({
      message: 'The parameter variables is not valid JSON',
    });
    expect(await get('')).toMatchObject({ status: 400, message: 'The parameter query must be given, as a string' });
  });

  it('by another method is 405', async () => {
    for (const method of ['PUT', 'DELETE', 'PATCH', 'PROPFIND', 'HEAD', 'TRACE']) {
      const { status, headers } = await rawRequest(doors.port, { method, path: '/graphql' });
      expect({ method, status, allow: headers.allow }).toEqual({ method, status: 405, allow: 'GET, POST' });
    }
  });
});

describe('an unexpected error', () => {
  it('is masked, and is found in the log by its request id', async () => {
    const answer = await doors.post('{ explode }', {}, { 'x-request-id': 'find-me' });
    const text = await answer.text();
    expect(text).toContain('"requestId":"find-me"');
    expect(text).not.toMatch(/hunter2|db\.internal|at .*\.ts/);
    expect(doors.lines).toContainEqual(
      expect.objectContaining({
        level: 'error',
        fields: expect.objectContaining({ requestId: 'find-me', path: 'explode' }),
      }),
    );
  });
});

describe('a client that leaves', () => {
  it('aborts the signal of its operation, and is no error', async () => {
    const calls = doors.journal.calls.length;
    const leaving = new AbortController();
    const pending = fetch(doors.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ waiting }"}',
      signal: leaving.signal,
    });
    await until(() => doors.journal.calls.slice(calls).includes('waiting'));
    leaving.abort();
    await expect(pending).rejects.toThrow();
    await until(() => doors.journal.calls.slice(calls).includes('aborted'));
    doors.journal.release.resolve('next');
    expect(doors.lines.filter(({ level, fields }) => level === 'error' && !('path' in fields))).toEqual([]);
  });
});

describe('Apollo Server', () => {
  afterEach(() => {
    delete process.env['APOLLO_KEY'];
    delete process.env['APOLLO_GRAPH_REF'];
    jest.restoreAllMocks();
  });

  it('calls nobody, even with an API key in its environment', async () => {
    process.env['APOLLO_KEY'] = 'service:example:key';
    process.env['APOLLO_GRAPH_REF'] = 'example@current';
    const outgoing = jest.spyOn(globalThis, 'fetch');
    const keyed = await startDoors();
    const { status } = await rawRequest(keyed.port, {
      method: 'POST',
      path: '/graphql',
      headers: { 'content-type': 'application/json' },
      body: '{"query":"{ hello }"}',
    });
    await keyed.close();
    expect(status).toBe(200);
    expect(outgoing).not.toHaveBeenCalled();
  });
});

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}
