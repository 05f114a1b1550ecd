import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rawRequest } from '../../../test/support/raw-request.js';
import { startRestDoor, type RunningRestDoor } from '../../../test/support/rest-fixture.js';
import { cookieHeader } from './cookies.js';

const BROWSER = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8' };
const ELSEWHERE = 'https://other.example.com/?a=b&c';
const to = `?to=${encodeURIComponent(ELSEWHERE)}`;
const found = { code: 302, message: 'Found', data: null };
const success = (data: string) => ({ code: 200, message: 'Success', data });

describe('a route that browsers are sent to', () => {
  let running: RunningRestDoor;
  let secure: RunningRestDoor;
  beforeAll(async () => {
    running = await startRestDoor();
    secure = await startRestDoor({ isSecure: true });
  });
  afterAll(async () => {
    await running[Symbol.asyncDispose]();
    await secure[Symbol.asyncDispose]();
  });

  const get = (query: string, headers: Readonly<Record<string, string>> = {}, door = running) =>
    rawRequest(door.port, { path: `/api/v1/ticket${query}`, headers });

  it('sends a browser on, with a cookie out of reach of pages', async () => {
    const { status, headers, json } = await get(to, BROWSER);
    expect({ status, json }).toEqual({ status: 302, json: found });
    expect(headers.location).toBe(ELSEWHERE);
    expect(headers['set-cookie']).toEqual(['library_ticket=fresh; Max-Age=60; Path=/; HttpOnly; SameSite=Lax']);
    expect(headers['cache-control']).toBe('no-store');
  });

  it.each([
    [{ accept: '*/*' }, 302],
    [{}, 302],
    [{ accept: 'application/json' }, 200],
    [{ accept: 'application/json, text/plain, */*' }, 200],
    [{ accept: 'text/html, application/json' }, 302],
    [{ accept: 'application/json, text/html;q=0.9' }, 200],
    [{ accept: 'application/json;q=0, */*' }, 302],
    [{ accept: 'text/html;q=0, */*' }, 200],
  ])('answers %j with %d', async (headers, status) => {
    const answer = await get(to, headers);
    expect(answer.status).toBe(status);
    expect(answer.headers['set-cookie']).toHaveLength(1);
    if (status === 200) expect(answer.json).toEqual(success('none'));
  });

  it('gives data where it leads nowhere', async () => {
    expect(await get('', BROWSER)).toMatchObject({ status: 200, json: success('none') });
  });

  it('has its errors in the envelope, and sets nothing then', async () => {
    const { status, headers, json } = await get(to, { ...BROWSER, cookie: 'library_ticket=torn' });
    expect({ status, json }).toEqual({ status: 403, json: { code: 403, message: 'Forbidden', data: null } });
    expect(headers['set-cookie']).toBeUndefined();
  });

  it.each([
    ['library_ticket=one', 'one'],
    ['a=b; library_ticket=one; c', 'one'],
    [' library_ticket = one ', 'one'],
    ['library_ticket=a=b', 'a=b'],
    ['xlibrary_ticket=one', 'none'],
    ['__Host-library_ticket=one', 'none'],
    ['library_ticket', 'none'],
  ])('reads the cookie of %j', async (cookie, ticket) => {
    expect((await get('', { cookie })).json).toEqual(success(ticket));
  });

  it('refuses a cookie that came twice: one of them is not ours', async () => {
    const { status, json } = await get('', { cookie: 'library_ticket=one; library_ticket=two' });
    expect(status).toBe(422);
    expect(json).toMatchObject({ data: { errors: [{ field: 'library_ticket' }] } });
  });

  it('has a cookie for its own host and https: alone, where it is reached by that', async () => {
    const { headers } = await get(to, BROWSER, secure);
    expect(headers['set-cookie']).toEqual([
      '__Host-library_ticket=fresh; Max-Age=60; Path=/; HttpOnly; SameSite=Lax; Secure',
    ]);
    expect((await get('', { cookie: '__Host-library_ticket=one' }, secure)).json).toEqual(success('one'));
    expect((await get('', { cookie: 'library_ticket=one' }, secure)).json).toEqual(success('none'));
  });

  it('does not take HEAD, and says what it takes', async () => {
    const answer = await rawRequest(running.port, { method: 'HEAD', path: '/api/v1/ticket' });
    expect(answer.status).toBe(405);
    expect(answer.headers.allow).toBe('GET');
  });

  it('is described with its redirect, its cookie and the parameter that reads it', () => {
    const operation = running.door.document.paths['/ticket']?.['get'] as Record<string, object>;
    expect(operation['parameters']).toMatchObject([{ name: '__Host-library_ticket', in: 'cookie' }, { name: 'to' }]);
    expect(operation['responses']).toMatchObject({
      200: { headers: { 'Set-Cookie': {} } },
      302: { headers: { Location: {}, 'Set-Cookie': {} } },
    });
  });

  it('never has a cookie whose value says more than that', () => {
    const cookie = { name: 'a', value: String, maxAgeSeconds: 1 };
    for (const value of ['a; Domain=example.com', 'a\r\nb: c', 'a b']) {
      expect(() => cookieHeader(cookie, value, false)).toThrow(RangeError);
    }
  });
});
