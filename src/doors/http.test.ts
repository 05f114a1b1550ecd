import { tracingChannel } from 'node:diagnostics_channel';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startDoors, type ExampleDoors } from '../../test/support/example-doors.js';
import { rawRequest } from '../../test/support/raw-request.js';
import { OriginPolicy } from './cors.js';
import { createHttpServer, type HttpServerOptions } from './http.js';
import { LoadShedding } from './load.js';
import { createProbesDoor } from './probes.js';

let doors: ExampleDoors;
beforeAll(async () => {
  doors = await startDoors({ corsOrigins: ['https://app.example.com'] });
});
afterAll(() => doors.close());

/** Everything that the server sends in answer to these raw bytes, until it closes the connection. */
async function answerTo(bytes: string, port = doors.port): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.end(bytes);
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(socket, 'close');
  return Buffer.concat(chunks).toString('utf8');
}

const NOT_FOUND = { code: 404, message: 'Not found', data: null };

describe('request ids', () => {
  it('are taken over when they are sane, else made', async () => {
    const idFor = async (given: string) =>
      (await rawRequest(doors.port, { path: '/graphql?query={hello}', headers: { 'x-request-id': given } })).headers[
        'x-request-id'
      ];
    expect(await idFor('abc_DEF-123')).toBe('abc_DEF-123');
    for (const given of ['', 'a b', 'x'.repeat(65), 'a"b', '../..'])
      expect(await idFor(given)).toMatch(/^[0-9a-f-]{36}$/);
  });

  it('are in every answer', async () => {
    for (const path of ['/', '/api/v1/nothing', '/%zz', '/graphql']) {
      const { headers } = await rawRequest(doors.port, { path });
      expect(headers['x-request-id']).toMatch(/^[0-9a-f-]{36}$/);
    }
  });
});

