import { Forbidden, NotFound, Unauthenticated } from '../../../kernel/errors.js';
import type { AccountChange } from '../accounts/account-sessions.js';

/** Maximum sessions in a user's list, which has the newest ones. */
export const MAX_LISTED_SESSIONS = 100;

export type RevocationReason = 'LOGOUT' | 'REVOKED' | 'REFRESH_TOKEN_REUSED' | AccountChange;

/** A session, which begins with a login. */
export interface SessionRow {
  readonly id: string;
  readonly userAgent: string | null;
  readonly ipAddress: string | null;
  readonly createdAt: Date;
  /** When its tokens were last issued: at the login or at the latest refresh. */
  readonly lastUsedAt: Date;
}

/** The fields of a user that decide whether the user's requests are served. */
export interface UserState {
  readonly userId: string;
  readonly isAdmin: boolean;
  readonly plan: string;
  readonly isActive: boolean;
  readonly isSuspended: boolean;
  readonly isDeleted: boolean;
}

/** The state of an access token's session and user. */
export interface SessionState extends UserState {
  readonly expiresAt: Date;
  readonly revocationReason: RevocationReason | null;
}

export function invalidToken(): Unauthenticated {
  return new Unauthenticated('Invalid token');
}

/**
 * Refuses a session that has ended, or whose user may not use the service. If the account's deletion or suspension
 * ended the session, the error is the account's while that lasts, and `Invalid token` afterwards: an ended session
 * stays ended.
 * @throws Unauthenticated `Invalid token`; NotFound; Forbidden `Account disabled`
 */
export function requireLiveSession(state: SessionState, now: Date): void {
  if (state.revocationReason === 'ACCOUNT_DISABLED' || state.revocationReason === 'ACCOUNT_DELETED') {
    requireEnabledUser(state);
    throw invalidToken();
  }
  if (state.revocationReason !== null || state.expiresAt <= now) throw invalidToken();
  requireEnabledUser(state);
}

/** @throws NotFound; Forbidden `Account disabled` */
export function requireEnabledUser(state: UserState): void {
  if (state.isDeleted) throw new NotFound('User');
  if (!state.isActive || state.isSuspended) throw new Forbidden('Account disabled');
}
