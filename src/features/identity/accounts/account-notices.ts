import type { Client } from '../../../kernel/caller.js';
import type { Sql } from '../../../ports/database.js';
import type { AccountActor } from './account-actor.js';
import type { UserRow } from './user.js';

/** An act that its user hears of by mail, since it opens the account to whoever did it. */
export type AccountNotice =
  | 'PASSKEY_ADDED'
  | 'IDENTITY_LINKED'
  | 'SECOND_FACTOR_ENABLED'
  | 'SECOND_FACTOR_DISABLED'
  | 'RECOVERY_CODES_REPLACED'
  | 'ACCESS_TOKEN_CREATED'
  | 'NEW_DEVICE';

/** Whoever did it: the user, or somebody else, whose client is not disclosed to the user. */
export interface NoticeActor {
  readonly userId: string | null;
  readonly client: Client | null;
}

/** A change of a user's password or e-mail address. */
export interface AccountChanged {
  readonly actor: AccountActor;
  readonly before: UserRow;
  readonly isNewEmail: boolean;
  readonly isNewPassword: boolean;
}

/** The part of the account changes feature that tells users what was done to their accounts. */
export interface AccountNotices {
  /** Queues a mail, in the transaction of the act, to the address that the user has at that moment. */
  notify(sql: Sql, userId: string, notice: AccountNotice, actor: NoticeActor): Promise<void>;
  /**
   * Queues a mail to the address from before the change, in the transaction of the change. If users made the change
   * themselves, the mail has a link that undoes it. An address that somebody else gives the account is not undone by the
   * links of earlier changes either: they end.
   */
  noteChange(sql: Sql, change: AccountChanged): Promise<void>;
  /**
   * Refuses an address that another user may still get back by undoing a change. Call it in the transaction that has
   * given the user the address.
   * @throws Conflict `User already exists`
   */
  refuseReserved(sql: Sql, user: Pick<UserRow, 'id' | 'email'>): Promise<void>;
}

/** The part of the second factor that a change of password or e-mail address asks for. */
export interface SecondFactorProof {
  /**
   * Consumes a code of the actor's second factor, if it is enabled.
   * @throws Invalid without a valid code; RateLimited
   */
  require(actor: AccountActor, code: string | null): Promise<void>;
}
