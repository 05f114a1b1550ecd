import type { TokenScope } from '../../../kernel/token-scopes.js';
import type { Sql } from '../../../ports/database.js';
import type { UserState } from './session.js';

/** What decides whether a request with a personal access token is served. */
export interface TokenState extends UserState {
  readonly tokenId: string;
  readonly scopes: readonly TokenScope[];
  readonly expiresAt: Date;
  readonly lastUsedAt: Date | null;
}

/** The part of personal access tokens that stands below sessions: whose a token is, and whether it has ended. */
export interface TokenHolders {
  /** Whether it was meant as a personal access token, well-formed or not. */
  looksPersonal(text: string): boolean;
  /** @returns null for anything but a token that has neither expired nor been revoked */
  verify(text: string): Promise<TokenState | null>;
  /** Notes that a request with the token is served. */
  markUsed(state: TokenState): Promise<void>;
  /** Those of the tokens that may not be used any more. */
  findEnded(ids: readonly string[], now: Date): Promise<readonly string[]>;
  /** Ends every token of a user, in the caller's transaction. */
  endAllOf(sql: Sql, userId: string): Promise<void>;
}
