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
