/** The credentials of a request, as a door read them. Nothing is verified yet. */
export interface Credentials {
  /** The `Authorization` header, or `connectionParams.authorization` on a WebSocket. */
  readonly authorization: string | null;
  /** A ticket in the URL, on the route that takes one, and the message that it must be for. */
  readonly ticket?: { readonly text: string; readonly messageId: string };
  /** The `X-User-ID` header of an internal call. */
  readonly userId: string | null;
  /** The `X-Internal-Key` header. */
  readonly internalKey: string | null;
  /** The socket's own peer address, never a forwarded one. */
  readonly peerAddress: string | null;
  /** Whether a browser sent it, for a page that may be anyone's. */
  readonly isFromBrowser: boolean;
}

/** Maximum characters of a `User-Agent` that are stored; the rest is cut off. */
export const MAX_USER_AGENT_LENGTH = 512;

/** The origin of a request, as stored with a session. */
export interface Client {
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
}
