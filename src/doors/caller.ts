import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestContext } from '../graphql/context.js';
import type { Credentials } from '../kernel/caller.js';
import type { Viewer } from '../kernel/viewer.js';
import type { Peer } from './client-address.js';

/** The caller of an operation as the door knows it. The composition root makes the operation's context from it. */
export interface Caller {
  readonly requestId: string;
  readonly credentials: Credentials;
  readonly peer: Peer;
  /** Aborts when the caller disconnects. */
  readonly signal: AbortSignal;
  /** The viewer of the latest token, null before the first. Set by doors on which a caller may renew it during an operation. */
  readonly latestViewer?: () => Viewer | null;
}

export type MakeContext = (caller: Caller) => RequestContext;

/** Request ids that a proxy or client may choose; any other is replaced. */
const REQUEST_ID = /^[A-Za-z0-9_-]{1,64}$/;

/** The request's `X-Request-Id` if it is well-formed, otherwise a new id. */
export function requestIdOf({ headers }: IncomingMessage): string {
  const given = headers['x-request-id'];
  return typeof given === 'string' && REQUEST_ID.test(given) ? given : crypto.randomUUID();
}

/** @param authorization replaces the header's value, on doors where the token arrives elsewhere */
export function credentialsOf(request: IncomingMessage, authorization?: string | null): Credentials {
  return {
    authorization: authorization ?? onlyHeader(request, 'authorization'),
    userId: onlyHeader(request, 'x-user-id'),
    internalKey: onlyHeader(request, 'x-internal-key'),
    peerAddress: request.socket.remoteAddress ?? null,
  };
}

/** All values of a header, joined: for some headers Node keeps only the first, but a proxy may have checked the last. */
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

/** Aborts when the client disconnects before it has the whole answer. */
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
