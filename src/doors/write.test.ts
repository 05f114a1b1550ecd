import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it } from '@jest/globals';
import { beginStream } from './write.js';

it('lets go of the heads of a request and its answer once a stream has begun', async () => {
  await using server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const asked = once(server, 'request') as Promise<[IncomingMessage, ServerResponse]>;
  const answer = fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, {
    headers: { authorization: 'Bearer of a token' },
  });
  const [request, response] = await asked;
  expect(request.headers.authorization).toBe('Bearer of a token');
  response.setHeader('x-request-id', 'one');
  beginStream(response, { 'content-type': 'text/event-stream' });
  expect([request.headers, request.rawHeaders, response.getHeaders()]).toEqual([{}, [], {}]);
  const texts = Object.values(response).filter((value) => typeof value === 'string');
  expect(texts.filter((text) => text.includes('x-request-id'))).toEqual([]);
  expect(response.headersSent).toBe(true);
  response.end('over');
  const { status, headers } = await answer;
  expect([status, headers.get('x-request-id'), headers.get('content-type')]).toEqual([200, 'one', 'text/event-stream']);
  expect(await (await answer).text()).toBe('over');
});
