/**
 * The path and query string of a request target. A client may also send an absolute URL (RFC 9112, 3.2.2:
 * `GET http://host/path`), whose host is ignored.
 */
export function originForm(target: string | undefined = '/'): string {
  return target.startsWith('/') ? target : target.replace(/^https?:\/\/[^/?#]*/i, '').replace(/^(?!\/)/, '/');
}

/**
 * The path of a request target, percent-decoded except for delimiters (`%2F` is not a slash, `%3F` does not begin the query);
 * null when it cannot be decoded.
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

/** The path of a request target, still percent-encoded. */
export function encodedPathOf(target: string | undefined): string {
  return originForm(target).split(/[?#]/, 1)[0] ?? '/';
}

/** The query string of a request target, without its `?`. */
export function queryOf(target: string | undefined = ''): string {
  const start = target.indexOf('?');
  return start < 0 ? '' : target.slice(start + 1);
}

export function isGraphQLPath(path: string | null): boolean {
  return path === '/graphql' || path === '/graphql/';
}
