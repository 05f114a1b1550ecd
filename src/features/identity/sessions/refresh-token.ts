import { createHmac, randomBytes } from 'node:crypto';
import { newToken, sha256 } from '../../../kernel/token.js';

/** Promised to clients, who may size a column by it. */
export const MAX_REFRESH_TOKEN_LENGTH = 128;

/** A used refresh token gives the same successor again for this long: for a second tab, or a client that lost the answer. */
export const RETRY_MS = 10_000;

/** Two parts of 256 bits, or of a session from before there were families, the first alone: then it is its own family. */
const REFRESH_TOKEN = /^([A-Za-z0-9_-]{43})(?:\.[A-Za-z0-9_-]{43})?$/;

/**
 * A refresh token, `<family>.<secret>`: opaque, good for one refresh, and known to the client alone. Each token of a session
 * begins with the same family, so that any of them, however old, is known for one of its, with nothing stored but hashes of
 * the latest two. A plain SHA-256 will do for them: nobody guesses 256 random bits.
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

/** @returns null for what cannot be a refresh token */
export function readRefreshToken(token: string): RefreshToken | null {
  const family = REFRESH_TOKEN.exec(token)?.[1];
  return family === undefined ? null : { token, hash: sha256(token), familyHash: sha256(family) };
}

export function newSuccessorSalt(): Buffer {
  return randomBytes(32);
}

/**
 * The token that comes after this one: the same whenever it is asked for with the same salt. It takes both to make it, the
 * token, which only the client has, and the salt, which only the database has.
 */
export function successorOf({ token }: RefreshToken, salt: Buffer): RefreshToken {
  const [family = ''] = token.split('.');
  return tokenOf(family, createHmac('sha256', token).update(salt).digest('base64url'));
}

/** The stored hashes of a session's two latest tokens. */
export interface Rotation {
  /** Null before the first refresh, as the two others. */
  readonly previousTokenHash: Buffer | null;
  readonly successorSalt: Buffer | null;
  readonly rotatedAt: Date | null;
}

/** The successor of a token that was used so short a time ago, and whose successor has not been used; or else null. */
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
