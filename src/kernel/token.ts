import { createHash, hkdfSync, randomBytes } from 'node:crypto';

/** 256 bits in base64url. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** 256 random bits, for one holder to show: nobody guesses them. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Whether it can be a token, or a SHA-256 in base64url. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** What is stored of a token: a plain SHA-256 will do for what nobody guesses. */
export function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** A key for one use, of so many bytes: the keys for other uses say nothing of it. */
export function derivedKey(secret: string, use: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', use, length));
}
