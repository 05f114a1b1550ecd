import { describe, expect, it } from '@jest/globals';
import { newTotpSecret, readTotpCode, totpSecretText, totpStepOf, totpUri } from './totp.js';

/** The secret of RFC 6238, appendix B, and its codes for SHA-1, cut to six digits. */
const SECRET = Buffer.from('12345678901234567890');
const VECTORS: readonly (readonly [number, string])[] = [
  [59, '287082'],
  [1_111_111_109, '081804'],
  [1_111_111_111, '050471'],
  [1_234_567_890, '005924'],
  [2_000_000_000, '279037'],
  [20_000_000_000, '353130'],
];
const at = (seconds: number) => new Date(seconds * 1000);

describe('a code of an authenticator app', () => {
  it.each(VECTORS)('at second %d is the one of RFC 6238', (seconds, code) => {
    expect(totpStepOf(SECRET, code, at(seconds))).toBe(Math.floor(seconds / 30));
  });

  it('is good in its own step and in those beside it, and in no other', () => {
    const step = Math.floor(1_234_567_890 / 30);
    const steps = [-2, -1, 0, 1, 2].map((offset) => totpStepOf(SECRET, '005924', at((step + offset) * 30)));
    expect(steps).toEqual([null, step, step, step, null]);
  });

  it('is no other', () => {
    for (const code of ['005925', '000000', '']) expect(totpStepOf(SECRET, code, at(1_234_567_890))).toBeNull();
  });

  it.each([
    ['123456', '123456'],
    [' 123 456 ', '123456'],
    ['12345', null],
    ['1234567', null],
    ['12345a', null],
    ['١٢٣٤٥٦', null],
    ['', null],
  ])('is read from "%s" as %j', (text, code) => {
    expect(readTotpCode(text)).toBe(code);
  });
});

describe('the secret of an authenticator app', () => {
  it('has 160 bits, other ones each time', () => {
    expect(newTotpSecret()).toHaveLength(20);
    expect(newTotpSecret()).not.toEqual(newTotpSecret());
  });

  it('is told as apps read it', () => {
    expect(totpSecretText(SECRET)).toBe('GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ');
    const uri = new URL(totpUri(SECRET, 'ada+x@example.com'));
    expect(uri.protocol + uri.host).toBe('otpauth:totp');
    expect(decodeURIComponent(uri.pathname)).toBe('/Flynkle:ada+x@example.com');
    expect(Object.fromEntries(uri.searchParams)).toEqual({
      issuer: 'Flynkle',
      secret: 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ',
      algorithm: 'SHA1',
      digits: '6',
      period: '30',
    });
  });
});
