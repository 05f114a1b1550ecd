import type { IncomingMessage } from 'node:http';

/**
 * All values of a header, of some of which Node keeps only the first. Not from `headersDistinct`, which makes lists of all headers,
 * and keeps them for as long as the request is known: for hours, where it is answered by a stream.
 * @param name in lower case
 */
export function valuesOf({ headers, rawHeaders }: IncomingMessage, name: string): readonly string[] {
  if (headers[name] === undefined) return [];
  return rawHeaders.filter((_, index) => index % 2 === 1 && isNamed(rawHeaders[index - 1], name));
}

function isNamed(given: string | undefined, name: string): boolean {
  return given?.length === name.length && given.toLowerCase() === name;
}
