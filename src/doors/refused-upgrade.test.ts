import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect } from 'node:net';
import { expect, it } from '@jest/globals';
import { refuseUpgrade } from './websocket.js';

/** An error that nobody listens for would end the process; here it fails the test. */
it('survives a client that resets the connection of a refused upgrade', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  const client = connect(address.port, '127.0.0.1');
  const closed = new Promise<void>((resolve) => {
    server.on('upgrade', (_request, socket) => {
      refuseUpgrade(socket, '404 Not Found', 'WebSockets are served elsewhere');
      socket.once('close', () => {
        resolve();
      });
      client.resetAndDestroy();
    });
  });
  client.write('GET /elsewhere HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
  await expect(closed).resolves.toBeUndefined();
  server.close();
  await once(server, 'close');
});
