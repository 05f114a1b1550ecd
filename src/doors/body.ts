import type { IncomingMessage } from 'node:http';

/** The body has more bytes than its reader takes. */
export class BodyTooLarge extends Error {}

/** The client left while it was sending: there is nobody to answer, and nothing went wrong. */
export class ClientLeft extends Error {}

/**
 * The bytes of a body.
 *
 * This is no `for await`: leaving that early destroys the socket, and a client that is still sending would never read the
 * answer that its body is too large. What is left of such a body is read and dropped by Node once the answer is out.
 * @param limit the most bytes that the body may have
 * @throws BodyTooLarge, ClientLeft
 */
export function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    if (Number(request.headers['content-length']) > limit) {
      reject(new BodyTooLarge());
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
    const left = () => {
      reject(new ClientLeft());
    };
    request
      .on('data', take)
      .once('end', () => {
        resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length));
      })
      .once('error', left)
      .once('close', left);
  });
}
