import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { startDoors, type ExampleDoors } from '../../test/support/example-doors.js';
import { rawRequest } from '../../test/support/raw-request.js';

let doors: ExampleDoors;
beforeAll(async () => {
  doors = await startDoors({ corsOrigins: ['https://app.example.com'] });
});
afterAll(() => doors.close());

/** What the server answers to these very bytes, until it closes the connection. */
async function answerTo(bytes: string): Promise<string> {
  const socket = connect(doors.port, '127.0.0.1');
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
