import type { ServerResponse } from 'node:http';
import type { RateLimitNote } from '../../kernel/rate-limit-notes.js';

/**
 * Makes a listener that reports rate limits in an answer's headers (draft-ietf-httpapi-ratelimit-headers-06). Of several limits
 * the one that refuses counts, then the one with the fewest calls left.
 */
export function rateLimitHeaders(response: ServerResponse): (note: RateLimitNote) => void {
  let reported = Number.POSITIVE_INFINITY;
  return ({ limit, remaining, resetSeconds, isRefused }) => {
    if (response.headersSent || (!isRefused && remaining >= reported)) return;
    reported = isRefused ? -1 : remaining;
    response.setHeader('ratelimit-limit', limit);
    response.setHeader('ratelimit-remaining', remaining);
    response.setHeader('ratelimit-reset', resetSeconds);
  };
}
