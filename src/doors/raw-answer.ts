import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { endAndLinger } from './linger.js';

/** Sends a JSON answer on a socket for which Node has no response object, and closes the socket. */
export function endWithJson(
  socket: Duplex,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  endAndLinger(
    socket,
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      'Connection: close',
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
      '',
      body,
    ].join('\r\n'),
  );
}
