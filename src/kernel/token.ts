import { createHash, hkdfSync, randomBytes } from 'node:crypto';

/** 256 bits in base64url. */
const TOKEN = /^[A-Za-z0-9_-]{43}$/;

/** A bearer secret of 256 random bits, which cannot be guessed. */
export function newToken(): string {
  return randomBytes(32).toString('base64url');
}

/** Whether the text has the form of a token, or of a SHA-256, in base64url. */
export function isToken(text: string): boolean {
  return TOKEN.test(text);
}

/** The stored form of a token: a plain SHA-256 is enough for a secret that cannot be guessed. */
export function sha256(text: string): Buffer<ArrayBuffer> {
  return createHash('sha256').update(text).digest();
}

/** Derives an independent key of the given number of bytes for one purpose. */
export function derivedKey(secret: string, use: string, length: number): Buffer {
  return Buffer.from(hkdfSync('sha256', secret, '', use, length));
}
