import type { IncomingMessage } from 'node:http';

/** One preference: `token [= (token | quoted string)]`, before its parameters. */
const PREFERENCE = /^\s*([\w!#$%&'*+.^`|~-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\.)*)"|([\w!#$%&'*+.^`|~-]*)))?\s*(?:;|$)/;
/** The elements of a list: commas inside quoted strings do not divide it. */
const ELEMENTS = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g;

/**
 * The value of a preference that the client sent in `Prefer` (RFC 7240), in lower case; empty without a value, undefined
 * without the preference. Of several preferences of one name the first counts; those that cannot be read count for nothing.
 * @param name in lower case
 */
export function preferenceOf({ headers }: Pick<IncomingMessage, 'headers'>, name: string): string | undefined {
  const given = headers['prefer'];
  if (given === undefined) return undefined;
  // Node joins repeated headers with a comma; the type allows for lists all the same.
  for (const element of [given].flat().join(',').match(ELEMENTS) ?? []) {
    const [, found, quoted, plain] = PREFERENCE.exec(element) ?? [];
    if (found?.toLowerCase() === name) return (quoted?.replace(/\\(.)/g, '$1') ?? plain ?? '').toLowerCase();
  }
  return undefined;
}
