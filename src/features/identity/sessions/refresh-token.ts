import { createHmac, randomBytes } from 'node:crypto';
import { newToken, sha256 } from '../../../kernel/token.js';

/** Promised to clients, who may size a database column by it. */
export const MAX_REFRESH_TOKEN_LENGTH = 128;

/**
 * For this long, a used refresh token returns the same successor again: to a second tab, or a client that lost the
 * answer.
 */
export const RETRY_MS = 10_000;

/**
 * Two parts of 256 bits each. Tokens of sessions from before there were families have only one, which is also their
 * family.
 */
const REFRESH_TOKEN = /^([A-Za-z0-9_-]{43})(?:\.[A-Za-z0-9_-]{43})?$/;

/**
 * A refresh token, `<family>.<secret>`: opaque, valid for one refresh, and known only to the client. All tokens of a
 * session start with the same family, so that any of them, however old, can be recognised as the session's while only
 * the hashes of the latest two are stored. A plain SHA-256 is enough, since nobody can guess 256 random bits.
 */
export interface RefreshToken {
  readonly token: string;
  readonly hash: Buffer;
  readonly familyHash: Buffer;
}

/** The first token of a session. */
export function newRefreshToken(): RefreshToken {
  return tokenOf(newToken(), newToken());
}

/** @returns null for anything that cannot be a refresh token */
export function readRefreshToken(token: string): RefreshToken | null {
  const family = REFRESH_TOKEN.exec(token)?.[1];
  return family === undefined ? null : { token, hash: sha256(token), familyHash: sha256(family) };
}

export function newSuccessorSalt(): Buffer {
  return randomBytes(32);
}

/**
 * The token that follows this one; always the same for the same salt. Making it takes both the token, which only the
 * client has, and the salt, which only the database has.
 */
export function successorOf({ token }: RefreshToken, salt: Buffer): RefreshToken {
  const [family = ''] = token.split('.');
  return tokenOf(family, createHmac('sha256', token).update(salt).digest('base64url'));
}

/** The stored hashes of a session's two latest tokens. */
export interface Rotation {
  /** All three are null before the first refresh. */
  readonly previousTokenHash: Buffer | null;
  readonly successorSalt: Buffer | null;
  readonly rotatedAt: Date | null;
}

/**
 * The successor of a token that was used within {@link RETRY_MS}, while the successor itself is unused; otherwise null.
 */
export function repeatedSuccessor(
  used: RefreshToken,
  { previousTokenHash, successorSalt, rotatedAt }: Rotation,
  now: Date,
): RefreshToken | null {
  if (previousTokenHash === null || successorSalt === null || rotatedAt === null) return null;
  const isRecent = now.getTime() - rotatedAt.getTime() < RETRY_MS;
  return isRecent && previousTokenHash.equals(used.hash) ? successorOf(used, successorSalt) : null;
}

function tokenOf(family: string, secret: string): RefreshToken {
  const token = `${family}.${secret}`;
  return { token, hash: sha256(token), familyHash: sha256(family) };
}
