import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, expect, it } from '@jest/globals';
import { createClient } from 'graphql-ws';
import { WebSocket } from 'ws';
import { startDoors } from '../../test/support/example-doors.js';
import { OriginPolicy } from './cors.js';
import { createHttpServer } from './http.js';

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setImmediate(resolve));
}

describe('closing the doors', () => {
  it('lets a running request finish, and takes no new connection', async () => {
    const doors = await startDoors();
    const pending = doors.post('{ waiting }');
    await until(() => doors.journal.calls.includes('waiting'));
    const closed = doors.close(20_000);
    await expect(fetch(`${doors.url}?query={hello}`, { headers: { connection: 'close' } })).rejects.toThrow();
    doors.journal.release.resolve('next');
    const answer = await pending;
    expect(await answer.json()).toEqual({ data: { waiting: 'next' } });
    await closed;
  });

  it('does not wait for idle connections and sockets', async () => {
    const doors = await startDoors();
    await (await doors.post('{ hello }')).text();
    const socket = new WebSocket(doors.url.replace('http', 'ws'), 'graphql-transport-ws');
    await once(socket, 'open');
    const [[code]] = (await Promise.all([once(socket, 'close'), doors.close(60_000)])) as [[number], unknown];
    expect(code).toBe(1001);
  });

  it('ends streams with complete at the deadline', async () => {
    const doors = await startDoors();
    const answer = await doors.post('subscription { tail }', {}, { accept: 'text/event-stream' });
    await until(() => doors.graphql.openStreams === 1);
    const closed = doors.close(0);
    expect((await answer.text()).endsWith('event: complete\ndata:\n\n')).toBe(true);
    await doors.journal.sourceEnded.promise;
    await closed;
  });

  it('ends the operations of sockets with complete at the deadline, then closes with 1001', async () => {
    const doors = await startDoors();
    const closes: number[] = [];
    const client = createClient({
      url: doors.url.replace('http', 'ws'),
      webSocketImpl: WebSocket,
      retryAttempts: 0,
      on: { closed: (event) => closes.push((event as { code: number }).code) },
    });
    const stream = client.iterate({ query: 'subscription { tail }' });
    await stream.next();
    const rest = stream.next();
    const closed = doors.close(0);
    expect(await rest).toMatchObject({ done: true });
    await closed;
    await until(() => closes.length > 0);
    expect(closes).toEqual([1001]);
    await client.dispose();
  });

  it('goes on when a client breaks the protocol meanwhile', async () => {
    const doors = await startDoors();
    const tcp = connect(doors.port, '127.0.0.1');
    const accept = { 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version': '13' };
    const headers = Object.entries({ ...accept, 'sec-websocket-protocol': 'graphql-transport-ws' });
    const lines = ['GET /graphql HTTP/1.1', 'host: localhost', 'connection: upgrade', 'upgrade: websocket'];
    tcp.write([...lines, ...headers.map((header) => header.join(': ')), '', ''].join('\r\n'));
    await once(tcp, 'data');
    const pending = doors.post('{ waiting }');
    await until(() => doors.journal.calls.includes('waiting'));
    const closed = doors.close(60_000);
    // Reserved bits and an opcode that does not exist.
    tcp.write(Buffer.from([0xff, 0x7f, 0xff, 0xff]));
    await once(tcp, 'close');
    doors.journal.release.resolve('next');
    expect(await (await pending).json()).toEqual({ data: { waiting: 'next' } });
    await closed;
  });

  it('closes a socket when its last operation is over, before the deadline', async () => {
    const doors = await startDoors();
    const client = createClient({ url: doors.url.replace('http', 'ws'), webSocketImpl: WebSocket, retryAttempts: 0 });
    const stream = client.iterate({ query: '{ waiting }' });
    const result = stream.next();
    await until(() => doors.journal.calls.includes('waiting'));
    const closed = doors.close(60_000);
    doors.journal.release.resolve('next');
    expect(await result).toMatchObject({ value: { data: { waiting: 'next' } } });
    await closed;
    await client.dispose();
  });

  it('does not wait for a client that left while its request was held back', async () => {
    const log = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined };
    const http = createHttpServer({
      graphql: (_request, response) => void response.end(),
      rest: (_request, response) => void response.end(),
      upgrade: () => undefined,
      log,
      origins: new OriginPolicy({ allowed: [], allowsLoopback: false, log }),
    });
    const { port } = await http.listen(0, '127.0.0.1');
    const accepted = once(http.server, 'connection') as Promise<[Socket]>;
    const client = connect(port, '127.0.0.1');
    const [socket] = await accepted;
    const settled = http.settle();
    const asked = once(http.server, 'request');
    client.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await asked;
    const gone = once(socket, 'close');
    client.destroy();
    await gone;
    await settled;
    http.drain();
    await http.idle();
    await http.close();
  });
});
