import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import WebSocket, { WebSocketServer } from 'ws';
import { textFrame } from './websocket-frame.js';

let server: Server;
let client: WebSocket;
let stream: Duplex;
let socket: WebSocket;

beforeEach(async () => {
  const acceptor = new WebSocketServer({ noServer: true });
  server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const accepted = new Promise<void>((resolve) => {
    server.once('upgrade', (request, upgraded, head) => {
      stream = upgraded;
      acceptor.handleUpgrade(request, upgraded, head, (opened) => {
        socket = opened;
        resolve();
      });
    });
  });
  client = new WebSocket(`ws://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await Promise.all([once(client, 'open'), accepted]);
});

afterEach(async () => {
  client.terminate();
  server.close();
  await once(server, 'close');
});

const received = async () => {
  const [data, isBinary] = (await once(client, 'message')) as [Buffer, boolean];
  expect(isBinary).toBe(false);
  return data.toString();
};

it.each([0, 1, 125, 126, 65_535, 65_536, 200_000])('frames a text of %i bytes as a client reads it', async (length) => {
  stream.write(textFrame('x'.repeat(length)));
  expect(await received()).toBe('x'.repeat(length));
});

it('counts bytes, not characters', async () => {
  const text = 'ä€😀'.repeat(40);
  stream.write(textFrame(text));
  expect(await received()).toBe(text);
});

it('keeps its place among what is sent by the socket', async () => {
  const texts: string[] = [];
  client.on('message', (data: Buffer) => texts.push(data.toString()));
  for (let round = 0; round < 20; round++) {
    socket.send(`sent ${round}`);
    stream.write(textFrame(`framed ${round}`));
    socket.ping();
  }
  socket.close();
  await once(client, 'close');
  expect(texts).toEqual(Array.from({ length: 20 }, (_, round) => [`sent ${round}`, `framed ${round}`]).flat());
});
