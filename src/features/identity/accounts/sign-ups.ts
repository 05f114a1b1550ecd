import type { Client } from '../../../kernel/caller.js';
import type { Sql } from '../../../ports/database.js';

/** Someone who wants an account without an admin making it. */
export interface SignUpRequest {
  readonly email: string | null;
  /** Whether a login provider vouches for the address. */
  readonly isEmailVerified: boolean;
  /** The code of an invitation, if one was sent. */
  readonly invitation: string | null;
}

export interface Admission {
  /** The plan that the invitation is for; null for the default one. */
  readonly plan: string | null;
  /**
   * Uses the invitation up, in the transaction that makes the account.
   * @returns details for the audit log
   * @throws Invalid when it was used up meanwhile
   */
  use(sql: Sql): Promise<Readonly<Record<string, unknown>>>;
}

/** The part of the invitations feature that decides who may sign up. */
export interface SignUps {
  /**
   * Comes before anything costly.
   * @throws Forbidden when sign-up is closed or needs an invitation; Invalid `Invalid invitation`; RateLimited
   */
  admit(request: SignUpRequest, client: Client | null): Promise<Admission>;
}
