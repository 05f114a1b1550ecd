import type { ServerResponse } from 'node:http';
import type { ExecutionResult, GraphQLError } from 'graphql';
import { headersOfError, statusOfError } from './error-map.js';
import type { Negotiated } from './media-type.js';

/**
 * The HTTP status of a result. Data, even in part, is 200. Without any, the status of the first error; but a client that
 * named `application/json` gets 200 for every request that was well-formed (GraphQL over HTTP, 6.4.1).
 */
export function statusOfResult({ data, errors }: ExecutionResult, { isLegacy }: Pick<Negotiated, 'isLegacy'>): number {
  const [error] = errors ?? [];
  return error === undefined || data != null || isLegacy ? 200 : statusOfError(error);
}

/** The headers that the errors of a result without data ask for: `Retry-After`, `WWW-Authenticate`. */
export function headersOfResult({ data, errors }: ExecutionResult): Readonly<Record<string, string>> {
  const [error] = errors ?? [];
  return error === undefined || data != null ? {} : headersOfError(error);
}

/** Answers with a result that is known without executing anything. */
export function sendResult(response: ServerResponse, result: ExecutionResult, { type, isLegacy }: Negotiated): void {
  const body = JSON.stringify(result);
  response.writeHead(statusOfResult(result, { isLegacy }), {
    'content-type': `${type}; charset=utf-8`,
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...headersOfResult(result),
  });
  response.end(body);
}

/** Answers a request that was refused before it came to GraphQL, in GraphQL's own form and with its true status. */
export function sendRefusal(response: ServerResponse, error: GraphQLError): void {
  if (response.headersSent) response.destroy();
  else sendResult(response, { errors: [error] }, { type: 'application/json', isLegacy: false });
}
