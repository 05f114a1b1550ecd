import type { Client } from '../kernel/caller.js';
import type { Viewer } from '../kernel/viewer.js';

/** An operation that a trusted internal caller runs on behalf of a user. */
export interface InternalCall {
  /** The name of the root field. */
  readonly operation: string;
  readonly isRead: boolean;
}

/** The context of an operation, made by its door, for resolvers and the decorators of this folder. */
export interface RequestContext {
  readonly requestId: string;
  readonly client: Client;
  /** Aborts when the caller disconnects, for work whose result nobody else would read. */
  readonly signal: AbortSignal;
  /**
   * The authenticated caller, looked up on first use and once per request.
   * @throws Unauthenticated `Missing credentials` or `Invalid token`; NotFound; Forbidden `Account disabled`
   */
  viewer(): Promise<Viewer>;
  /** The viewer of the latest token of a WebSocket, which can be renewed during an operation. Null before the first. */
  readonly latestViewer?: (() => Viewer | null) | undefined;
  /**
   * The same events, for as long as the viewer may read them: when the session ends, Unauthenticated is thrown into the reader.
   * @param whose called at each check, since a WebSocket's token may have been renewed
   */
  whileSignedIn<Event>(whose: () => Viewer, events: AsyncIterable<Event>): AsyncIterable<Event>;
  /** Records that a trusted internal caller runs an operation on behalf of a user, before it runs. */
  recordInternalCall(viewer: Viewer, call: InternalCall): Promise<void>;
  /** Makes an object once per request, such as a DataLoader; `key` is any object that all users of it share. */
  once<Value>(key: object, make: () => Value): Value;
}
