import { tracingChannel } from 'node:diagnostics_channel';
import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startDoors, type ExampleDoors } from '../../test/support/example-doors.js';
import { rawRequest } from '../../test/support/raw-request.js';
import { createHttpServer, type HttpServerOptions } from './http.js';

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
});

describe('security headers', () => {
  it('are in every answer', async () => {
    for (const path of ['/graphql?query={hello}', '/x']) {
      expect((await rawRequest(doors.port, { path })).headers).toMatchObject({
        'x-content-type-options': 'nosniff',
        'referrer-policy': 'no-referrer',
        'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      });
    }
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
    corsOrigins: [],
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
    await expect(second.http.listen(port, '127.0.0.1')).rejects.toThrow(/EADDRINUSE/);
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
