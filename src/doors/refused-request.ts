import type { IncomingMessage } from 'node:http';
import type { Answer } from './envelope.js';
import { valuesOf } from './headers/values.js';

/** A name or address, and a port: RFC 9110, 7.2, and RFC 3986, 3.2.2. It may be empty. */
const HOST = /^(?:\[[\da-f:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::\d*)?$/i;
const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i;

/**
 * The answer to a request that no door may serve because of how it is framed, or undefined. Node would let some of these
 * pass, and answers the others itself, without the envelope and without a line in the access log.
 */
export function refusalOf(request: IncomingMessage): Answer | undefined {
  if (!hasGoodHost(request)) return refused(400, 'Malformed request');
  if (!hasGoodTransferCoding(request)) return refused(501, 'Not implemented');
  return expectsMore(request) ? refused(417, 'Expectation failed') : undefined;
}

/** Nobody knows where the next request begins, or whom it was meant for: the connection ends. */
function refused(status: number, message: string): Answer {
  return { status, message, headers: { connection: 'close' } };
}

/** Exactly one `Host`; HTTP/1.0 does without (RFC 9112, 3.2). */
function hasGoodHost(request: IncomingMessage): boolean {
  const [host, ...others] = valuesOf(request, 'host');
  return host === undefined ? request.httpVersionMinor === 0 : others.length === 0 && HOST.test(host);
}

/** Node undoes `chunked` alone: the bytes of any other coding would be taken for the body itself (RFC 9112, 6.1). */
function hasGoodTransferCoding({ headers }: IncomingMessage): boolean {
  return (headers['transfer-encoding'] ?? 'chunked').trim().toLowerCase() === 'chunked';
}

/** HTTP/1.0 knows no `Expect` (RFC 9110, 10.1.1). */
function expectsMore({ headers, httpVersionMinor }: IncomingMessage): boolean {
  return httpVersionMinor > 0 && headers.expect !== undefined && !CONTINUE.test(headers.expect);
}
