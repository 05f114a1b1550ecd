import type { IncomingMessage } from 'node:http';
import fresh from 'fresh';
import parseRange from 'range-parser';

type WithHeaders = Pick<IncomingMessage, 'headers'>;

/** First and last byte, both included. */
interface Bounds {
  readonly start: number;
  readonly end: number;
}

/**
 * Whether the client already has what this entity tag stands for (304): it sent the tag, weak or strong, alone or in a list,
 * or `*`. `Cache-Control: no-cache` does not count: `fetch` adds it by itself to a request with `If-None-Match`.
 */
export function hasCurrent({ headers }: WithHeaders, etag: string): boolean {
  return fresh({ 'if-none-match': headers['if-none-match'] }, { etag });
}

/**
 * The part of a file of `size` bytes that the client asks for. Undefined for the whole: no range, several of them, another
 * unit, what cannot be read, or a range of another version (`If-Range`), which a server may all pass over (RFC 9110, 14.2).
 */
export function rangeOf({ headers }: WithHeaders, etag: string, size: number): Bounds | 'unsatisfiable' | undefined {
  const { range } = headers;
  if (range === undefined || !/^bytes=/i.test(range)) return undefined;
  if (headers['if-range'] !== undefined && headers['if-range'] !== etag) return undefined;
  if (isBackwards(range)) return undefined;
  const ranges = parseRange(size, withinSize(range, size));
  if (ranges === -2) return undefined;
  if (ranges === -1) return 'unsatisfiable';
  return ranges.length === 1 ? ranges[0] : undefined;
}

/** `bytes=-99` is all of a shorter file (RFC 9110, 14.1.2); the library finds it unsatisfiable. */
function withinSize(range: string, size: number): string {
  return range.replace(/^bytes=\s*-\s*(\d+)\s*$/i, (_, last: string) => `bytes=-${Math.min(Number(last), size)}`);
}

/** `bytes=5-2` is invalid (RFC 9110, 14.1.1), and is passed over; the library finds it unsatisfiable. */
function isBackwards(range: string): boolean {
  const [, first, last] = /^bytes=\s*(\d+)\s*-\s*(\d+)\s*$/i.exec(range) ?? [];
  return first !== undefined && last !== undefined && Number(last) < Number(first);
}
