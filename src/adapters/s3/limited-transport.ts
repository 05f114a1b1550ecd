import http, { type ClientRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import https from 'node:https';

/** Time limits of a request to an S3 server, in milliseconds. */
export interface S3Limits {
  /** Until the connection is there, TLS included. */
  readonly connectMs: number;
  /** From then until the answer begins, for a request without a body. */
  readonly answerMs: number;
  /** What a body may take in addition, for each of its bytes. */
  readonly perByteMs: number;
  /** How long an answer whose reader waits for bytes may be silent. */
  readonly silenceMs: number;
}

/** A body may come at 2 Mbit/s: a part of 5 MB takes 30 s at most. */
export const S3_LIMITS: S3Limits = {
  connectMs: 5_000,
  answerMs: 10_000,
  perByteMs: 20_000 / 5_242_880,
  silenceMs: 10_000,
};

/** `request` of Node with time limits: the S3 client has none, and waits for ever for a server that stalls. */
export function limitedTransport(useSsl: boolean, limits: S3Limits): Pick<typeof http, 'request'> {
  const { request } = useSsl ? https : http;
  const limited = (options: RequestOptions, onAnswer: (response: IncomingMessage) => void): ClientRequest => {
    const outgoing = request(options, (response) => {
      clearTimeout(limit);
      limitSilence(response, limits.silenceMs);
      onAnswer(response);
    });
    const stop = (what: string, milliseconds: number) =>
      setTimeout(() => {
        outgoing.destroy(new Error(`${what} within ${Math.round(milliseconds / 100) / 10} s`));
      }, milliseconds);
    let limit = stop('no connection', limits.connectMs);
    const answerMs = limits.answerMs + bodyBytes(options) * limits.perByteMs;
    const connected = () => {
      clearTimeout(limit);
      limit = stop('no answer', answerMs);
    };
    outgoing.once('socket', (socket) => {
      if (socket.connecting) socket.once(useSsl ? 'secureConnect' : 'connect', connected);
      else connected();
    });
    outgoing.once('close', () => {
      clearTimeout(limit);
    });
    return outgoing;
  };
  return { request: limited as typeof http.request };
}

function bodyBytes({ headers }: RequestOptions): number {
  const length = Object.entries(headers ?? {}).find(([name]) => name.toLowerCase() === 'content-length')?.[1];
  return Number(length ?? 0);
}

/** A reader that takes nothing may leave the answer alone as long as it likes: then there are bytes that wait for it. */
function limitSilence(response: IncomingMessage, silenceMs: number): void {
  const { socket } = response;
  let seen = -1;
  const watch = setInterval(() => {
    if (response.readableLength === 0 && socket.bytesRead === seen) {
      response.destroy(new Error(`the answer broke off: silent for ${silenceMs / 1000} s`));
    }
    seen = socket.bytesRead;
  }, silenceMs).unref();
  response.once('close', () => {
    clearInterval(watch);
  });
}
