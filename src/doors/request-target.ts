/**
 * A request target as path and query string. A client may also send a whole URL (RFC 9112, 3.2.2: `GET http://host/path`),
 * of which the host counts for nothing.
 */
export function originForm(target: string | undefined = '/'): string {
  return target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/^(?!\/)/, '/');
}

/**
 * The path of a request target, percent-decoded except for delimiters (`%2F` is no slash, `%3F` begins no query); null when
 * it cannot be decoded.
 */
export function pathOf(target: string | undefined): string | null {
  const path = encodedPathOf(target);
  if (!path.includes('%')) return path;
  try {
    return decodeURI(path);
  } catch {
    return null;
  }
}

/** The path of a request target as the client sent it. */
export function encodedPathOf(target: string | undefined): string {
  return originForm(target).split(/[?#]/, 1)[0] ?? '/';
}

/** The query string of a request target, without its `?`. */
export function queryOf(target: string | undefined = ''): string {
  const start = target.indexOf('?');
  return start < 0 ? '' : target.slice(start + 1);
}
