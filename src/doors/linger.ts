import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

/** How long a client may go on sending what nobody reads any more. */
const LINGER_MS = 10_000;

/**
 * Ends our side of a connection, and drops what the client still sends until it closes its own. Closing a socket whose bytes
 * were not read resets it, and a client that is still sending would lose the answer (RFC 9112, 9.6).
 */
export function endAndLinger(socket: Duplex, lastBytes?: string): void {
  const giveUp = setTimeout(() => socket.destroy(), LINGER_MS).unref();
  socket.once('close', () => {
    clearTimeout(giveUp);
  });
  socket.end(lastBytes);
}

/**
 * Lets the client of a request that is answered before its body has come read the answer, also where the connection ends with
 * it. Node would destroy the socket then, by `destroySoon`, which is replaced on this one socket.
 */
export function lingerAfterAnswer(request: IncomingMessage, response: ServerResponse): void {
  response.once('prefinish', () => {
    const { socket } = request;
    if (request.complete || !(socket instanceof Socket)) return;
    socket.destroySoon = () => {
      if (request.complete) {
        Socket.prototype.destroySoon.call(socket);
        return;
      }
      request.once('end', () => socket.destroy());
      endAndLinger(socket);
    };
  });
}
