import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { envelopeText } from './envelope.js';

/** Sends a JSON answer on a socket for which Node has no response object, and closes the socket. */
export function endWithJson(socket: Duplex, status: number, body: string): void {
  socket.end(
    [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      'Connection: close',
      'Content-Type: application/json; charset=utf-8',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}

/** Answers a request that Node could not parse, or did not receive in time. */
export function answerUnreadable(error: Error & { readonly code?: string }, socket: Duplex): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  const [status, message] = reasonOf(error.code);
  endWithJson(socket, status, envelopeText({ status, message }));
}

function reasonOf(code: string | undefined): readonly [status: number, message: string] {
  if (code === 'HPE_HEADER_OVERFLOW') return [431, 'Request header fields too large'];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'Request timeout'];
  return [400, 'Malformed request'];
}
