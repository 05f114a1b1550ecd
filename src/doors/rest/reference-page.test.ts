import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { rawRequest } from '../../../test/support/raw-request.js';
import { startRestDoor, type RunningRestDoor } from '../../../test/support/rest-fixture.js';

let running: RunningRestDoor;
beforeAll(async () => {
  running = await startRestDoor();
});
afterAll(async () => {
  await running[Symbol.asyncDispose]();
});

const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`http://127.0.0.1:${running.port}${path}`, { headers });

const ASSETS = [
  ['/docs/start.js', 'text/javascript; charset=utf-8', '/api/v1/openapi.json'],
  ['/docs/swagger-ui-bundle.js', 'text/javascript; charset=utf-8', 'SwaggerUIBundle'],
  ['/docs/swagger-ui.css', 'text/css; charset=utf-8', '.swagger-ui'],
] as const;

describe('the reference at /docs', () => {
  it('is a page that loads its parts from this host alone', async () => {
    const answer = await get('/docs');
    expect(answer.status).toBe(200);
    expect(answer.headers.get('content-type')).toBe('text/html; charset=utf-8');
    expect(answer.headers.get('content-security-policy')).toMatch(/default-src 'none'.*connect-src 'self'/);
    const addresses = [...(await answer.text()).matchAll(/<(?:script|link)[^>]+(?:src|href)="(.*?)"/g)].map(
      ([, address]) => address,
    );
    expect(addresses.sort()).toEqual(['data:,', ...ASSETS.map(([path]) => path)].sort());
  });

  it.each(ASSETS)('serves %s compressed, and to others as it is', async (path, contentType, part) => {
    const compressed = await get(path, { 'accept-encoding': 'gzip' });
    expect(compressed.headers.get('content-type')).toBe(contentType);
    expect(compressed.headers.get('content-encoding')).toBe('gzip');
    const text = await compressed.text();
    expect(text).toContain(part);
    expect(Number(compressed.headers.get('content-length'))).toBeLessThanOrEqual(gzipSync(text).length);
    const plain = await rawRequest(running.port, { path });
    expect(plain.headers['content-encoding']).toBeUndefined();
    expect(plain.headers.etag).not.toBe(compressed.headers.get('etag'));
    expect(plain.text).toBe(text);
  });

  it.each(['/docs', '/api/v1/openapi.json', ...ASSETS.map(([path]) => path)])(
    '%s is not sent again to a client that has it',
    async (path) => {
      const first = await get(path);
      await first.arrayBuffer();
      const again = await get(path, { 'if-none-match': first.headers.get('etag') ?? '' });
      expect([again.status, await again.text()]).toEqual([304, '']);
      const etag = first.headers.get('etag') ?? '';
      for (const known of [`W/${etag}`, `"other", ${etag}`, `"other",W/${etag}`, '*'])
        expect((await get(path, { 'if-none-match': known })).status).toBe(304);
      expect((await rawRequest(running.port, { path, headers: { 'if-none-match': '"other"' } })).status).toBe(200);
    },
  );

  it.each(['gzip;q=0', 'identity;q=0', '*;q=0', 'gzip;q=0, *', 'br'])(
    'is sent as it is to a client that accepts the encodings %s',
    async (encodings) => {
      const { headers, text } = await rawRequest(running.port, {
        path: '/docs',
        headers: { 'accept-encoding': encodings },
      });
      expect(headers['content-encoding']).toBeUndefined();
      expect(headers.vary).toBe('Accept-Encoding');
      expect(text).toContain('<!doctype html>');
    },
  );

  it('leaves everything else in the envelope', async () => {
    const unknown = await rawRequest(running.port, { path: '/docs/swagger-ui.css.map' });
    expect(unknown.json).toEqual({ code: 404, message: 'Not found', data: null });
    const wrongMethod = await rawRequest(running.port, { method: 'POST', path: '/docs' });
    expect(wrongMethod.json).toEqual({ code: 405, message: 'Method not allowed', data: null });
    expect(wrongMethod.headers.allow).toBe('GET, HEAD');
  });
});
