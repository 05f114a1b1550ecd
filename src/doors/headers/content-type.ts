import type { IncomingMessage } from 'node:http';
import { parse } from 'content-type';

/** The media type of a body as its headers declare it. */
interface BodyType {
  /** In lower case, without parameters; null where the client named none. */
  readonly mediaType: string | null;
  /** False for a charset other than UTF-8, which is the default. No other parameter counts. */
  readonly isUtf8: boolean;
  /** Whether the bytes come compressed or otherwise encoded. */
  readonly isEncoded: boolean;
}

/** The one reading of `Content-Type` and `Content-Encoding` for every door. */
export function bodyTypeOf({ headers }: Pick<IncomingMessage, 'headers'>): BodyType {
  const { type, parameters } = parse(headers['content-type'] ?? '');
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity';
  return {
    mediaType: type === '' ? null : type,
    isUtf8: /^utf-?8$/i.test(parameters['charset'] ?? 'utf-8'),
    isEncoded: encoding !== 'identity',
  };
}
