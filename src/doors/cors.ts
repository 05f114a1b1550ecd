import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../kernel/log.js';

const METHODS = 'GET, POST, PUT, PATCH, DELETE';
/** What clients read; browsers show only a few others to pages of another origin. */
const EXPOSED = [
  'Allow',
  'Content-Disposition',
  'Content-Range',
  'Accept-Ranges',
  'ETag',
  'Idempotency-Replayed',
  'Link',
  'Location',
  'Preference-Applied',
  'RateLimit-Limit',
  'RateLimit-Remaining',
  'RateLimit-Reset',
  'Retry-After',
  'WWW-Authenticate',
  'X-Request-Id',
  'X-Total-Count',
].join(', ');
/** Seconds for which a browser may cache a preflight: 2 hours, Chromium's maximum. */
const MAX_AGE = '7200';

/** Longer than a scheme, the longest domain and a port. */
const MAX_ORIGIN_LENGTH = 300;
/** At most so many refused origins are logged: they come from outside. */
const MAX_LOGGED = 20;

export interface OriginPolicyOptions {
  /** Origins such as `https://app.example.com`; `*` allows all. */
  readonly allowed: readonly string[];
  /** Also allows pages that this machine serves, on any port. For development. */
  readonly allowsLoopback: boolean;
  readonly log: Pick<Log, 'warn'>;
}

/** Says which sites may call the service. */
export class OriginPolicy {
  readonly #refused = new Set<string>();

  constructor(private readonly options: OriginPolicyOptions) {}

  /** Whether the answer depends on the origin that asks. */
  get varies(): boolean {
    return this.options.allowed.length > 0 || this.options.allowsLoopback;
  }

  allows(origin: string): boolean {
    const { allowed, allowsLoopback } = this.options;
    return allowed.includes('*') || allowed.includes(origin) || (allowsLoopback && isLoopback(origin));
  }

  /** Logs the first refusal of each origin, since its page only learns that something failed. */
  logRefusal(origin: string): void {
    const isTooLong = origin.length > MAX_ORIGIN_LENGTH;
    if (this.#refused.has(origin) || this.#refused.size >= MAX_LOGGED || isTooLong) return;
    this.#refused.add(origin);
    this.options.log.warn({ origin }, 'a page of an origin that CORS_ORIGINS does not list was refused');
  }
}

/** `http://localhost:5173`, `http://app.localhost`, `http://127.0.0.1`, `http://[::1]:3000`. */
function isLoopback(origin: string): boolean {
  if (!URL.canParse(origin)) return false;
  const { hostname, protocol } = new URL(origin);
  const isWeb = protocol === 'http:' || protocol === 'https:';
  return isWeb && /^(?:(?:.+\.)?localhost|127(?:\.\d+){3}|\[::1\])$/.test(hostname);
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
export function applyCors(request: IncomingMessage, response: ServerResponse, origins: OriginPolicy): boolean {
  const { origin } = request.headers;
  const isPreflight = request.method === 'OPTIONS' && request.headers['access-control-request-method'] !== undefined;
  if (origins.varies) response.appendHeader('vary', 'Origin');
  if (origin !== undefined && origins.allows(origin)) {
    response.setHeader('access-control-allow-origin', origin);
    response.setHeader('access-control-expose-headers', EXPOSED);
    if (isPreflight) {
      const asked = request.headers['access-control-request-headers'];
      response.setHeader('access-control-allow-methods', METHODS);
      if (asked !== undefined) response.setHeader('access-control-allow-headers', asked);
      response.setHeader('access-control-max-age', MAX_AGE);
    }
  } else if (origin !== undefined && !isSameHost(origin, request)) {
    origins.logRefusal(origin);
  }
  if (!isPreflight) return false;
  response.writeHead(204).end();
  return true;
}
