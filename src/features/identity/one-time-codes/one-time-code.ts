import { randomInt } from 'node:crypto';

export type OneTimeCodePurpose = 'PASSWORD_RESET' | 'EMAIL_VERIFICATION';

export const CODE_DIGITS = 6;
export const CODE_MINUTES = 5;
/**
 * Tries at the codes of one address and purpose in {@link COUNTED_MINUTES}, however many codes were sent meanwhile: with six
 * digits, someone who never stops guessing has one chance in two thousand a day.
 */
export const MAX_TRIES = 5;
export const COUNTED_MINUTES = 15;

/** {@link CODE_DIGITS} digits, each code as likely as any other. */
export function newCode(): string {
  return randomInt(10 ** CODE_DIGITS)
    .toString()
    .padStart(CODE_DIGITS, '0');
}

/** People copy codes with spaces around and in them. */
export function readCode(text: string): string {
  return text.replace(/\s/g, '');
}

/** E-mail addresses are one address in any case, as accounts have it. */
export function sameAddress(one: string, other: string): boolean {
  return normaliseAddress(one) === normaliseAddress(other);
}

export function normaliseAddress(address: string): string {
  return address.trim().toLowerCase();
}
