import type { Sql } from '../../../ports/database.js';

/** The part of the sessions feature that ends sessions when an account changes. */
export interface AccountSessions {
  /**
   * Ends every session and every personal access token of a user, in the caller's transaction.
   * @param except id of the one session that stays; null for none
   */
  endAllOf(sql: Sql, userId: string, reason: AccountChange, except: string | null): Promise<void>;
  /** Whether the user has this session and it has not ended, in the caller's transaction. */
  isLive(sql: Sql, userId: string, sessionId: string): Promise<boolean>;
  /** Call it after the commit: the ended sessions' streams on this instance end at once. */
  recheckStreams(): void;
}

/** The change of an account that ended a session. */
export type AccountChange = 'PASSWORD_CHANGED' | 'PASSWORD_RESET' | 'ACCOUNT_DISABLED' | 'ACCOUNT_DELETED';
