import type { IncomingMessage } from 'node:http';
import fresh from 'fresh';
import parseRange from 'range-parser';

type WithHeaders = Pick<IncomingMessage, 'headers'>;
type WithMethod = Pick<IncomingMessage, 'headers' | 'method'>;

/** Positions of the first and the last byte, both inclusive. */
interface Bounds {
  readonly start: number;
  readonly end: number;
}

/**
 * Whether the client already has the version with this entity tag (304): it sent the tag, weak or strong, alone or in a list,
 * or `*`. `Cache-Control: no-cache` is ignored, since `fetch` adds it by itself to a request with `If-None-Match`.
 */
export function hasCurrent({ headers }: WithHeaders, etag: string): boolean {
  return fresh({ 'if-none-match': headers['if-none-match'] }, { etag });
}

/**
 * The opaque parts of the strong entity tags in `If-Match` (RFC 9110, 13.1.1), which weak ones never match; undefined for `*`.
 * Empty when there are none, so that nothing matches.
 * @param values of the header, which may be repeated
 */
export function strongTagsOf(values: readonly string[]): readonly string[] | undefined {
  const list = values.join(',');
  if (list.trim() === '*') return undefined;
  return [...list.matchAll(/(W\/)?"([^"]*)"/gi)].flatMap(([, weak, tag = '']) => (weak === undefined ? [tag] : []));
}

/**
 * The byte range that the client asks for, of a file of `size` bytes. Undefined means the whole file: there is no range, or
 * one that a server may ignore (RFC 9110, 14.2): several ranges, another unit, an unreadable range, or a range of another
 * version (`If-Range`). A range in a request other than GET must be ignored.
 */
export function rangeOf(
  { headers, method }: WithMethod,
  etag: string,
  size: number,
): Bounds | 'unsatisfiable' | undefined {
  if (method !== 'GET') return undefined;
  const { range } = headers;
  if (range === undefined || !/^bytes=/i.test(range)) return undefined;
  if (headers['if-range'] !== undefined && headers['if-range'] !== etag) return undefined;
  if (isBackwards(range)) return undefined;
  const ranges = parseRange(size, withinSize(range, size));
  if (ranges === -2) return undefined;
  if (ranges === -1) return 'unsatisfiable';
  return ranges.length === 1 ? ranges[0] : undefined;
}

/** `bytes=-99` means the whole of a shorter file (RFC 9110, 14.1.2), but the library reports it as unsatisfiable. */
function withinSize(range: string, size: number): string {
  return range.replace(/^bytes=\s*-\s*(\d+)\s*$/i, (_, last: string) => `bytes=-${Math.min(Number(last), size)}`);
}

/** `bytes=5-2` is invalid and must be ignored (RFC 9110, 14.1.1), but the library reports it as unsatisfiable. */
function isBackwards(range: string): boolean {
  const [, first, last] = /^bytes=\s*(\d+)\s*-\s*(\d+)\s*$/i.exec(range) ?? [];
  return first !== undefined && last !== undefined && Number(last) < Number(first);
}
