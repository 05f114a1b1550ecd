import type { Client } from '../kernel/caller.js';
import type { Viewer } from '../kernel/viewer.js';
import type { Door } from '../ports/metrics.js';
import type { TraceContext } from '../ports/tracing.js';

/** An operation that a trusted internal caller runs on behalf of a user. */
export interface InternalCall {
  /** The name of the root field. */
  readonly operation: string;
  readonly isRead: boolean;
}

/** A field that a request with an `Idempotency-Key` calls. */
interface KeyedField {
  readonly userId: string;
  readonly field: string;
  readonly args: Readonly<Record<string, unknown>>;
  readonly goesOn: boolean;
  readonly answerOnly: readonly string[];
}

/** Acts once for all requests with one key: see `src/graphql/idempotency.ts`. */
export interface KeyedRequest {
  call(field: KeyedField, act: () => Promise<unknown>): Promise<unknown>;
}

/** The context of an operation, made by its door, for resolvers and the decorators of this folder. */
export interface RequestContext {
  readonly requestId: string;
  /** By which the operation came, for metrics. */
  readonly door?: Door | undefined;
  /** The trace that the operation is to be a part of, at a door where the operation is no request. */
  readonly trace?: TraceContext | undefined;
  readonly client: Client;
  /** Aborts when the caller disconnects, for work whose result nobody else would read. */
  readonly signal: () => AbortSignal;
  /**
   * The authenticated caller, looked up on first use and once per request.
   * @throws Unauthenticated `Missing credentials` or `Invalid token`; NotFound; Forbidden `Account disabled`
   */
  viewer(): Promise<Viewer>;
  /** What {@link viewer} has answered, for what is asked of each row of a list; null as long as it has not. */
  knownViewer?(): Viewer | null;
  /** The viewer of the latest token of a WebSocket, which can be renewed during an operation. Null before the first. */
  readonly latestViewer?: (() => Viewer | null) | undefined;
  /**
   * Counts a stream of the viewer that is about to be opened.
   * @returns what to call when it is over, once or more
   * @throws RateLimited `Too many open streams`
   */
  enterStream(viewer: Viewer): () => void;
  /**
   * The same events, for as long as the viewer may read them: when the session ends, Unauthenticated is thrown into the reader.
   * @param whose called now, and whenever the user's WebSocket has a new token
   * @param onEnd called at every kind of end, once or more
   */
  whileSignedIn<Event>(whose: () => Viewer, events: AsyncIterable<Event>, onEnd: () => void): AsyncIterable<Event>;
  /** Records that a trusted internal caller runs an operation on behalf of a user, before it runs. */
  recordInternalCall(viewer: Viewer, call: InternalCall): Promise<void>;
  /** For a request with an `Idempotency-Key`. */
  readonly keyed?: KeyedRequest | undefined;
  /**
   * Names the operation in the access log.
   * @param route the path that led to it, as `/api/v1/users/{user_id}`
   */
  readonly noteOperation?: (name: string, route?: string) => void;
  /** Makes an object once per request, such as a DataLoader; `key` is any object that all users of it share. */
  once<Value>(key: object, make: () => Value): Value;
}
