import type { Client } from '../kernel/caller.js';
import type { Viewer } from '../kernel/viewer.js';

/** An operation that a trusted internal caller asks for as a user. */
export interface InternalCall {
  /** The name of the root field. */
  readonly operation: string;
  readonly isRead: boolean;
}

/** What a door makes for each operation; resolvers and the decorators of this folder read it. */
export interface RequestContext {
  readonly requestId: string;
  readonly client: Client;
  /** Aborts when the caller is gone, for work that nobody else would read. */
  readonly signal: AbortSignal;
  /**
   * The authenticated caller, looked up once a request, on first use.
   * @throws Unauthenticated `Missing credentials` or `Invalid token`; NotFound; Forbidden `Account disabled`
   */
  viewer(): Promise<Viewer>;
  /** Of a caller on a WebSocket, who may have renewed the token since: the viewer of the latest one. Null before the first. */
  readonly latestViewer?: (() => Viewer | null) | undefined;
  /**
   * The same events, as long as the viewer may read them: when the session ends, Unauthenticated is thrown into the reader.
   * @param whose asked at each look: a WebSocket's token may have been renewed
   */
  whileSignedIn<Event>(whose: () => Viewer, events: AsyncIterable<Event>): AsyncIterable<Event>;
  /** Records what a trusted internal caller is about to do as a user, before it is done. */
  recordInternalCall(viewer: Viewer, call: InternalCall): Promise<void>;
  /** Makes a thing once a request, as a DataLoader; `key` is any object that all its users share. */
  once<Value>(key: object, make: () => Value): Value;
}
