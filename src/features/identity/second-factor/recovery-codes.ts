import { randomBytes } from 'node:crypto';
import { sha256 } from '../../../kernel/token.js';

export const RECOVERY_CODE_COUNT = 10;
const CODE_BYTES = 10;
/** Crockford's base32 in lower case: nothing in it looks like something else. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const MISREAD: Readonly<Record<string, string>> = { i: '1', l: '1', o: '0' };
const CODE = new RegExp(`^[${ALPHABET}]{16}$`);

/** Eighty random bits each, written as `x7k2-9fmd-0qwe-r5t1`. */
export function newRecoveryCodes(): readonly string[] {
  return Array.from({ length: RECOVERY_CODE_COUNT }, newRecoveryCode);
}

function newRecoveryCode(): string {
  const bits = BigInt(`0x${randomBytes(CODE_BYTES).toString('hex')}`);
  const letters = Array.from({ length: 16 }, (_, index) => ALPHABET[Number((bits >> BigInt(5 * index)) & 31n)] ?? '');
  return letters.join('').replace(/(.{4})(?=.)/g, '$1-');
}

/**
 * The stored form of a code: a plain SHA-256 is enough, since nobody tries 2^80 codes, and it outlives every change of keys.
 * @param text as a person wrote it: in any case, with or without the dashes
 * @returns null for what cannot be a recovery code
 */
export function hashRecoveryCode(text: string): Buffer<ArrayBuffer> | null {
  const code = text
    .toLowerCase()
    .replace(/[\s-]/g, '')
    .replace(/[ilo]/g, (letter) => MISREAD[letter] ?? letter);
  return CODE.test(code) ? sha256(code) : null;
}
