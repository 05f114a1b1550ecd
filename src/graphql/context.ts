import type { Client } from '../kernel/caller.js';
import type { Viewer } from '../kernel/viewer.js';

/** A class whose one instance the composition root made. */
export type InstanceOf<Instance> = abstract new (...args: never[]) => Instance;

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
  /** The composition root's instance of a resolver or service class. */
  instance<Instance>(type: InstanceOf<Instance>): Instance;
  /** Makes a thing once a request, as a DataLoader; `key` is any object that all its users share. */
  once<Value>(key: object, make: () => Value): Value;
}
