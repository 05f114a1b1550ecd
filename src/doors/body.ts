import type { IncomingMessage } from 'node:http';

/** The body is larger than the reader's limit. */
export class BodyTooLarge extends Error {}

/** The client disconnected while sending the body. No answer is possible, and this is not a fault to log. */
export class ClientLeft extends Error {}

/**
 * Reads the whole body into memory.
 *
 * It does not use `for await`: leaving such a loop early destroys the socket, and a client that is still sending would never
 * read the answer that its body is too large. Node reads and drops the rest of such a body once the answer is sent.
 * @param limit maximum bytes of the body
 * @throws BodyTooLarge, ClientLeft
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length']) > limit) {
      reject(new BodyTooLarge());
      return;
    }
    if (request.destroyed) {
      reject(new ClientLeft());
      return;
    }
    const chunks: Buffer[] = [];
    let length = 0;
    const take = (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) {
        chunks.push(chunk);
        return;
      }
      request.off('data', take).resume();
      reject(new BodyTooLarge());
    };
    const stop = () => {
      // These would keep the body for as long as the request is known: for hours, where it is answered by a stream.
      request.off('data', take).off('end', end).off('error', left).off('close', left);
    };
    const end = () => {
      stop();
      resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length));
    };
    const left = () => {
      stop();
      reject(new ClientLeft());
    };
    request.on('data', take).on('end', end).on('error', left).on('close', left);
  });
}
