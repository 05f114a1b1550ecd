import type { Client } from './caller.js';

/** Who is asking: an authenticated, active user. Made once a request by the sessions feature, never by a door. */
export interface Viewer {
  readonly userId: string;
  readonly isAdmin: boolean;
  /** The name of the user's plan, as in `PLANS`. */
  readonly plan: string;
  /** The session of the access token; null for a trusted internal call, which has none. */
  readonly sessionId: string | null;
  /** A trusted internal call (`X-User-ID`) acting for the user. */
  readonly isInternal: boolean;
  /** Where the request comes from. */
  readonly client: Client;
  /** When the access token expires, and with it what is still streaming; absent for an internal call. */
  readonly expiresAt?: Date;
}

/** Why something that was open for a viewer is over: its token has expired, or the session has ended, or the user may not act. */
export type AccessEnd = 'expired' | 'ended';

/**
 * Follows a viewer on behalf of something that is open for them, and calls `onEnd`, once, when it has to end.
 * @param whose asked at each look: a WebSocket's token may have been renewed
 * @returns stops following
 */
export type FollowViewer = (whose: () => Viewer, onEnd: (why: AccessEnd) => void) => () => void;
