import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import { BodyTooLarge, readBody } from '../body.js';
import { bodyTypeOf } from '../headers/content-type.js';

/** A request that cannot be read. `status` and `message` are those of the REST contract. */
export class Unreadable extends Error {
  constructor(
    readonly status: 400 | 404 | 405 | 413 | 415,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

const JSON_MEDIA_TYPE = /^application\/(?:json|[a-z0-9!#$&^_.+-]+\+json)$/;

/**
 * Reads the JSON body of a request; undefined when the body is empty.
 * @param limit maximum bytes of the body
 * @throws Unreadable 413 over the limit, 415 for another media type, 400 when it is not JSON in UTF-8; ClientLeft
 */
export async function readJsonBody(request: IncomingMessage, limit: number): Promise<unknown> {
  const bytes = await readBody(request, limit).catch((error: unknown) => {
    throw error instanceof BodyTooLarge ? new Unreadable(413, 'Payload too large') : error;
  });
  if (bytes.length === 0) return undefined;
  if (!isJson(request)) throw new Unreadable(415, 'Unsupported media type');
  if (!isUtf8(bytes)) throw new Unreadable(400, 'Malformed JSON');
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    throw new Unreadable(400, 'Malformed JSON');
  }
}

/** A body without a media type is read as JSON, since old clients omit it. */
function isJson(request: IncomingMessage): boolean {
  const type = bodyTypeOf(request);
  return type.isUtf8 && !type.isEncoded && (type.mediaType === null || JSON_MEDIA_TYPE.test(type.mediaType));
}
