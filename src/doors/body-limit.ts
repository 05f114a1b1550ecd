import type { IncomingMessage } from 'node:http';
import { credentialsOf } from './caller.js';

/**
 * Maximum bytes of JSON from a client that is not logged in: several times what any operation open to anyone needs. To parse
 * a body of a megabyte takes tens of milliseconds.
 */
export const ANONYMOUS_LIMIT = 65_536;

/**
 * The most bytes of JSON that the request may have. Only a long body needs credentials, which are checked before it is read.
 * @param checkCredentials rejects when they are not valid
 * @returns the limit, at once for all other bodies
 */
export function bodyLimitOf(
  request: IncomingMessage,
  limit: number,
  checkCredentials: () => Promise<unknown>,
): number | Promise<number> {
  const least = Math.min(limit, ANONYMOUS_LIMIT);
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  if (coding === undefined && Number(length ?? 0) <= least) return least;
  const { authorization, userId, internalKey } = credentialsOf(request);
  if (authorization === null && userId === null && internalKey === null) return least;
  return checkCredentials().then(() => limit);
}
