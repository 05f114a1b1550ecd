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

/** Where a call comes from, as it is remembered with a session. */
export interface Client {
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
}
