import { crc32 } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { isTokenText, looksPersonal, newTokenText } from './token-text.js';

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';

describe('the text of a personal access token', () => {
  it('is what scanners of secrets are told: a prefix, 30 characters, and their CRC-32 in base62', () => {
    const texts = Array.from({ length: 200 }, newTokenText);
    expect(new Set(texts).size).toBe(200);
    for (const text of texts) {
      const [, random = '', checksum = ''] = /^flk_pat_([0-9A-Za-z]{30})([0-9A-Za-z]{6})$/.exec(text) ?? [];
      const value = Array.from(checksum).reduce((sum, character) => sum * 62 + ALPHABET.indexOf(character), 0);
      expect(value).toBe(crc32(random));
      expect(isTokenText(text)).toBe(true);
    }
  });

  it('is refused with any one character changed', () => {
    const text = newTokenText();
    const changed = Array.from(text).flatMap((character, index) =>
      Array.from(ALPHABET)
        .filter((other) => other !== character)
        .map((other) => text.slice(0, index) + other + text.slice(index + 1)),
    );
    expect(changed.length).toBeGreaterThan(2_600);
    expect(changed.filter(isTokenText)).toEqual([]);
  });

  it.each(['', 'flk_pat_', `${newTokenText()}0`, ` ${newTokenText()}`, newTokenText().toUpperCase()])(
    'is not %j',
    (text) => {
      expect(isTokenText(text)).toBe(false);
    },
  );

  it('is told from other credentials by its prefix', () => {
    expect(looksPersonal('flk_pat_mistyped')).toBe(true);
    expect(looksPersonal('eyJhbGciOiJIUzI1NiJ9.e30.sig')).toBe(false);
  });
});
