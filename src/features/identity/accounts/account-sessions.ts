import type { Sql } from '../../../ports/database.js';

/** The sessions of users, as far as a change of an account ends them. The sessions feature gives it. */
export interface AccountSessions {
  /**
   * Ends every session of a user, in the caller's transaction.
   * @param except the one session that stays; null for none
   */
  endAllOf(sql: Sql, userId: string, reason: AccountChange, except: string | null): Promise<void>;
  /** To be called once that transaction is through: streams of ended sessions end at once on this instance. */
  recheckStreams(): void;
}

/** Why an account's sessions end. */
export type AccountChange = 'PASSWORD_CHANGED' | 'PASSWORD_RESET' | 'ACCOUNT_DISABLED' | 'ACCOUNT_DELETED';
