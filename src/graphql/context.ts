import type { Viewer } from '../kernel/viewer.js';

/** What a caller sent to say who it is, as a door read it. Nothing in it is believed yet. */
export interface Credentials {
  /** The `Authorization` header, or `connectionParams.authorization` on a WebSocket. */
  readonly authorization: string | null;
  /** The `X-User-ID` header of an internal call. */
  readonly userId: string | null;
  /** The `X-Internal-Key` header. */
  readonly internalKey: string | null;
  /** The socket's own peer address, never a forwarded one. */
  readonly peerAddress: string | null;
}

export interface Client {
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
}

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
  /** The composition root's instance of a resolver or service class. */
  instance<Instance>(type: InstanceOf<Instance>): Instance;
  /** Makes a thing once a request, as a DataLoader; `key` is any object that all its users share. */
  once<Value>(key: object, make: () => Value): Value;
}
