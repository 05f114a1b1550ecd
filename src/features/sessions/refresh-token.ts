import { createHash, randomBytes } from 'node:crypto';

const REFRESH_TOKEN = /^[A-Za-z0-9_-]{43}$/;

export interface RefreshToken {
  readonly token: string;
  /** What is stored of it. A plain SHA-256 will do: nobody guesses 256 random bits. */
  readonly hash: Buffer;
}

/** 256 random bits: opaque, good for one refresh, and known to the client alone. */
export function newRefreshToken(): RefreshToken {
  const token = randomBytes(32).toString('base64url');
  return { token, hash: sha256(token) };
}

/** @returns null for what cannot be a refresh token */
export function hashRefreshToken(token: string): Buffer | null {
  return REFRESH_TOKEN.test(token) ? sha256(token) : null;
}

function sha256(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
