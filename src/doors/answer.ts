import type { ServerResponse } from 'node:http';
import type { ExecutionResult, GraphQLError } from 'graphql';
import { Refusal } from '../graphql/refusal.js';
import { headersOfError, statusOfError } from './error-map.js';
import type { Negotiated } from './media-type.js';
import { mayWait, TOO_MUCH_UNREAD } from './unread.js';

/**
 * The HTTP status of a result: 200 with data, even partial data; else the status of the first error. A client that named
 * `application/json` gets 200 for every well-formed request (GraphQL over HTTP, 6.4.1).
 */
export function statusOfResult({ data, errors }: ExecutionResult, { isLegacy }: Pick<Negotiated, 'isLegacy'>): number {
  const [error] = errors ?? [];
  return error === undefined || data != null || isLegacy ? 200 : statusOfError(error);
}

/** Response headers for the errors of a result without data: `Retry-After`, `WWW-Authenticate`. */
export function headersOfResult({ data, errors }: ExecutionResult): Readonly<Record<string, string>> {
  const [error] = errors ?? [];
  return error === undefined || data != null ? {} : headersOfError(error);
}

/** A result as an HTTP response. */
interface HttpResult {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export function httpResult(result: ExecutionResult, { type, isLegacy }: Negotiated): HttpResult {
  const body = JSON.stringify(result);
  const headers = headersOf(body, type, headersOfResult(result));
  return { status: statusOfResult(result, { isLegacy }), headers, body };
}

function headersOf(body: string, type: Negotiated['type'], more: Readonly<Record<string, string>>) {
  return {
    'content-type': `${type}; charset=utf-8`,
    'content-length': String(Buffer.byteLength(body)),
    'cache-control': 'no-store',
    ...more,
  };
}

/** Answers with a result that is known without executing anything. */
export function sendResult(response: ServerResponse, result: ExecutionResult, negotiated: Negotiated): void {
  const { status, headers, body } = httpResult(result, negotiated);
  send(response, status, headers, body);
}

/** Answers with a result that is JSON already. */
export function sendText(
  response: ServerResponse,
  body: string,
  type: Negotiated['type'],
  status: number,
  headers: Readonly<Record<string, string>>,
): void {
  send(response, status, headersOf(body, type, headers), body);
}

function send(response: ServerResponse, status: number, headers: HttpResult['headers'], body: string): void {
  if (mayWait(response, Number(headers['content-length']))) response.writeHead(status, headers).end(body);
  else sendRefusal(response, tooMuchUnread());
}

/** The answer in place of one that its client would not read in time. */
function tooMuchUnread(): Refusal {
  const { status, message, retryAfterSeconds } = TOO_MUCH_UNREAD;
  const headers = { 'retry-after': String(retryAfterSeconds) };
  return new Refusal(message, 'UNAVAILABLE', { status, headers, details: { retryAfter: retryAfterSeconds } });
}

/** Answers a request that was refused before GraphQL ran: a GraphQL error response with the error's status. */
export function sendRefusal(response: ServerResponse, error: GraphQLError): void {
  if (response.headersSent) response.destroy();
  else sendResult(response, { errors: [error] }, { type: 'application/json', isLegacy: false });
}
