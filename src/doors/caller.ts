import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestContext } from '../graphql/context.js';
import type { Credentials } from '../kernel/caller.js';
import type { Viewer } from '../kernel/viewer.js';
import type { Peer } from './client-address.js';

/** What a door knows of who calls, from which the composition root makes the context of an operation. */
export interface Caller {
  readonly requestId: string;
  readonly credentials: Credentials;
  readonly peer: Peer;
  /** Aborts when the caller is gone. */
  readonly signal: AbortSignal;
  /** Where a caller may renew the token during an operation: the viewer of the latest one, null before the first. */
  readonly latestViewer?: () => Viewer | null;
}

export type MakeContext = (caller: Caller) => RequestContext;

/** A request id that a proxy or client may choose; anything else is replaced. */
const REQUEST_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** The `X-Request-Id` that came, if it is a sane one, or a new one. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : crypto.randomUUID();
}

/** @param authorization replaces the header, where a door has another place for it */
export function credentialsOf(request: IncomingMessage, authorization?: string | null): Credentials {
  return {
    authorization: authorization ?? onlyHeader(request, 'authorization'),
    userId: onlyHeader(request, 'x-user-id'),
    internalKey: onlyHeader(request, 'x-internal-key'),
    peerAddress: request.socket.remoteAddress ?? null,
  };
}

/** Joined when it was sent more than once: Node would keep the first of some headers, and a proxy may have checked the last. */
function onlyHeader({ headersDistinct }: IncomingMessage, name: string): string | null {
  return headersDistinct[name]?.join(', ') ?? null;
}

export function peerOf(request: IncomingMessage): Peer {
  return {
    ipAddress: request.socket.remoteAddress ?? null,
    forwardedFor: onlyHeader(request, 'x-forwarded-for'),
    userAgent: request.headers['user-agent'] ?? null,
  };
}

/** Aborts when the client is gone before it had the whole answer. */
function leavingSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}

export function callerOf(request: IncomingMessage, response: ServerResponse, requestId: string): Caller {
  return { requestId, credentials: credentialsOf(request), peer: peerOf(request), signal: leavingSignal(response) };
}
