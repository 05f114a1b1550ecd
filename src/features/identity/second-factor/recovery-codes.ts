import { randomBytes } from 'node:crypto';
import { sha256 } from '../../../kernel/token.js';

export const RECOVERY_CODE_COUNT = 10;
const CODE_BYTES = 10;
/** Crockford's base32 in lower case, which has no characters that look alike. */
const ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
const MISREAD: Readonly<Record<string, string>> = { i: '1', l: '1', o: '0' };
const CODE = new RegExp(`^[${ALPHABET}]{16}$`);

/** Codes of 80 random bits each, written as `x7k2-9fmd-0qwe-r5t1`. */
export function newRecoveryCodes(): readonly string[] {
  return Array.from({ length: RECOVERY_CODE_COUNT }, newRecoveryCode);
}

function newRecoveryCode(): string {
  const bits = BigInt(`0x${randomBytes(CODE_BYTES).toString('hex')}`);
  const letters = Array.from({ length: 16 }, (_, index) => ALPHABET[Number((bits >> BigInt(5 * index)) & 31n)] ?? '');
  return letters.join('').replace(/(.{4})(?=.)/g, '$1-');
}

/**
 * The stored form of a code. A plain SHA-256 is enough, since nobody can try 2^80 codes; it also stays valid when keys
 * change.
 * @param text as typed by a person: in any case, with or without dashes
 * @returns null for anything that cannot be a recovery code
 */
export function hashRecoveryCode(text: string): Buffer<ArrayBuffer> | null {
  const code = text
    .toLowerCase()
    .replace(/[\s-]/g, '')
    .replace(/[ilo]/g, (letter) => MISREAD[letter] ?? letter);
  return CODE.test(code) ? sha256(code) : null;
}
