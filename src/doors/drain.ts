import type { GraphQLDoor } from './graphql-door.js';
import type { HttpServer } from './http.js';
import type { WebSocketDoor } from './websocket.js';

export interface Doors {
  readonly http: Pick<HttpServer, 'drain' | 'idle' | 'close'>;
  readonly graphql: Pick<GraphQLDoor, 'endStreams' | 'close'>;
  readonly webSocket: Pick<WebSocketDoor, 'drain' | 'close'>;
  /** Ends REST's event streams. */
  readonly endRestStreams?: () => void;
}

/** Grace period for requests that still run after the streams have been ended. */
const LAST_WORDS_MS = 2_000;

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

async function within(milliseconds: number, work: Promise<unknown>): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const timer = setTimeout(resolve, milliseconds, undefined);
  await Promise.race([work, promise]);
  clearTimeout(timer);
}
