import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, it } from '@jest/globals';
import { fetchByNode, NodeResponse } from './http-fetch.js';

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close().closeAllConnections();
});

async function listen(answer: RequestListener): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  servers.push(server);
  await once(server, 'listening');
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`;
}

const post = (url: string, init: RequestInit = {}) =>
  fetchByNode(url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"a":1}', ...init });
const contentOf = (response: Response) => (response instanceof NodeResponse ? text(response.content) : response.text());

describe('fetch over the HTTP client of Node', () => {
  it('sends the request, and gives status, headers and body', async () => {
    const asked: IncomingMessage[] = [];
    const url = await listen((request, response) => {
      asked.push(request);
      request.pipe(response.setHeader('x-request-id', 'r1'));
    });
    const response = await post(url);
    expect(response.status).toBe(200);
    expect(response.headers.get('x-request-id')).toBe('r1');
    expect(await contentOf(response)).toBe('{"a":1}');
    expect(asked[0]).toMatchObject({ method: 'POST', url: '/v1', headers: { 'content-length': '7' } });
  });

  it('uses a connection again', async () => {
    const ports = new Set<number | undefined>();
    const url = await listen((request, response) => {
      ports.add(request.socket.remotePort);
      response.end('done');
    });
    for (let times = 0; times < 3; times++) expect(await contentOf(await post(url))).toBe('done');
    expect(ports.size).toBe(1);
  });

  it('follows a redirect', async () => {
    const target = await listen((request, response) => {
      request.pipe(response);
    });
    const url = await listen((_request, response) => {
      response.writeHead(307, { location: target }).end();
    });
    const response = await post(url);
    expect(response.status).toBe(200);
    expect(await contentOf(response)).toBe('{"a":1}');
  });

  it('wraps the body of an error, and keeps when to try again', async () => {
    const url = await listen((_request, response) => {
      response.writeHead(429, { 'retry-after': '7', 'content-type': 'text/html' }).end('slow down');
    });
    const response = await post(url);
    expect([response.status, response.headers.get('retry-after')]).toEqual([429, '7']);
    expect(await response.json()).toEqual({ error: 'slow down' });
  });

  it('hangs up when the signal aborts, before the answer and in it', async () => {
    const left: Promise<unknown>[] = [];
    const url = await listen((request, response) => {
      left.push(once(response, 'close'));
      if (request.headers['x-wait'] === undefined) response.write('some');
    });
    const early = new AbortController();
    const waiting = post(url, { signal: early.signal, headers: { 'x-wait': 'yes' } });
    while (left.length === 0) await new Promise(setImmediate);
    early.abort();
    await expect(waiting).rejects.toThrow('fetch failed');
    const late = new AbortController();
    const response = await post(url, { signal: late.signal });
    const reading = contentOf(response);
    late.abort();
    await expect(reading).rejects.toThrow();
    await Promise.all(left);
    await expect(post(url, { signal: AbortSignal.abort() })).rejects.toThrow('fetch failed');
  });
});
