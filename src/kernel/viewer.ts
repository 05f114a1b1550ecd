import type { Client } from './caller.js';
import type { TokenScope } from './token-scopes.js';

/** The authenticated, active user who makes a request. Created once per request by the sessions feature, never by a door. */
export interface Viewer {
  readonly userId: string;
  readonly isAdmin: boolean;
  /** The name of the user's plan, as in `PLANS`. */
  readonly plan: string;
  /** The session of the access token; null for a trusted internal call and for a personal access token, which have none. */
  readonly sessionId: string | null;
  /** The personal access token of the request, which is allowed its scopes alone; absent for anything else. */
  readonly token?: PersonalToken;
  /** A trusted internal call (`X-User-ID`) acting for the user. */
  readonly isInternal: boolean;
  /** Where the request comes from. */
  readonly client: Client;
  /** When the access token expires, which ends open streams too; absent for an internal call. */
  readonly expiresAt?: Date;
}

export interface PersonalToken {
  readonly id: string;
  readonly scopes: readonly TokenScope[];
}

/** Why a viewer's stream or socket ended: the token expired, the session ended, or the user may no longer act. */
export type AccessEnd = 'expired' | 'ended';

/**
 * Watches the viewer of an open stream or socket, and calls `onEnd` once when that has to end.
 * @param whose called now, and whenever the user's WebSocket has a new token
 * @returns a function that stops watching
 */
export type FollowViewer = (whose: () => Viewer, onEnd: (why: AccessEnd) => void) => () => void;
