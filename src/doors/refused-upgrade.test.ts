import { once } from 'node:events';
import { connect } from 'node:net';
import { expect, it } from '@jest/globals';
import { OriginPolicy } from './cors.js';
import { createHttpServer } from './http.js';
import type { RequestHandler } from './request-handler.js';

const unexpected: RequestHandler = () => {
  throw new Error('No request was to be answered');
};
const ignore = () => undefined;

/** An `error` event without a listener would end the process; here it fails the test. */
it('survives a client that resets the connection of a refused upgrade', async () => {
  const http = createHttpServer({
    graphql: unexpected,
    rest: unexpected,
    upgrade: () => {
      throw new Error('No door takes this upgrade');
    },
    log: { info: ignore, warn: ignore, error: ignore },
    origins: new OriginPolicy({ allowed: [], allowsLoopback: false, log: { warn: ignore } }),
  });
  const { port } = await http.listen(0, '127.0.0.1');
  const client = connect(port, '127.0.0.1');
  client.write('GET /elsewhere HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n');
  const [answer] = (await once(client, 'data')) as [Buffer];
  expect(answer.toString()).toMatch(/^HTTP\/1\.1 404 /);
  client.resetAndDestroy();
  await http.close();
});
