import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';

/** A request that cannot even be read. `status` and `message` are the contract's. */
export class Unreadable extends Error {
  constructor(
    readonly status: 400 | 404 | 405 | 413 | 415,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** The client left while it was sending: there is nobody to answer, and nothing went wrong. */
export class ClientLeft extends Error {}

const JSON_MEDIA_TYPE = /^\s*application\/(?:json|[a-z0-9!#$&^_.+-]+\+json)\s*(?:;(.*))?$/i;
const OTHER_CHARSET = /charset\s*=\s*"?(?!utf-?8"?\s*(?:;|$))/i;

/**
 * Reads the JSON body of a request; undefined when the body is empty.
 * @param limit the most bytes that a body may have
 * @throws Unreadable 413 over the limit, 415 for another media type, 400 for what is not JSON in UTF-8; ClientLeft
 */
export async function readJsonBody(request: IncomingMessage, limit: number): Promise<unknown> {
  if (Number(request.headers['content-length'] ?? 0) > limit) throw new Unreadable(413, 'Payload too large');
  const bytes = await readBytes(request, limit);
  if (bytes.length === 0) return undefined;
  if (!isJson(request)) throw new Unreadable(415, 'Unsupported media type');
  if (!isUtf8(bytes)) throw new Unreadable(400, 'Malformed JSON');
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new Unreadable(400, 'Malformed JSON');
  }
}

/** A body without a media type is taken for JSON: old clients leave it out. */
function isJson({ headers }: IncomingMessage): boolean {
  const encoding = headers['content-encoding'];
  if (encoding !== undefined && encoding !== 'identity') return false;
  const mediaType = headers['content-type'];
  if (mediaType === undefined) return true;
  const match = JSON_MEDIA_TYPE.exec(mediaType);
  return match !== null && !OTHER_CHARSET.test(match[1] ?? '');
}

/**
 * Not `for await`: leaving that early destroys the socket, and a client that is still sending would never read the 413.
 * What is left of the body is read and dropped by Node when the answer is out.
 */
function readBytes(request: IncomingMessage, limit: number): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const onData = (chunk: Buffer) => {
      length += chunk.length;
      if (length <= limit) {
        chunks.push(chunk);
      } else {
        request.off('data', onData);
        request.resume();
        reject(new Unreadable(413, 'Payload too large'));
      }
    };
    request.on('data', onData);
    request.once('end', () => resolve(chunks.length === 1 && chunks[0] ? chunks[0] : Buffer.concat(chunks, length)));
    const onLeft = () => {
      reject(new ClientLeft());
    };
    request.once('error', onLeft);
    request.once('close', onLeft);
  });
}
