import type { ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Log } from '../kernel/log.js';
import { envelopeText } from './envelope.js';
import { endAndLinger } from './linger.js';
import { endWithJson } from './raw-answer.js';

/** What Node could not read as a request, or did not get in time. */
export type UnreadableError = Error & { readonly code?: string };

/**
 * Answers what comes on a connection and is no request. Connections carry one answer after the other: such an answer must
 * neither stand in the middle of another, nor come before one that is still being made, whose place it would take.
 */
export class UnreadableBytes {
  /** The answer to the latest request of each connection. */
  readonly #latest = new WeakMap<Duplex, ServerResponse>();
  /** Connections that end with such an answer: the parser finds every later byte on them wrong as well. */
  readonly #ending = new WeakSet<Duplex>();

  constructor(private readonly log: Pick<Log, 'info'>) {}

  follow(socket: Duplex, response: ServerResponse): void {
    this.#latest.set(socket, response);
  }

  answer(error: UnreadableError, socket: Duplex): void {
    if (error.code === 'ECONNRESET') {
      socket.destroy();
      return;
    }
    if (this.#ending.has(socket)) return;
    this.#ending.add(socket);
    const latest = this.#latest.get(socket);
    if (latest === undefined) this.#end(error, socket);
    else this.#endAfter(latest, error, socket);
  }

  #endAfter(latest: ServerResponse, error: UnreadableError, socket: Duplex): void {
    const isOwnBody = !latest.req.complete;
    if (isOwnBody && latest.writableFinished) endAndLinger(socket);
    else if (isOwnBody && latest.headersSent) socket.destroy();
    else if (isOwnBody || latest.writableFinished) this.#end(error, socket);
    else {
      // Not `close`, of which a stream that is piped into an answer has all the listeners that Node takes without a warning. An
      // answer that never finishes has lost its connection.
      latest.once('finish', () => {
        this.#end(error, socket);
      });
    }
  }

  #end({ code }: UnreadableError, socket: Duplex): void {
    if (!socket.writable) {
      socket.destroy();
      return;
    }
    const [status, message] = reasonOf(code);
    this.log.info({ status, code }, 'Unreadable request');
    endWithJson(socket, status, envelopeText({ status, message }));
  }
}

function reasonOf(code: string | undefined): readonly [status: number, message: string] {
  if (code === 'HPE_HEADER_OVERFLOW') return [431, 'Request header fields too large'];
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return [408, 'Request timeout'];
  return [400, 'Malformed request'];
}
