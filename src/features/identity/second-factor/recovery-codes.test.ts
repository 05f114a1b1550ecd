import { describe, expect, it } from '@jest/globals';
import { hashRecoveryCode, newRecoveryCodes } from './recovery-codes.js';

describe('recovery codes', () => {
  it('are ten, of eighty bits that differ', () => {
    const codes = [...newRecoveryCodes(), ...newRecoveryCodes()];
    expect(codes).toHaveLength(20);
    expect(new Set(codes).size).toBe(20);
    for (const code of codes) expect(code).toMatch(/^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){3}$/);
    // Among 2,000 codes, each position takes all 32 characters of the alphabet.
    const many = Array.from({ length: 200 }, newRecoveryCodes).flat();
    for (const place of [0, 3, 5, 18]) expect(new Set(many.map((code) => code[place])).size).toBe(32);
  });

  it('are one code however a person writes them', () => {
    const hash = hashRecoveryCode('x7k2-9fmd-0qwe-r5t1');
    expect(hash).toHaveLength(32);
    for (const text of ['X7K2-9FMD-0QWE-R5T1', 'x7k29fmd0qwer5t1', ' x7k2 9fmd Oqwe r5tl ', 'x7k2-9fmd-oqwe-r5ti']) {
      expect(hashRecoveryCode(text)).toEqual(hash);
    }
    expect(hashRecoveryCode('x7k2-9fmd-0qwe-r5t2')).not.toEqual(hash);
  });

  it.each(['', '123456', 'x7k2-9fmd-0qwe-r5t', 'x7k2-9fmd-0qwe-r5t11', 'x7k2-9fmd-0qwe-r5tu', 'é'.repeat(16)])(
    'are not what "%s" can be',
    (text) => {
      expect(hashRecoveryCode(text)).toBeNull();
    },
  );
});
