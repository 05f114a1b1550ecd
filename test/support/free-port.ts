import { once } from 'node:events';
import { createServer } from 'node:net';

/** A port of 127.0.0.1 on which nobody listens, for a server that cannot choose one by itself. */
export async function freePort(): Promise<number> {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const address = holder.address();
  holder.close();
  await once(holder, 'close');
  if (address === null || typeof address === 'string') throw new Error('The server has no port');
  return address.port;
}
