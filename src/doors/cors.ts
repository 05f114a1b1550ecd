import type { IncomingMessage, ServerResponse } from 'node:http';

const METHODS = 'GET, POST, PUT, PATCH, DELETE';
const EXPOSED = 'X-Request-Id, Retry-After, WWW-Authenticate';
/** Seconds for which a browser may cache a preflight: 2 hours, Chromium's maximum. */
const MAX_AGE = '7200';

/** Whether pages of the origin may call the service; `*` in the list allows every origin. */
export function isAllowedOrigin(origin: string, allowed: readonly string[]): boolean {
  return allowed.includes('*') || allowed.includes(origin);
}

/** Whether the page was served by the host that the request was sent to. */
export function isSameHost(origin: string, request: IncomingMessage): boolean {
  return URL.canParse(origin) && new URL(origin).host === request.headers.host;
}

/**
 * Sets the CORS headers that let pages of the allowed origins read answers. Credentials mode is not allowed, since
 * clients do not authenticate by cookies.
 * @returns true when the request was a preflight, which has then been answered
 */
export function applyCors(request: IncomingMessage, response: ServerResponse, allowed: readonly string[]): boolean {
  const { origin } = request.headers;
  const isPreflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
  if (allowed.length > 0) response.appendHeader('vary', 'Origin');
  if (origin !== undefined && isAllowedOrigin(origin, allowed)) {
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-expose-headers', EXPOSED);
    if (isPreflight) {
      const asked = request.headers['access-control-request-headers'];
      response.setHeader('access-control-allow-methods', METHODS);
      if (asked !== undefined) response.setHeader('access-control-allow-headers', asked);
      response.setHeader('access-control-max-age', MAX_AGE);
    }
  }
  if (!isPreflight) return false;
  response.writeHead(204).end();
  return true;
}
