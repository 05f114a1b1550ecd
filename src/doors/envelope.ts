import type { IncomingMessage, ServerResponse } from 'node:http';
import { jsonText } from '../graphql/written-lists.js';
import { mayWait, TOO_MUCH_UNREAD } from './unread.js';

/** An answer in REST's envelope, not yet serialised. */
export interface Answer {
  readonly status: number;
  readonly message: string;
  readonly data?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Serialises `{"code", "message", "data"}`: every answer outside GraphQL except streams, files and documents. */
export function envelopeText({ status, message, data = null }: Omit<Answer, 'headers'>): string {
  return `{"code":${status},"message":${JSON.stringify(message)},"data":${jsonText(data)}}`;
}

export function sendEnvelope(response: ServerResponse, answer: Answer): void {
  const body = envelopeText(answer);
  if (!mayWait(response, Buffer.byteLength(body))) {
    const { status, message, retryAfterSeconds } = TOO_MUCH_UNREAD;
    sendEnvelope(response, { status, message, headers: { 'retry-after': String(retryAfterSeconds) } });
    return;
  }
  response.writeHead(answer.status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...answer.headers,
  });
  response.end(body);
}

/** Answers 405 to what only reads are answered at. @returns whether it did */
export function refusesWrite({ method }: IncomingMessage, response: ServerResponse): boolean {
  if (method === 'GET' || method === 'HEAD') return false;
  sendEnvelope(response, { status: 405, message: 'Method not allowed', headers: { allow: 'GET, HEAD' } });
  return true;
}
