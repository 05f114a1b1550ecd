/** The credentials of a request, as a door read them. Nothing is verified yet. */
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

/** Maximum characters of a `User-Agent` that are stored; the rest is cut off. */
export const MAX_USER_AGENT_LENGTH = 512;

/** The origin of a request, as stored with a session. */
export interface Client {
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
}
