import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import WebSocket, { WebSocketServer } from 'ws';
import { byteFrame, textFrame } from './websocket-frame.js';
import { bytesOf } from './write.js';

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

it.each([0, 1, 62, 63, 64, 1_000, 65_534])('frames parts of which the last has %i bytes', async (length) => {
  stream.write(byteFrame('x', 'y'.repeat(length)), 'latin1');
  expect(await received()).toBe(`x${'y'.repeat(length)}`);
});

it.each([10, 40])('frames parts that have more bytes than characters', async (times) => {
  const [beginning, rest] = ['äé', '€😀'.repeat(times)];
  stream.write(byteFrame(bytesOf(beginning), bytesOf(rest)), 'latin1');
  expect(await received()).toBe(beginning + rest);
});

it('refuses parts that are too long for it', () => {
  expect(() => byteFrame('x', 'y'.repeat(65_535))).toThrow(RangeError);
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
