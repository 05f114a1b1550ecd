import { once } from 'node:events';
import { connect, createServer, type Server } from 'node:net';

/** The path of a Unix socket, or a port of 127.0.0.1. */
export type End = string | number;

/** Passes connections to one end on to the other. */
export async function forward(from: End, to: End): Promise<Server> {
  const server = createServer((client) => {
    const target = connect(place(to));
    client.pipe(target).pipe(client);
    client.on('error', () => target.destroy());
    target.on('error', () => client.destroy());
  });
  await once(server.listen(place(from)), 'listening');
  return server;
}

function place(end: End) {
  return typeof end === 'string' ? { path: end } : { port: end, host: '127.0.0.1' };
}
