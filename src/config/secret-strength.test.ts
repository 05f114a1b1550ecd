import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { isGuessable, looksGenerated, STRENGTH } from './secret-strength.js';

describe('a key', () => {
  it.each([
    ['hex', () => randomBytes(32).toString('hex')],
    ['base64', () => randomBytes(32).toString('base64')],
    ['longer base64', () => randomBytes(48).toString('base64')],
  ])('that a generator made is known without an estimate: %s', (_, make) => {
    const known = Array.from({ length: 500 }, make).filter(looksGenerated);
    expect(known.length).toBeGreaterThan(450);
  });

  it.each([
    'a'.repeat(64),
    '0123456789abcdef'.repeat(4),
    'deadbeefcafe1234'.repeat(4),
    '1a2b3c4d5e6f'.repeat(6),
    '1Q2w3E4r5T6y7U8i9O0p1Q2w3E4r5T6y7U8i9O0p1Q2w3E4r',
    '1qaZ2wsX3edC4rfV5tgB6yhN7ujM8ik,9ol.0p;/1qaZ2wsX3edC',
    'AbCdEfGhIjKlMnOpQrStUvWxYz0123456789AbCdEfGhIjKlMnOp',
    'A1b2C3d4E5f6G7h8I9j0K1l2M3n4O5p6Q7r8S9t0U1v2W3x4Y5z6',
    'P4ssw0rdP4ssw0rdP4ssw0rdP4ssw0rdP4ssw0rdP4ssw0rd',
    'CorrectHorseBatteryStapleCorrectHorseBatteryStaple',
    '20240101202402022024030320240404202405052024060620240707202408082024',
    'pa55w0rd0CDH0V99UEz1x2c3v4b5n6m75c92v5h6',
    'a3eilm2s2y7ugd5hip2j41d8cd98f00b4m3m2m1m',
  ])('that somebody made up is estimated: %s', (key) => {
    expect(looksGenerated(key)).toBe(false);
  });

  it('that is made of what comes again is refused, whatever its length', () => {
    for (const key of ['a'.repeat(64), '0123456789abcdef'.repeat(4), 'P4ssw0rd'.repeat(6)])
      expect(isGuessable(key, STRENGTH.key)).toBe(true);
  });
});
