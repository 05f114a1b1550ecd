import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type pg from 'pg';
import type { Log } from '../../kernel/log.js';
import { createClientPool } from './client-pool.js';
import { createPostgresPool } from './postgres-pool.js';

/** Builds a message of a PostgreSQL server (PostgreSQL manual, "Message Formats"): type, length, body. */
function message(type: string, body: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
}
const READY = message('Z', Buffer.from('I'));
const ADMITTED = Buffer.concat([message('R', Buffer.alloc(4)), READY]);
const DONE = Buffer.concat([message('C', Buffer.from('SET\0')), READY]);
const SHUTTING_DOWN = message('E', Buffer.from('SFATAL\0VFATAL\0C57P01\0Mterminating connection\0\0'));

type Answer = (socket: Socket) => void;
const admit: Answer = (socket) => socket.write(ADMITTED);
const succeed: Answer = (socket) => socket.write(DONE);
const reset: Answer = (socket) => socket.resetAndDestroy();
const terminate: Answer = (socket) => socket.end(SHUTTING_DOWN);

/** Connection faults after which the client must not end this process: an uncaught error fails the test. */
describe('a pool of connections', () => {
  const logger = { info: jest.fn<Log['info']>(), warn: jest.fn<Log['warn']>(), error: jest.fn<Log['error']>() };
  let server: Server;
  let pool: pg.Pool | undefined;
  /** The server's behaviour on each message of a connection, the start-up message first. */
  let script: Answer[];
  const sockets: Socket[] = [];

  beforeEach(async () => {
    logger.warn.mockClear();
    server = createServer((socket) => {
      const answers = [...script];
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.on('data', () => answers.shift()?.(socket));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
  });
  afterEach(async () => {
    await pool?.end();
    pool = undefined;
    for (const socket of sockets.splice(0)) socket.destroy();
    server.close();
    await once(server, 'close');
  });

  const openPool = (limits: { readonly answerMs?: number } = {}) => {
    const address = server.address();
    if (address === null || typeof address === 'string') throw new Error('The server has no port');
    const url = `postgresql://somebody@127.0.0.1:${String(address.port)}/something`;
    pool = createPostgresPool({ url, logger, size: 1, limitStatements: true, ...limits });
    return pool;
  };

  it.each([
    ['reset while it connects', [reset], /ECONNRESET|Connection terminated/],
    ['terminated while it connects', [terminate], /terminating connection/],
    ['reset while it is set up', [admit, reset], /ECONNRESET|Connection terminated/],
    ['terminated while it is set up', [admit, terminate], /terminating connection|Connection terminated/],
  ])('refuses a connection that is %s, and makes the next one', async (_, fault, reason) => {
    script = fault;
    const opened = openPool();
    await expect(opened.connect()).rejects.toThrow(reason);
    script = [admit, succeed];
    const client = await opened.connect();
    client.release();
    expect(opened.totalCount).toBe(1);
  });

  it.each([
    ['reset', reset],
    ['terminated', terminate],
  ])('closes a connection that was %s while it was lent and nobody used it', async (_, fault) => {
    script = [admit, succeed];
    const opened = openPool();
    const client = await opened.connect();
    // Not events.once, which would also listen for `error`.
    const ended = new Promise<void>((resolve) => client.once('end', resolve));
    for (const socket of sockets) fault(socket);
    await ended;
    await expect(client.query('SELECT 1')).rejects.toThrow('not queryable');
    client.release();
    expect(opened.totalCount).toBe(0);
  });

  it('drops an idle connection that is reset, and says so', async () => {
    script = [admit, succeed];
    const opened = openPool();
    (await opened.connect()).release();
    const removed = new Promise((resolve) => opened.once('remove', resolve));
    for (const socket of sockets) reset(socket);
    await removed;
    expect(opened.totalCount).toBe(0);
    expect(logger.warn).toHaveBeenCalledWith({ reason: expect.any(String) }, 'An idle database connection was lost');
  });

  it('waits for no answer longer than its limit, which begins with each statement', async () => {
    const silent: Answer = () => undefined;
    script = [admit, succeed, succeed, silent];
    const opened = openPool({ answerMs: 200 });
    const client = await opened.connect();
    await client.query('SELECT 1');
    await expect(client.query('SELECT 2')).rejects.toThrow('Query read timeout');
    const closed = sockets.map((socket) => once(socket, 'close'));
    client.release(true);
    await Promise.all(closed);
  });

  it('leaves a connection alone on which nothing is asked', async () => {
    script = [admit, succeed, succeed, succeed];
    const opened = openPool({ answerMs: 1_000 });
    const client = await opened.connect();
    await client.query('SELECT 1');
    await delay(1_100);
    await client.query('SELECT 2');
    client.release();
    expect(opened.totalCount).toBe(1);
  });

  it('has a listener on a client from its construction', () => {
    const unused = createClientPool({}, logger);
    const { Client } = unused.options as { Client?: new () => pg.ClientBase };
    if (Client === undefined) throw new Error('The pool makes plain clients');
    expect(new Client().emit('error', new Error('before it connects'))).toBe(true);
  });
});
