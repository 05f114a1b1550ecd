import { OutgoingMessage, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { forgetHead } from '../kernel/sent-head.js';

/** Bytes up to which Node writes a string without memory of its own; a buffer that is longer is not copied for each client. */
const MAX_STRING = 16_384;

/** The bytes of a text in UTF-8, as a string with a character for each: what Node writes to many clients at the least cost. */
export function bytesOf(text: string): string {
  return Buffer.byteLength(text) === text.length ? text : Buffer.from(text).toString('latin1');
}

/** A text that is written to several clients: the chunk that it is over HTTP is made once. */
export class SharedText {
  #chunk: Buffer | string | undefined;

  constructor(readonly text: string) {}

  /** As bytes, or as what {@link bytesOf} gives. */
  get chunk(): Buffer | string {
    if (this.#chunk !== undefined) return this.#chunk;
    const length = Buffer.byteLength(this.text);
    const chunk = `${length.toString(16)}\r\n${this.text}\r\n`;
    return (this.#chunk = length < MAX_STRING ? bytesOf(chunk) : Buffer.from(chunk));
  }
}

/**
 * Begins an answer that stays open. Its head is written by itself, in one packet with what this turn of the event loop brings: where
 * Node joins it to the first text, it keeps it as the hundred pieces that it was made of, some 4 KB, for as long as the answer is open.
 */
export function beginStream(response: ServerResponse, headers: Readonly<Record<string, string>>): void {
  response.writeHead(200, headers);
  const { socket } = response;
  if (socket === null) return;
  socket.cork();
  response.flushHeaders();
  forgetHeads(response);
  process.nextTick(() => {
    socket.uncork();
  });
}

const NO_HEADERS: IncomingMessage['headers'] = Object.freeze({});

/** Where Node keeps the headers of an answer as they were set. Null stands for none. */
const SET_HEADERS = Object.getOwnPropertySymbols(new OutgoingMessage()).find(
  ({ description }) => description === 'kOutHeaders',
);

/** Lets go of the headers of a request and its answer, once both were read: with the token, some 4 KB for as long as it is open. */
function forgetHeads(response: ServerResponse): void {
  const { req: request } = response;
  request.headers = NO_HEADERS;
  request.rawHeaders = [];
  if (SET_HEADERS !== undefined) Object.assign(response, { [SET_HEADERS]: null });
  forgetHead(response);
}

/** Undefined when the client can take more now; otherwise resolves when it can, or has disconnected. */
export function writeTo(response: ServerResponse, text: string): Promise<void> | undefined {
  if (!response.destroyed) response.write(text);
  return drained(response);
}

/**
 * As {@link writeTo}, to a response whose head and beginning were written. `response.write` would write the length, the text and the
 * ends of lines one by one, which takes more time than the write to the socket itself.
 */
export function writeShared(response: ServerResponse, shared: SharedText): Promise<void> | undefined {
  const socket = chunkedSocketOf(response);
  return socket === undefined ? writeTo(response, shared.text) : writeChunk(response, socket, shared);
}

/**
 * What chunks of an answer may be written to until it ends: undefined before its head was written, and for an answer that has no chunks
 * or has ended. Whoever keeps it need not look into the response for each text, which with many clients is most of the work.
 */
export function chunkedSocketOf(response: ServerResponse): Socket | undefined {
  const { destroyed, writableEnded, chunkedEncoding, headersSent, socket } = response;
  return destroyed || writableEnded || !chunkedEncoding || !headersSent ? undefined : (socket ?? undefined);
}

/** As {@link writeShared}. @param socket that of {@link chunkedSocketOf} */
export function writeChunk(response: ServerResponse, socket: Socket, shared: SharedText): Promise<void> | undefined {
  return socket.write(shared.chunk, 'latin1') ? undefined : drained(response);
}

/** Whether the client has not taken what was written. */
export function isFull(response: ServerResponse): boolean {
  return response.writableNeedDrain || response.socket?.writableNeedDrain === true;
}

/** As {@link writeTo}, after what was written before. */
export function drained(response: ServerResponse): Promise<void> | undefined {
  if (response.destroyed || !isFull(response)) return undefined;
  const { socket } = response;
  return new Promise((resolve) => {
    const done = () => {
      response.off('drain', done);
      response.off('close', done);
      socket?.off('drain', done);
      resolve();
    };
    response.once('drain', done);
    response.once('close', done);
    socket?.once('drain', done);
  });
}

/** Cutting the chunked body is the only way left to signal that it is incomplete; text that was written is still sent. */
export function breakOff(response: ServerResponse): void {
  if (response.chunkedEncoding) response.socket?.destroySoon();
  else response.destroy();
}
