import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Environment } from '../../src/config.js';
import { Actor, signUp } from '../support/actor.js';
import { startTestApp, type TestApp } from '../support/app.js';
import { RawWebSocket } from '../support/raw-web-socket.js';
import { stores } from '../support/servers.js';

import * as wire from '../support/wire.js';

const KEY = 'a key of the house, of more than thirty-two bytes';
const ME = '{ me { id } }';

async function meBySse(url: string, headers: Record<string, string>): Promise<string> {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { ...headers, 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query: ME }),
  });
  return response.text();
}

async function meByWebSocket(url: string, headers: Record<string, string>): Promise<unknown> {
  const socket = await RawWebSocket.connect(url, headers);
  socket.send({ type: 'connection_init' });
  await socket.next('connection_ack');
  socket.subscribe('1', ME);
  const { payload } = await Promise.race([socket.next('next', '1'), socket.next('error', '1')]);
  socket.close();
  return payload;
}

describe.each(stores)('X-User-ID on %s', (on) => {
  let app: TestApp;
  const withSettings = (settings: Environment) => {
    beforeAll(async () => {
      app = await startTestApp({ stores: on, settings });
    });
    afterAll(() => app.close());
  };
  const me = (headers: Record<string, string>) => new Actor(app.url).rest('GET', '/users/me', undefined, headers);

  describe('where no internal caller is configured', () => {
    withSettings({});

    it('counts for nothing', async () => {
      const { userId } = await signUp(app);
      for (const headers of [
        {},
        { 'x-internal-key': '' },
        { 'x-internal-key': KEY },
        { 'x-forwarded-for': '127.0.0.1' },
      ]) {
        wire.expectError(await me({ 'x-user-id': userId, ...headers }), 401, 'Missing credentials');
      }
    });
  });

  describe('with a key configured', () => {
    withSettings({ INTERNAL_API_KEY: KEY });

    it('is not believed from a browser, with the key or without', async () => {
      const { userId } = await signUp(app);
      const headers = { 'x-user-id': userId, 'x-internal-key': KEY };
      expect((await me(headers)).status).toBe(200);
      wire.expectError(await me({ ...headers, origin: 'https://app.example.com' }), 401, 'Missing credentials');
    });

    it('is believed with the key, and only with the right one', async () => {
      const owner = await signUp(app);
      const asOwner = { 'x-user-id': owner.userId };
      expect(wire.dataOf(await me({ ...asOwner, 'x-internal-key': KEY }), wire.user).user_id).toBe(owner.userId);
      for (const key of ['', 'x', KEY.slice(1), `${KEY}, ${KEY}`]) {
        wire.expectError(await me({ ...asOwner, 'x-internal-key': key }), 401, 'Missing credentials');
      }
      wire.expectError(await me(asOwner), 401, 'Missing credentials');
      wire.expectError(await me({ 'x-internal-key': KEY }), 401, 'Missing credentials');
    });

    it('has the same refusals as a token, and a token beside it decides alone', async () => {
      const owner = await signUp(app);
      const other = await signUp(app);
      const internal = (id: string) => ({ 'x-user-id': id, 'x-internal-key': KEY });
      for (const id of ['', 'x', `${owner.userId}, ${other.userId}`]) {
        expect((await me(internal(id))).status).toBe(401);
      }
      wire.expectError(await me(internal('01980f3e-8c1d-7a52-9d0e-6f2f4f2b6c11')), 404, 'User not found');
      const answer = await owner.rest('GET', '/users/me', undefined, internal(other.userId));
      expect(wire.dataOf(answer, wire.user).user_id).toBe(owner.userId);
      const bad = await me({ ...internal(owner.userId), authorization: 'Bearer x' });
      wire.expectError(bad, 401, 'Invalid token');
      await app.database.query('UPDATE users SET is_suspended = true WHERE id = $1', [other.userId]);
      wire.expectError(await me(internal(other.userId)), 403, 'Account disabled');
      await other.rest('DELETE', '/users/me');
    });

    it('of an admin opens the admin routes', async () => {
      const { userId } = await signUp(app);
      const list = () =>
        new Actor(app.url).rest('GET', '/admin/users', undefined, { 'x-user-id': userId, 'x-internal-key': KEY });
      wire.expectError(await list(), 403, 'Admin privileges required');
      await app.database.query('UPDATE users SET is_admin = true WHERE id = $1', [userId]);
      expect((await list()).status).toBe(200);
    });
  });

  describe('with addresses configured', () => {
    withSettings({ INTERNAL_CIDRS: '127.0.0.0/8,::1' });

    it('is believed from a trusted address, on every door', async () => {
      const { userId } = await signUp(app);
      expect(wire.dataOf(await me({ 'x-user-id': userId }), wire.user).user_id).toBe(userId);
      const response = await fetch(`${app.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-user-id': userId },
        body: JSON.stringify({ query: ME }),
      });
      expect(await response.json()).toEqual({ data: { me: { id: userId } } });
      expect(await meBySse(app.url, { 'x-user-id': userId })).toContain(userId);
      expect(await meByWebSocket(app.url, { 'x-user-id': userId })).toEqual({ data: { me: { id: userId } } });
    });

    it.each([
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'none' },
      { 'sec-fetch-dest': 'empty', 'sec-fetch-mode': 'cors' },
    ])('is not believed from a browser at such an address, on any door: %j', async (mark) => {
      const { userId } = await signUp(app);
      const headers = { 'x-user-id': userId, ...(mark as Record<string, string>) };
      wire.expectError(await me(headers), 401, 'Missing credentials');
      const streams = new Actor(app.url).rest('POST', '/chat?stream=true', { message: 'Hi' }, headers);
      wire.expectError(await streams, 401, 'Missing credentials');
      for (const method of ['GET', 'POST']) {
        const response = await fetch(
          `${app.url}/graphql${method === 'GET' ? `?query=${encodeURIComponent(ME)}` : ''}`,
          {
            method,
            headers: { ...headers, 'content-type': 'application/json', accept: 'application/json' },
            ...(method === 'GET' ? {} : { body: JSON.stringify({ query: ME }) }),
          },
        );
        expect(await response.text()).toContain('UNAUTHENTICATED');
      }
      expect(await meBySse(app.url, headers)).toContain('UNAUTHENTICATED');
      // A WebSocket of a foreign origin is refused; one of our own origin is a browser's as well.
      const own = mark.origin === undefined ? headers : { ...headers, origin: app.url };
      expect(JSON.stringify(await meByWebSocket(app.url, own))).toContain('UNAUTHENTICATED');
    });
  });

  describe('with a proxy among the addresses', () => {
    withSettings({ INTERNAL_CIDRS: '127.0.0.0/8,::1', TRUSTED_PROXIES: '127.0.0.1,::1', INTERNAL_API_KEY: KEY });

    it('is not believed from it, but with the key, whoever called the proxy', async () => {
      const { userId } = await signUp(app);
      for (const headers of [{}, { 'x-forwarded-for': '127.0.0.2' }, { 'x-forwarded-for': '198.51.100.7' }]) {
        wire.expectError(await me({ 'x-user-id': userId, ...headers }), 401, 'Missing credentials');
        expect((await me({ 'x-user-id': userId, 'x-internal-key': KEY, ...headers })).status).toBe(200);
      }
    });
  });

  describe('with other addresses configured', () => {
    withSettings({ INTERNAL_CIDRS: '10.0.0.0/8' });

    it("is not believed from another address, whatever a header says of the caller's", async () => {
      const { userId } = await signUp(app);
      for (const name of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'x-client-ip']) {
        const address = name === 'forwarded' ? 'for=10.0.0.1' : '10.0.0.1';
        wire.expectError(await me({ 'x-user-id': userId, [name]: address }), 401, 'Missing credentials');
      }
    });
  });
});
