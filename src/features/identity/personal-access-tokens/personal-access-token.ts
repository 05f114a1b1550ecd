import type { TokenScope } from '../../../kernel/token-scopes.js';

/** Maximum tokens of a user, expired ones that are still listed included. */
export const MAX_TOKENS = 50;
export const MAX_TOKEN_NAME_LENGTH = 64;
export const DEFAULT_TOKEN_DAYS = 90;
/** Every token expires: one that nobody remembers ends by itself. */
export const MAX_TOKEN_DAYS = 366;
/** Days that an expired token stays in its user's list, so that the user sees why a script stopped. */
export const KEPT_EXPIRED_DAYS = 30;

/** A token as its user sees it. */
export interface PersonalAccessTokenRow {
  readonly id: string;
  readonly name: string;
  readonly scopes: readonly TokenScope[];
  /** Its last four characters. */
  readonly lastFour: string;
  readonly createdAt: Date;
  /** To the minute. */
  readonly lastUsedAt: Date | null;
  readonly expiresAt: Date;
}

/** A token with its text, which is shown once. */
export interface NewPersonalAccessToken extends PersonalAccessTokenRow {
  readonly token: string;
}
