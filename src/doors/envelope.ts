import type { ServerResponse } from 'node:http';

/** An answer in REST's envelope, not yet serialised. */
export interface Answer {
  readonly status: number;
  readonly message: string;
  readonly data?: unknown;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** Serialises `{"code", "message", "data"}`: every answer outside GraphQL except streams, files and documents. */
export function envelopeText({ status, message, data = null }: Omit<Answer, 'headers'>): string {
  return `{"code":${status},"message":${JSON.stringify(message)},"data":${JSON.stringify(data)}}`;
}

export function sendEnvelope(response: ServerResponse, answer: Answer): void {
  const body = envelopeText(answer);
  response.writeHead(answer.status, {
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    'cache-control': 'no-store',
    ...answer.headers,
  });
  response.end(body);
}
