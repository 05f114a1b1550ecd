import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { signUp, type Actor } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { stores } from '../support/servers.js';
import { rawRequest, type RawAnswer, type RawRequest } from '../support/raw-request.js';

const ID = '01980f3e-8c1d-7a52-9d0e-6f2f4f2b6c11';
const JSON_BODY = { 'content-type': 'application/json' };

describe.each(stores)('the envelope of REST on %s', (on) => {
  let app: TestApp;
  let owner: Actor;

  beforeAll(async () => {
    app = await startTestApp({ stores: on });
    owner = await signUp(app);
  });
  afterAll(() => app.close());

  const send = (request: RawRequest) => rawRequest(Number(new URL(app.url).port), request);
  const post = (path: string, body: string | Buffer, headers: Record<string, string> = JSON_BODY) =>
    send({ method: 'POST', path: `/api/v1${path}`, body, headers: { ...owner.headers, ...headers } });

  const expectFailure = (answer: RawAnswer, status: number, message: string) => {
    expect(answer.json).toEqual({ code: status, message, data: null });
    expect(answer.status).toBe(status);
    expect(answer.headers['content-type']).toBe('application/json; charset=utf-8');
  };

  it.each(['/', '//', '/?x=1'])('GET %s welcomes', async (path) => {
    expect((await send({ path })).json).toEqual({
      code: 200,
      message: 'Success',
      data: { message: 'Welcome to Flynkle API' },
    });
  });

  it.each([
    '/nowhere',
    '/api',
    '/api/v1',
    '/api/v2/health',
    '/api/v1/nowhere',
    `/api/v1/users/${ID}/nothing`,
    '//api/v1/health',
    '/api//v1/health',
    '/api/v1//health',
    '/api/v1/../health',
    '/api/v1/x/../health',
    '/api/v1/%2e%2e/health',
    '/api/v1/./health',
    '/api/v1/HEALTH',
    '/api/v1/health%00',
    '/api/v1/health%2f',
    '/api/v1/users%2fme',
    '/favicon.ico',
    '/.env',
    '/%2e%2e/%2e%2e/etc/passwd',
    `/api/v1/users/${'x'.repeat(3_000)}`,
  ])('GET %s is not found', async (path) => {
    expectFailure(await send({ path, headers: owner.headers }), 404, 'Not found');
  });

  it.each(['/api/v1/%', '/api/v1/%zz', '/api/v1/users/%ff%fe', '/%c0%ae'])('GET %s is no URL', async (path) => {
    const answer = await send({ path, headers: owner.headers });
    expect([400, 404]).toContain(answer.status);
    expect(answer.json).toEqual({ code: answer.status, message: expect.any(String), data: null });
  });

  it.each(['/api/v1/health/', '/api/v1/health?', '/api/v1/health?x=%zz&y', '/api/v1/%68ealth'])(
    'GET %s is the path without its decoration',
    async (path) => {
      expect((await send({ path })).json).toMatchObject({ code: 200, data: { status: 'ok' } });
    },
  );

  it.each([
    '/webhook',
    '/webhook/',
    '/webhook/x',
    '/api/v1/webhook',
    '/api/v1/webhook/',
    '/api/v1/webhook/x',
    '/api/v1//webhook',
    '/api/v1/WebHook',
    '/api/v1/%77ebhook',
    '/api/v1/webhook%2f',
    '/api/v1/x/../webhook',
    '/api/v1/webhook?stream=true',
    'http://other.example/api/v1/webhook',
  ])('%s does not exist', async (path) => {
    const body = '{"url":"http://127.0.0.1:1/","subscription":"chat"}';
    const headers = { ...owner.headers, ...JSON_BODY, 'content-length': String(body.length) };
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE']) {
      expectFailure(await send({ method, path, headers, body }), 404, 'Not found');
    }
  });

  it.each([
    ['POST', '/', 'GET, HEAD'],
    ['POST', '/api/v1/health', 'GET, HEAD'],
    ['DELETE', '/api/v1/plans', 'GET, HEAD'],
    ['GET', '/api/v1/chat', 'POST'],
    ['HEAD', '/api/v1/auth/login', 'POST'],
    ['PUT', '/api/v1/users', 'GET, HEAD, POST'],
    ['POST', '/api/v1/users/me', 'GET, HEAD, PATCH, DELETE'],
    ['PUT', '/api/v1/users/me', 'GET, HEAD, PATCH, DELETE'],
    ['OPTIONS', '/api/v1/users', 'GET, HEAD, POST'],
    ['POST', `/api/v1/users/${ID}`, 'GET, HEAD, PUT, PATCH, DELETE'],
    ['PUT', '/api/v1/conversations', 'GET, HEAD, POST, DELETE'],
    ['PUT', `/api/v1/conversations/${ID}`, 'GET, HEAD, PATCH, DELETE'],
    ['PUT', `/api/v1/conversations/${ID}/messages`, 'GET, HEAD, POST'],
    ['POST', `/api/v1/messages/${ID}`, 'GET, HEAD, PATCH, DELETE'],
    ['GET', '/api/v1/user/upgrade', 'POST'],
    ['POST', '/api/v1/openapi.json', 'GET, HEAD'],
    ['PROPFIND', '/api/v1/health', 'GET, HEAD'],
    ['TRACE', '/api/v1/health', 'GET, HEAD'],
  ])('%s %s is not allowed, and Allow says what is', async (method, path, allow) => {
    const answer = await send({ method, path, headers: owner.headers });
    expect(answer.headers.allow).toBe(allow);
    expect(answer.status).toBe(405);
    if (method !== 'HEAD') expectFailure(answer, 405, 'Method not allowed');
  });

  it.each(['/', '/api/v1/health', '/api/v1/users/me', '/api/v1/nowhere'])(
    'HEAD %s is GET without a body',
    async (path) => {
      const whole = await send({ path, headers: owner.headers });
      const head = await send({ method: 'HEAD', path, headers: owner.headers });
      expect(head).toMatchObject({ status: whole.status, text: '' });
      for (const name of ['content-type', 'content-length']) expect(head.headers[name]).toBe(whole.headers[name]);
    },
  );

  it.each(['{', '{"a":1,}', 'hello', '{"a":1}{"b":2}', "{'a':1}", '\ufeff{}', ' ', '{"title":"\n"}', 'NaN'])(
    'a body of %j is not JSON',
    async (body) => expectFailure(await post('/conversations', body), 400, 'Malformed JSON'),
  );

  it('a body in another encoding than UTF-8 is not JSON', async () => {
    const body = Buffer.from('{"title":"caf\u00e9"}', 'latin1');
    expectFailure(await post('/conversations', body), 400, 'Malformed JSON');
  });

  it.each(['[]', '"text"', '7', 'null', 'true', '[{"title":"x"}]'])('a body of %s is no object', async (body) => {
    expect((await post('/conversations', body)).json).toEqual({
      code: 422,
      message: 'Validation error',
      data: { errors: [{ field: 'body', message: 'must be a JSON object' }] },
    });
  });

  it('a body over the limit is 413, announced or not', async () => {
    const body = JSON.stringify({ title: 'x'.repeat(5_000_000) });
    expectFailure(await post('/conversations', body), 413, 'Payload too large');
    const chunked = { ...JSON_BODY, 'transfer-encoding': 'chunked' };
    expectFailure(await post('/conversations', body, chunked), 413, 'Payload too large');
  });

  it.each([
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/x-www-form-urlencoded' },
    { 'content-type': 'multipart/form-data; boundary=x' },
    { 'content-type': 'application/json; charset=latin1' },
    { 'content-type': 'application/json; profile="charset=utf-8"; charset="latin1"' },
    { 'content-type': 'application/jsonx' },
    { 'content-type': 'application/json', 'content-encoding': 'gzip' },
  ])('a body with %j is 415', async (headers) => {
    expectFailure(await post('/conversations', '{}', headers), 415, 'Unsupported media type');
  });

  it.each([
    'application/json; charset=utf-8',
    'application/json; charset="utf-8"',
    'application/json; Charset="UTF-8"',
    'application/json; profile="charset=latin1"',
    'application/json; profile="x"; charset=utf-8',
    'APPLICATION/JSON',
    'application/merge-patch+json',
  ])('a body of type %s is read', async (type) => {
    // The invalid title shows that the body was read, without using up the plan's three conversations.
    const answer = await post('/conversations', '{"title":7}', { 'content-type': type });
    expect(answer.status).toBe(422);
  });

  it('the OpenAPI document stands outside it', async () => {
    expect((await send({ path: '/api/v1/openapi.json' })).json).toMatchObject({ openapi: '3.1.0' });
  });

  it('every answer has a request id, and is neither cached nor sniffed', async () => {
    for (const path of ['/', '/api/v1/health', '/api/v1/nowhere', '/api/v1/users/me']) {
      const { headers } = await send({ path });
      expect(headers).toMatchObject({ 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' });
      expect(headers['x-request-id']).toMatch(/^[A-Za-z0-9_-]{1,64}$/);
    }
  });
});
