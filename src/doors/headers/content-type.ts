import type { IncomingMessage } from 'node:http';
import { parse } from 'content-type';

/** The media type of a body as its headers declare it. */
export interface BodyType {
  /** In lower case, without parameters; null when the header is missing. */
  readonly mediaType: string | null;
  /** False for a charset other than UTF-8, which is the default. Other parameters are ignored. */
  readonly isUtf8: boolean;
  /** Whether the body is compressed or otherwise encoded. */
  readonly isEncoded: boolean;
}

/** The boundary of a multipart body; null when the header names none. */
export function boundaryOf({ headers }: Pick<IncomingMessage, 'headers'>): string | null {
  const boundary = parse(headers['content-type'] ?? '').parameters['boundary'] ?? '';
  return boundary === '' ? null : boundary;
}

/** Reads `Content-Type` and `Content-Encoding`, for every door. */
export function bodyTypeOf({ headers }: Pick<IncomingMessage, 'headers'>): BodyType {
  const { type, parameters } = parse(headers['content-type'] ?? '');
  const encodings = headers['content-encoding']?.split(',') ?? [];
  return {
    mediaType: type === '' ? null : type,
    isUtf8: /^utf-?8$/i.test(parameters['charset'] ?? 'utf-8'),
    // A list may have empty parts (RFC 9110, 5.6.1).
    isEncoded: encodings.some((encoding) => !['', 'identity'].includes(encoding.trim().toLowerCase())),
  };
}