describe('the access log', () => {
  it('has a line a request, without query string, body or credentials', async () => {
    await doors.post('{ secret }', { password: 'hunter2' }, { authorization: 'Bearer good', 'x-request-id': 'logged' });
    await rawRequest(doors.port, { path: '/somewhere?token=hunter2', headers: { 'x-request-id': 'other' } });
    const requests = doors.lines.filter(({ message }) => message === 'Request').map(({ fields }) => fields);
    expect(requests.find(({ requestId }) => requestId === 'logged')).toEqual({
      requestId: 'logged',
      door: 'graphql',
      client: '127.0.0.1',
      method: 'POST',
      path: '/graphql',
      status: 200,
      ms: expect.any(Number),
      complete: true,
      userId: 'u1',
    });
    expect(requests.find(({ requestId }) => requestId === 'other')).toMatchObject({ path: '/somewhere', status: 404 });
    expect(JSON.stringify(doors.lines)).not.toMatch(/hunter2|Bearer/);
  });

  it('has the name of the operation, as far as it is one and short', async () => {
    const logged = async (id: string, query: string, operationName?: string) => {
      const body = JSON.stringify({ query, operationName });
      const headers = { 'content-type': 'application/json', 'x-request-id': id };
      await rawRequest(doors.port, { method: 'POST', path: '/graphql', headers, body });
      return doors.lines.find(({ fields }) => fields['requestId'] === id)?.fields['operation'];
    };
    expect(await logged('named', 'query Hello { hello }')).toBe('Hello');
    expect(await logged('chosen', 'query A { hello } query B { hello }', 'B')).toBe('B');
    expect(await logged('long', `query ${'x'.repeat(500)} { hello }`)).toBe('x'.repeat(64));
    expect(await logged('unknown', 'query A { hello }', 'forged\n{"level":60}')).toBeUndefined();
    expect(await logged('invalid', 'query A { hello }}')).toBeUndefined();
  });

  it('has a line for each upgrade, taken or refused, and for a tunnel', async () => {
    const upgrade = (id: string, path: string, headers: string) =>
      `GET ${path} HTTP/1.1\r\nhost: a\r\nx-request-id: ${id}\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n${headers}\r\n`;
    const key = 'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-protocol: graphql-transport-ws\r\n';
    const cases = [
      ['up', upgrade('up', '/graphql?token=hunter2', key), 101],
      ['foreign', upgrade('foreign', '/graphql', `${key}origin: https://evil.example\r\n`), 403],
      ['elsewhere', upgrade('elsewhere', '/api/v1/chat', key), 404],
      ['keyless', upgrade('keyless', '/graphql', ''), 400],
      ['twice', upgrade('twice', '/graphql', `${key}host: b\r\n`), 400],
      ['tunnel', 'CONNECT evil.example:443 HTTP/1.1\r\nhost: a\r\nx-request-id: tunnel\r\n\r\n', 501],
    ] as const;
    for (const [id, text, status] of cases) {
      const socket = connect(doors.port, '127.0.0.1');
      socket.write(text);
      const [answer] = (await once(socket, 'data')) as [Buffer];
      socket.destroy();
      expect(answer.toString()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
      if (status !== 101) expect(answer.toString()).toMatch(/\r\nx-content-type-options: nosniff\r\n/);
      const line = doors.lines.find(({ message, fields }) => message === 'Request' && fields['requestId'] === id);
      expect(line?.fields).toMatchObject({ status, method: id === 'tunnel' ? 'CONNECT' : 'GET' });
    }
    expect(JSON.stringify(doors.lines)).not.toMatch(/hunter2|evil\.example:443/);
  });
});

describe('paths', () => {
  it('of GraphQL are found with a trailing slash, in percent-encoding and as a whole URL', async () => {
    for (const path of ['/graphql', '/graphql/', '/%67raphql', 'http://example.com/graphql']) {
      const { status, json } = await rawRequest(doors.port, { path: `${path}?query={hello}` });
      expect({ path, status, json }).toMatchObject({ status: 200, json: { data: { hello: 'Hello, world' } } });
    }
  });

  it('that are none go to the envelope', async () => {
    for (const path of ['//graphql', '/Graphql', '/graphql/x', '/webhook', '/api/./webhook', `/${'x'.repeat(4_000)}`]) {
      expect(await rawRequest(doors.port, { path, method: 'POST' })).toMatchObject({ status: 404, json: NOT_FOUND });
    }
  });

  it('that cannot be read are 400', async () => {
    const malformed = { status: 400, json: { code: 400, message: 'Malformed URL', data: null } };
    for (const path of ['/%zz', '/%', '/graphql/%c0%80', '/%ff']) {
      expect(await rawRequest(doors.port, { path })).toMatchObject(malformed);
    }
  });

  it('with whatever method or media type are never a 5xx', async () => {
    for (const method of ['GET', 'POST', 'PUT', 'PROPFIND', 'M-SEARCH', 'PURGE', 'TRACE', 'OPTIONS', 'QUERY']) {
      for (const path of ['/', '/graphql', '/x', '/%zz', '*', '/api/v1/../x', '/?%zz=%']) {
        for (const type of [undefined, 'nonsense', 'application/json', ';;;', 'a/b; c']) {
          const headers = { 'content-length': 1, ...(type === undefined ? {} : { 'content-type': type }) };
          const { status } = await rawRequest(doors.port, { method, path, headers, body: '{' });
          expect(status).toBeLessThan(500);
        }
      }
    }
  });
});

describe('what is no request', () => {
  it('is answered in the envelope', async () => {
    expect(await answerTo('NONSENSE\r\n\r\n')).toMatch(
      /^HTTP\/1\.1 400 [^]*\{"code":400,"message":"Malformed request","data":null\}$/,
    );
    const header = `x-long: ${'x'.repeat(20_000)}\r\n`;
    expect(await answerTo(`GET / HTTP/1.1\r\nhost: x\r\n${header}\r\n`)).toContain('{"code":431,');
  });

  it('may be HTTP/1.0', async () => {
    expect(await answerTo('GET /graphql?query={hello} HTTP/1.0\r\n\r\n')).toContain(
      '{"data":{"hello":"Hello, world"}}',
    );
  });

  it('may ask for an upgrade that is not served', async () => {
    const asking =
      'GET /graphql?query={hello} HTTP/1.1\r\nhost: x\r\nconnection: upgrade, close\r\nupgrade: h2c\r\n\r\n';
    expect(await answerTo(asking)).toMatch(/^HTTP\/1\.1 200 /);
    expect(await answerTo(asking.replace('h2c', 'websocket').replace('/graphql', '/other'))).toMatch(
      /^HTTP\/1\.1 404 /,
    );
  });
});

describe('a request that no door may serve', () => {
  const graphql = '/graphql?query={hello}';
  it.each([
    ['has no Host', `GET ${graphql} HTTP/1.1\r\n\r\n`, 400],
    ['has two of them', `GET ${graphql} HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n`, 400],
    ['has one that is none', `GET ${graphql} HTTP/1.1\r\nhost: a/b\r\n\r\n`, 400],
    ['expects what is unknown', `GET ${graphql} HTTP/1.1\r\nhost: a\r\nexpect: a miracle\r\n\r\n`, 417],
    [
      'has a coding beside chunked',
      'POST /graphql HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n' +
        'transfer-encoding: gzip, chunked\r\n\r\n11\r\n{"query":"{hello}"\r\n1\r\n}\r\n0\r\n\r\n',
      501,
    ],
    ['asks for a tunnel', 'CONNECT a:443 HTTP/1.1\r\nhost: a:443\r\n\r\n', 501],
  ])('since it %s is refused in the envelope', async (_reason, bytes, status) => {
    const answer = await answerTo(bytes);
    expect(answer).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
    expect(answer.toLowerCase()).toContain('\r\nconnection: close\r\n');
    expect(JSON.parse(answer.split('\r\n\r\n')[1] ?? '')).toEqual({
      code: status,
      message: expect.any(String),
      data: null,
    });
  });

  it.each(['a', 'a:80', 'A_b.example', '[::1]:8080', '127.0.0.1:', ''])('has not %j as its Host', async (host) => {
    const answer = await answerTo(`GET ${graphql} HTTP/1.1\r\nhost: ${host}\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });
});

describe('100 Continue', () => {
  const asking = 'POST /graphql HTTP/1.1\r\nhost: a\r\nconnection: close\r\nexpect: 100-continue\r\n';

  it('is sent when a door wants the body', async () => {
    const body = '{"query":"{hello}"}';
    const answer = await answerTo(
      `${asking}content-type: application/json\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 /);
  });

  it('is not sent when the body is refused before it comes', async () => {
    const json = 'content-type: application/json\r\n';
    expect(await answerTo(`${asking}${json}content-length: 99999999\r\n\r\n`)).toMatch(/^HTTP\/1\.1 413 /);
    expect(await answerTo(`${asking}content-type: text/csv\r\ncontent-length: 1\r\n\r\n`)).toMatch(/^HTTP\/1\.1 415 /);
  });
});

describe('CORS', () => {
  const origin = 'https://app.example.com';

  it('lets pages of a listed origin send and read', async () => {
    const preflight = await rawRequest(doors.port, {
      method: 'OPTIONS',
      path: '/graphql',
      headers: {
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'authorization,content-type',
      },
    });
    expect(preflight).toMatchObject({
      status: 204,
      headers: {
        'access-control-allow-origin': origin,
        'access-control-allow-headers': 'authorization,content-type',
        vary: 'Origin',
      },
    });
    expect(preflight.headers['access-control-allow-methods']).toContain('PATCH');
    const answer = await doors.post('{ hello }', {}, { origin });
    expect(answer.headers.get('access-control-allow-origin')).toBe(origin);
    expect(answer.headers.get('access-control-expose-headers')).toContain('X-Request-Id');
    expect(answer.headers.get('access-control-allow-credentials')).toBeNull();
  });

  it('tells pages of other origins nothing', async () => {
    for (const other of ['https://evil.example', 'null', 'https://app.example.com.evil.example']) {
      const { headers } = await rawRequest(doors.port, { path: '/api/v1/x', headers: { origin: other } });
      expect(headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('logs the first refusal of an origin, and the setting that would allow it', async () => {
    const refused = () => doors.lines.filter(({ message }) => message.includes('CORS_ORIGINS'));
    const before = refused().length;
    for (let time = 0; time < 3; time++) {
      for (const other of ['https://new.example', doors.origin, origin, `https://${'x'.repeat(400)}.example`])
        await rawRequest(doors.port, { path: '/api/v1/x', headers: { origin: other } });
    }
    expect(refused().slice(before)).toMatchObject([{ level: 'warn', fields: { origin: 'https://new.example' } }]);
  });

  describe('in development', () => {
    let local: ExampleDoors;
    beforeAll(async () => {
      local = await startDoors({ allowsLoopback: true });
    });
    afterAll(() => local.close());

    const allowedOrigin = async (from: string) =>
      (await rawRequest(local.port, { path: '/api/v1/x', headers: { origin: from } })).headers[
        'access-control-allow-origin'
      ];

    it.each([
      'http://localhost:5173',
      'https://localhost',
      'http://127.0.0.1:3000',
      'http://[::1]:8080',
      'http://app.localhost',
    ])('pages of %s may call', async (from) => {
      expect(await allowedOrigin(from)).toBe(from);
    });

    it.each([
      'http://localhost.evil.example',
      'http://127.0.0.1.evil.example',
      'null',
      'ftp://localhost',
      'http://10.0.0.1',
    ])('pages of %s may not', async (from) => {
      expect(await allowedOrigin(from)).toBeUndefined();
    });
  });
});

describe('security headers', () => {
  it('are in every answer', async () => {
    for (const path of ['/graphql?query={hello}', '/x']) {
      expect((await rawRequest(doors.port, { path })).headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
        'cross-origin-opener-policy': 'same-origin',
        'cross-origin-resource-policy': 'same-origin',
        'origin-agent-cluster': '?1',
        'x-dns-prefetch-control': 'off',
        'x-download-options': 'noopen',
        'x-frame-options': 'DENY',
        'x-permitted-cross-domain-policies': 'none',
        'x-xss-protection': '0',
      });
    }
  });

  it('tell browsers to come by TLS alone where clients do', async () => {
    for (const [isSecure, expected] of [
      [true, 'max-age=31536000; includeSubDomains'],
      [false, undefined],
    ] as const) {
      await using naming = namingServer({ isSecure });
      const { port } = await naming.http.listen(0, '127.0.0.1');
      for (const path of ['/graphql', '/x', '/files/key']) {
        expect((await rawRequest(port, { path })).headers['strict-transport-security']).toBe(expected);
      }
      const socket = connect(port, '127.0.0.1');
      socket.write('no request\r\n\r\n');
      const [answer] = (await once(socket, 'data')) as [Buffer];
      expect(answer.toString().includes('strict-transport-security')).toBe(isSecure);
      socket.destroy();
    }
  });
});

describe('the probes', () => {
  it('say whether the process lives, and whether requests should come', async () => {
    let isReady = true;
    const check = () => (isReady ? Promise.resolve() : Promise.reject(new Error('away')));
    await using naming = namingServer({ probes: createProbesDoor({ check, models: () => ({ fast: 'open' }) }) });
    const { port } = await naming.http.listen(0, '127.0.0.1');
    const statuses = async () =>
      (await Promise.all(['/health/live', '/health/ready'].map((path) => rawRequest(port, { path })))).map(
        ({ status }) => status,
      );
    expect(await statuses()).toEqual([200, 200]);
    isReady = false;
    expect(await statuses()).toEqual([200, 503]);
    expect(await rawRequest(port, { path: '/health/ready', method: 'POST' })).toMatchObject({ status: 405 });
    expect(await rawRequest(port, { path: '/health/other' })).toMatchObject({ status: 404 });
  });
});

/** A server whose doors answer with their own names. */
function namingServer(options: Partial<HttpServerOptions> = {}) {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const named = (name: string): HttpServerOptions['rest'] => {
    return (_request, response) => void response.end(name);
  };
  const note = (fields: object) => {
    lines.push({ ...fields });
  };
  const http = createHttpServer({
    graphql: named('graphql'),
    files: named('files'),
    rest: named('rest'),
    upgrade: (_request, socket) => {
      socket.end();
    },
    log: { info: note, warn: note, error: note },
    origins: new OriginPolicy({ allowed: [], allowsLoopback: false, log: { warn: note } }),
    ...options,
  });
  return { http, lines, [Symbol.asyncDispose]: () => http.close() };
}

describe('the doors', () => {
  it('have a path each, whatever its spelling', async () => {
    await using naming = namingServer();
    const { port } = await naming.http.listen(0, '127.0.0.1');
    const answers: readonly (readonly [string, string])[] = [
      ['/graphql', 'graphql'],
      ['/graphql/?x', 'graphql'],
      ['/graphql%2f', 'rest'],
      ['/graphql%3fquery', 'rest'],
      ['/graphqlx', 'rest'],
      ['/files/key', 'files'],
      ['/%66iles/key', 'files'],
      ['http://example.com/files/key', 'files'],
      ['/files', 'rest'],
      ['/files%2fkey', 'rest'],
      ['http://example.com', 'rest'],
      ['*', 'rest'],
    ];
    for (const [path, text] of answers)
      expect({ path, ...(await rawRequest(port, { path })) }).toMatchObject({ path, text });
  });

  it('hide the key of a file from the access log, whatever its spelling', async () => {
    await using naming = namingServer();
    const { port } = await naming.http.listen(0, '127.0.0.1');
    for (const path of ['/files/k3y', '/%66iles/k3y', 'http://example.com/files/k3y', '/files/k3y?x'])
      await rawRequest(port, { path });
    expect(naming.lines.map(({ path }) => path)).toEqual(Array(4).fill('/files/…'));
  });

  it('are behind a 500 when they fail', async () => {
    await using naming = namingServer({ rest: () => Promise.reject(new Error('hunter2')) });
    const { port } = await naming.http.listen(0, '127.0.0.1');
    expect(await rawRequest(port, { path: '/' })).toMatchObject({
      status: 500,
      json: { code: 500, message: 'Internal server error', data: null },
    });
  });

  it('of localhost are at every address of it', async () => {
    await using naming = namingServer();
    const { port } = await naming.http.listen(0, 'localhost');
    for (const { address } of await lookup('localhost', { all: true })) {
      const socket = connect(port, address);
      await once(socket, 'connect');
      socket.destroy();
    }
    expect((await rawRequest(port, { path: '/graphql' })).text).toBe('graphql');
  });

  it('go on when a connection cannot be accepted, at every address', async () => {
    const servers: Server[] = [];
    const asyncStart = (message: unknown) => {
      servers.push((message as { readonly server: Server }).server);
    };
    tracingChannel<object>('net.server.listen').asyncStart.subscribe(asyncStart);
    await using naming = namingServer();
    await naming.http.listen(0, 'localhost');
    tracingChannel<object>('net.server.listen').asyncStart.unsubscribe(asyncStart);
    expect(servers).toHaveLength((await lookup('localhost', { all: true })).length);
    for (const server of servers) server.emit('error', new Error('too many open files'));
    expect(naming.lines).toHaveLength(servers.length);
  });

  it('are not opened at a port that is taken', async () => {
    await using first = namingServer();
    await using second = namingServer();
    const { port } = await first.http.listen(0, '127.0.0.1');
    await expect(second.http.listen(port, '127.0.0.1')).rejects.toThrow(/another program uses it/);
  });
});

describe('a connection', () => {
  it.each([
    ['the headers', 'GET / HTTP/1.1\r\nhost: x\r\n', { headersTimeout: 50 }],
    [
      'the body',
      'POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nx',
      { headersTimeout: 50, requestTimeout: 50 },
    ],
  ])('on which %s do not come is closed with 408', async (_part, bytes, limits) => {
    const connectionLimits = { connectionsCheckingInterval: 10, ...limits };
    await using naming = namingServer({ rest: () => undefined, connectionLimits });
    const { port } = await naming.http.listen(0, '127.0.0.1');
    const socket = connect(port, '127.0.0.1');
    socket.write(bytes);
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'close');
    expect(Buffer.concat(chunks).toString('utf8')).toMatch(
      /^HTTP\/1\.1 408 Request Timeout\r\n[^]*\{"code":408,"message":"Request timeout","data":null\}$/,
    );
  });

  it('has limits by default', async () => {
    await using naming = namingServer();
    const { headersTimeout, requestTimeout, keepAliveTimeout } = naming.http.server;
    expect({ headersTimeout, requestTimeout, keepAliveTimeout }).toEqual({
      headersTimeout: 10_000,
      requestTimeout: 120_000,
      keepAliveTimeout: 72_000,
    });
  });

  it('carries one request after the other', async () => {
    await using naming = namingServer();
    const { port } = await naming.http.listen(0, '127.0.0.1');
    const socket = connect(port, '127.0.0.1');
    socket.write('GET /graphql HTTP/1.1\r\nhost: x\r\n\r\nGET /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    const chunks: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(socket, 'close');
    expect(Buffer.concat(chunks).toString('utf8')).toMatch(/^HTTP\/1\.1 200 [^]*graphql[^]*HTTP\/1\.1 200 [^]*rest/);
  });
});

describe('bytes that are no request', () => {
  const REQUEST = 'POST /x HTTP/1.1\r\nhost: x\r\n';
  const BAD_CHUNK = 'transfer-encoding: chunked\r\n\r\nzz\r\n';

  it('are answered after the requests before them', async () => {
    const asked = Promise.withResolvers<() => void>();
    await using naming = namingServer({
      rest: (_request, response) => {
        asked.resolve(() => void response.end('the answer'));
      },
    });
    const { port } = await naming.http.listen(0, '127.0.0.1');
    const refused = once(naming.http.server, 'clientError');
    const answer = answerTo(`${REQUEST}\r\nNONSENSE\r\n\r\n`, port);
    const respond = await asked.promise;
    await refused;
    respond();
    expect(await answer).toMatch(/^HTTP\/1\.1 200 [^]*the answer[^]*HTTP\/1\.1 400 [^]*"Malformed request"/);
    expect(naming.lines).toContainEqual({ status: 400, code: 'HPE_INVALID_METHOD' });
  });

  it('never stand in the middle of an answer', async () => {
    await using naming = namingServer({ rest: (_request, response) => void response.write('begun') });
    const { port } = await naming.http.listen(0, '127.0.0.1');
    const answer = await answerTo(`${REQUEST}${BAD_CHUNK}`, port);
    expect(answer.match(/HTTP\/1\.1/g) ?? []).toHaveLength(answer === '' ? 0 : 1);
    expect(answer).not.toContain('Malformed request');
  });

  it('in the body of a request that was answered get no second answer', async () => {
    await using naming = namingServer();
    const { port } = await naming.http.listen(0, '127.0.0.1');
    const socket = connect(port, '127.0.0.1');
    socket.write(`${REQUEST}transfer-encoding: chunked\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString('utf8')).toMatch(/^HTTP\/1\.1 200 [^]*rest/);
    const more: Buffer[] = [];
    socket.on('data', (chunk: Buffer) => more.push(chunk)).end('zz\r\n');
    await once(socket, 'close');
    expect(Buffer.concat(more).toString('utf8')).toBe('');
  });
});

describe('an answer that comes before the end of its request', () => {
  const HUGE = Buffer.alloc(32 * 1024 * 1024, 'a');
  it.each([
    ['with the connection', 'POST /x HTTP/1.1\r\nhost: x\r\nconnection: close\r\n', '200'],
    ['of HTTP/1.0', 'POST /x HTTP/1.0\r\n', '200'],
  ])('is read by a client that is still sending, also when it ends %s', async (_how, head, status) => {
    await using naming = namingServer();
    const { port } = await naming.http.listen(0, '127.0.0.1');
    const socket = connect(port, '127.0.0.1');
    socket.write(`${head}content-length: ${HUGE.length}\r\n\r\n`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString('utf8')).toContain(`HTTP/1.1 ${status} `);
    // An error, such as EPIPE, would reject.
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject).write(HUGE, (error) => {
        if (error) reject(error);
        else resolve();
      });
    });
    socket.destroy();
  });

  it('is read by a client whose header does not end', async () => {
    await using naming = namingServer();
    const { port } = await naming.http.listen(0, '127.0.0.1');
    const socket = connect(port, '127.0.0.1');
    socket.write(`GET / HTTP/1.1\r\nx: ${'x'.repeat(20_000)}`);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    expect(answer.toString('utf8')).toContain('HTTP/1.1 431 ');
    const closed = once(socket, 'close');
    socket.end(HUGE);
    expect(await closed).toEqual([false]);
  });
});

describe('idle', () => {
  it('waits for every request, also for two of one id', async () => {
    const release: (() => void)[] = [];
    const naming = namingServer({ rest: (_request, response) => void release.push(() => void response.end()) });
    const { port } = await naming.http.listen(0, '127.0.0.1');
    const headers = { 'x-request-id': 'same' };
    const answers = [rawRequest(port, { path: '/', headers }), rawRequest(port, { path: '/', headers })];
    while (release.length < 2) await new Promise((resolve) => setImmediate(resolve));
    let isIdle = false;
    const idle = naming.http.idle().then(() => (isIdle = true));
    release.pop()?.();
    await Promise.race(answers);
    await new Promise((resolve) => setImmediate(resolve));
    expect(isIdle).toBe(false);
    release.pop()?.();
    await Promise.all(answers);
    await idle;
    await naming.http.idle();
    await naming.http.close();
  });
});

describe('a client that does not read', () => {
  const BIG = Buffer.alloc(4 * 1024 * 1024, 'x');

  it('gets the answers of one connection made one after the other', async () => {
    let running = 0;
    const served: string[] = [];
    await using naming = namingServer({
      rest: async (request, response) => {
        expect(++running).toBe(1);
        served.push(request.url ?? '');
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        response.end(request.url);
      },
    });
    const { port } = await naming.http.listen(0, '127.0.0.1');
    const paths = Array.from({ length: 20 }, (_, index) => `/${index}`);
    const socket = connect(port, '127.0.0.1');
    const last = (path: string) => (path === paths.at(-1) ? 'connection: close\r\n' : '');
    socket.write(paths.map((path) => `GET ${path} HTTP/1.1\r\nhost: x\r\n${last(path)}\r\n`).join(''));
    const answers = await text(socket);
    expect(served).toEqual(paths);
    expect([...answers.matchAll(/\r\n\r\n(?:\w+\r\n)?(\/\d+)/g)].map(([, path]) => path)).toEqual(paths);
  });

  it('is disconnected when it sends more requests than may wait for their turn', async () => {
    await using naming = namingServer({ rest: () => undefined });
    const { port } = await naming.http.listen(0, '127.0.0.1');
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n'.repeat(200));
    await once(socket, 'close');
  });

  it('is disconnected after a while; one that has nothing to read is not', async () => {
    const connectionLimits = { unreadTimeout: 200 };
    const closed = Promise.withResolvers<undefined>();
    await using naming = namingServer({
      rest: (request, response) => {
        if (request.url === '/quiet') setTimeout(() => response.end('at last'), 800);
        else {
          response.once('close', () => {
            closed.resolve(undefined);
          });
          response.end(BIG);
        }
      },
      connectionLimits,
    });
    const { port } = await naming.http.listen(0, '127.0.0.1');
    const socket = connect(port, '127.0.0.1').on('error', () => undefined);
    socket.pause().write('GET /big HTTP/1.1\r\nhost: x\r\n\r\n');
    expect((await rawRequest(port, { path: '/quiet' })).text).toBe('at last');
    await closed.promise;
    socket.destroy();
  });
});

describe('an overloaded server', () => {
  it('refuses requests in the form of their path, and health checks never', async () => {
    let isOverloaded = true;
    const log = { info: () => undefined, warn: () => undefined };
    await using naming = namingServer({
      shedding: new LoadShedding({ requests: 10, lagMs: 100 }, () => (isOverloaded ? 500 : 0), log),
    });
    const { port } = await naming.http.listen(0, '127.0.0.1');
    const rest = await rawRequest(port, { path: '/api/v1/users' });
    expect([rest.status, rest.headers['retry-after'], rest.json]).toEqual([
      503,
      '2',
      { code: 503, message: 'The server is overloaded, try again', data: null },
    ]);
    const graphql = await rawRequest(port, { path: '/graphql?query={hello}' });
    expect([graphql.status, graphql.headers['retry-after'], graphql.json]).toEqual([
      503,
      '2',
      {
        errors: [
          { message: 'The server is overloaded, try again', extensions: { code: 'UNAVAILABLE', retryAfter: 2 } },
        ],
      },
    ]);
    const upgrade = await answerTo(
      'GET /graphql HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      port,
    );
    expect(upgrade).toMatch(/^HTTP\/1\.1 503 [^]*retry-after: 2\r\n/i);
    for (const path of ['/health/live', '/health/ready', '/api/v1/health']) {
      expect((await rawRequest(port, { path })).status).not.toBe(503);
    }
    isOverloaded = false;
    expect((await rawRequest(port, { path: '/api/v1/users' })).status).not.toBe(503);
  });
});
