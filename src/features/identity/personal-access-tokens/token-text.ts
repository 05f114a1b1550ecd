import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

/** What every token begins with, for programs that look for secrets where none should be. */
const TOKEN_PREFIX = 'flk_pat_';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** 178 bits. */
const RANDOM_LENGTH = 30;
const CHECKSUM_LENGTH = 6;
const TOKEN = /^flk_pat_([0-9A-Za-z]{30})([0-9A-Za-z]{6})$/;

/**
 * A new token: the prefix, 30 random characters of base62, and their CRC-32 as 6 characters of base62, highest first. By the
 * checksum a scanner tells a token from other text without asking us, and we refuse a mistyped one without asking the database.
 */
export function newTokenText(): string {
  const random = Array.from({ length: RANDOM_LENGTH }, () => ALPHABET.charAt(randomInt(ALPHABET.length))).join('');
  return TOKEN_PREFIX + random + checksumOf(random);
}

/** Whether it was meant as a personal access token, well-formed or not. */
export function looksPersonal(text: string): boolean {
  return text.startsWith(TOKEN_PREFIX);
}

/** Whether {@link newTokenText} can have made it. */
export function isTokenText(text: string): boolean {
  const [, random, checksum] = TOKEN.exec(text) ?? [];
  return random !== undefined && checksumOf(random) === checksum;
}

function checksumOf(random: string): string {
  let rest = crc32(random);
  let text = '';
  while (text.length < CHECKSUM_LENGTH) {
    text = ALPHABET.charAt(rest % ALPHABET.length) + text;
    rest = Math.floor(rest / ALPHABET.length);
  }
  return text;
}
