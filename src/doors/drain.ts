import { setTimeout as delay } from 'node:timers/promises';
import type { GraphQLDoor } from './graphql-door.js';
import type { HttpServer } from './http.js';
import type { WebSocketDoor } from './websocket.js';
import { within } from './within.js';

export interface Doors {
  readonly http: Pick<HttpServer, 'drain' | 'idle' | 'close'>;
  readonly graphql: Pick<GraphQLDoor, 'endStreams' | 'close'>;
  readonly webSocket: Pick<WebSocketDoor, 'drain' | 'close'>;
  /** Ends REST's event streams. */
  readonly endRestStreams?: () => void;
}

/** Grace period for requests that still run after the streams have been ended. */
const LAST_WORDS_MS = 1_000;
const POLL_MS = 50;

/**
 * Closes every door. New connections are refused and idle ones closed immediately. Running requests and streams may go on for
 * `deadlineMs`; then streams are ended with `complete`, WebSockets are closed with 1001, and requests that still run are cut.
 */
export async function closeDoors(
  { http, graphql, webSocket, endRestStreams }: Doors,
  deadlineMs = 20_000,
): Promise<void> {
  http.drain();
  await within(deadlineMs, Promise.all([http.idle(), webSocket.drain()]));
  graphql.endStreams();
  endRestStreams?.();
  await webSocket.close();
  await within(LAST_WORDS_MS, http.idle());
  await http.close();
  await graphql.close();
}

/**
 * Takes requests for a last while, so that proxies and clients find other instances before this one stops to listen: readiness
 * is false meanwhile, and each answer closes its connection. Connections that are idle stay, since a request may be on its way.
 *
 * @param mayEndEarly whether to go on as soon as no client is connected
 * @param hurry ends it at once
 */
export async function sendClientsAway(
  http: Pick<HttpServer, 'sendAway' | 'isDeserted' | 'settle'>,
  milliseconds: number,
  { mayEndEarly, hurry }: { readonly mayEndEarly: boolean; readonly hurry: AbortSignal },
): Promise<void> {
  http.sendAway();
  const end = performance.now() + milliseconds;
  while (performance.now() < end && !hurry.aborted && !(mayEndEarly && http.isDeserted)) await delay(POLL_MS);
  await http.settle();
}
