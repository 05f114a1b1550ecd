import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { endAndLinger } from './linger.js';

/** What the HTTP server knows of a connection that it has given to a door. */
interface Connection {
  readonly headers: Readonly<Record<string, string>>;
  /** The status of the answer that ended it. */
  status?: number;
}

const connections = new WeakMap<Duplex, Connection>();

/** Sets the headers that every answer on a connection without a response object has. */
export function prepareRawAnswer(socket: Duplex, headers: Readonly<Record<string, string>>): void {
  connections.set(socket, { headers });
}

/** The status of the answer that {@link endWithJson} sent, undefined when it sent none. */
export function rawAnswerStatus(socket: Duplex): number | undefined {
  return connections.get(socket)?.status;
}

/** Sends a JSON answer on a socket for which Node has no response object, and closes the socket. */
export function endWithJson(
  socket: Duplex,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const connection = connections.get(socket);
  if (connection !== undefined) connection.status = status;
  endAndLinger(
    socket,
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      'Connection: close',
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...Object.entries({ ...connection?.headers, ...headers }).map(([name, value]) => `${name}: ${value}`),
      '',
      body,
    ].join('\r\n'),
  );
}
