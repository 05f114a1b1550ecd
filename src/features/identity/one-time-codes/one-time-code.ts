import { randomInt } from 'node:crypto';

export type OneTimeCodePurpose = 'PASSWORD_RESET' | 'EMAIL_VERIFICATION';

export const CODE_DIGITS = 6;
export const CODE_MINUTES = 5;
/**
 * Maximum attempts per address and purpose within {@link COUNTED_MINUTES}, however many codes are sent meanwhile. With
 * six digits, an attacker who never stops guessing has a chance of 1 in 2,000 per day.
 */
export const MAX_TRIES = 5;
export const COUNTED_MINUTES = 15;

/** A random code of {@link CODE_DIGITS} digits, uniformly distributed. */
export function newCode(): string {
  return randomInt(10 ** CODE_DIGITS)
    .toString()
    .padStart(CODE_DIGITS, '0');
}

/** Removes white space: people copy codes with spaces around and inside them. */
export function readCode(text: string): string {
  return text.replace(/\s/g, '');
}
