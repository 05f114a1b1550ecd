import type { IncomingMessage } from 'node:http';
import type { RestCookie } from '../../rest/answers.js';

/** Browsers accept a cookie with this prefix only over HTTPS, and only for the host that sets it (RFC 6265bis, 4.1.3.2). */
const HOST_PREFIX = '__Host-';

/** The cookie's name as clients see it. */
export function wireCookieName(name: string, isSecure: boolean): string {
  return isSecure ? `${HOST_PREFIX}${name}` : name;
}

/** Every value of a cookie in the request, undecoded. */
export function cookieValues({ headers }: IncomingMessage, name: string): string[] {
  return (headers.cookie ?? '').split(';').flatMap((pair) => {
    const at = pair.indexOf('=');
    return at > 0 && pair.slice(0, at).trim() === name ? [pair.slice(at + 1).trim()] : [];
  });
}

/** A `Set-Cookie` header value. @throws RangeError for a value with characters that could end it */
export function cookieHeader({ name, maxAgeSeconds }: RestCookie, value: string, isSecure: boolean): string {
  if (!/^[\w.~-]*$/.test(value)) throw new RangeError(`the cookie ${name} has a value that cannot be sent`);
  const attributes = [
    `Max-Age=${maxAgeSeconds}`,
    'Path=/',
    'HttpOnly',
    'SameSite=Lax',
    ...(isSecure ? ['Secure'] : []),
  ];
  return [`${wireCookieName(name, isSecure)}=${value}`, ...attributes].join('; ');
}
