import type { IncomingMessage, ServerResponse } from 'node:http';
import type { RequestContext } from '../graphql/context.js';
import type { Credentials } from '../kernel/caller.js';
import type { Viewer } from '../kernel/viewer.js';
import type { Door } from '../ports/metrics.js';
import type { TraceContext } from '../ports/tracing.js';
import type { Peer } from './client-address.js';
import { valuesOf } from './headers/values.js';
import { runningRequest, type RunningRequest } from './running-request.js';

/** The caller of an operation as the door knows it. The composition root makes the operation's context from it. */
export interface Caller {
  readonly requestId: string;
  /** By which the operation came, for metrics. */
  readonly door: Door;
  /** The trace that the operation is to be a part of; that of its request by default. */
  readonly trace?: TraceContext | undefined;
  readonly credentials: Credentials;
  readonly peer: Peer;
  /** Aborts when the caller disconnects. Made when it is asked for: most operations are over before anyone could leave. */
  readonly signal: () => AbortSignal;
  /** The `Idempotency-Key`, unchecked; null without one. */
  readonly idempotencyKey?: string | null;
  /** The request that the operation is, or the connection that it came over. */
  readonly request?: RequestNotes | undefined;
  /** Called when the answer is that of an earlier request with the key. */
  readonly onReplay?: () => void;
  /** The viewer of the latest token, null before the first. Set by doors on which a caller may renew it during an operation. */
  readonly latestViewer?: () => Viewer | null;
}

/** Who is told of a request while it runs. */
export type RequestNotes = Pick<RunningRequest, 'noteViewer'> & Partial<Pick<RunningRequest, 'noteOperation'>>;

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
    isFromBrowser: BROWSER_HEADERS.some((name) => request.headers[name] !== undefined),
  };
}

/** No page can leave these out. `Sec-Fetch-Mode` is not among them: the `fetch` of Node sends it, too. */
const BROWSER_HEADERS = ['origin', 'sec-fetch-site', 'sec-fetch-dest', 'sec-fetch-user'];

/** All values of a header, joined: for some headers Node keeps only the first, but a proxy may have checked the last. */
function onlyHeader(request: IncomingMessage, name: string): string | null {
  const values = valuesOf(request, name);
  return values.length === 0 ? null : values.join(', ');
}

export function peerOf(request: IncomingMessage): Peer {
  return {
    ipAddress: request.socket.remoteAddress ?? null,
    forwardedFor: onlyHeader(request, 'x-forwarded-for'),
    userAgent: request.headers['user-agent'] ?? null,
  };
}

/** The `Idempotency-Key` of an operation that has it in its `extensions`; null without one. */
export function idempotencyKeyIn(extensions: Readonly<Record<string, unknown>> | null | undefined): string | null {
  const key = extensions?.['idempotencyKey'];
  // What is no text is refused as a bad key.
  return key == null ? null : typeof key === 'string' ? key : '';
}

/** The trace in the headers of a request, or in the `extensions` of an operation that is none. */
export function traceIn(carrier: Readonly<Record<string, unknown>> | null | undefined): TraceContext | undefined {
  const { traceparent, tracestate } = carrier ?? {};
  if (typeof traceparent !== 'string') return undefined;
  return typeof tracestate === 'string' ? { traceparent, tracestate } : { traceparent };
}

/** Aborts when the client disconnects before it has the whole answer. */
function leavingSignal(response: ServerResponse): AbortSignal {
  const controller = new AbortController();
  const leave = () => {
    if (!response.writableFinished) controller.abort();
  };
  if (response.destroyed) leave();
  else response.once('close', leave);
  return controller.signal;
}

export function callerOf(
  request: IncomingMessage,
  response: ServerResponse,
  requestId: string,
  door: Door = 'graphql',
): Caller {
  let signal: AbortSignal | undefined;
  return {
    requestId,
    door,
    credentials: credentialsOf(request),
    peer: peerOf(request),
    signal: () => (signal ??= leavingSignal(response)),
    idempotencyKey: onlyHeader(request, 'idempotency-key'),
    request: runningRequest(response),
    onReplay: () => {
      if (!response.headersSent) response.setHeader('idempotency-replayed', 'true');
    },
  };
}
