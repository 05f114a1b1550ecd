import { describe, expect, it } from '@jest/globals';
import { SignJWT, UnsecuredJWT, decodeProtectedHeader } from 'jose';
import { newId } from '../../kernel/ids.js';
import { AccessTokens } from './access-tokens.js';

const SECRET = 'a secret of thirty-two bytes, or more';
const OTHER_SECRET = 'another secret of thirty-two bytes too';
const NOW = Date.UTC(2026, 0, 1);
const seconds = NOW / 1000;
const clock = { now: () => new Date(NOW) };
const at = (milliseconds: number, secrets = [SECRET]) =>
  new AccessTokens({ secrets, lifetimeMinutes: 60, clock: { now: () => new Date(milliseconds) } });
const tokens = at(NOW);
const subject = { userId: newId(), sessionId: newId() };
const goodToken = await tokens.issue(subject);
const goodHeader = { alg: 'HS256', typ: 'at+jwt', kid: decodeProtectedHeader(goodToken).kid ?? '' };
const goodClaims = {
  sub: subject.userId,
  sid: subject.sessionId,
  iss: 'flynkle-api',
  aud: 'flynkle-api',
  iat: seconds,
  exp: seconds + 3600,
};

const sign = (claims: object = {}, header: object = {}, secret = SECRET) =>
  new SignJWT({ ...goodClaims, ...claims })
    .setProtectedHeader({ ...goodHeader, ...header })
    .sign(new TextEncoder().encode(secret));

const flip = (token: string, index: number) => {
  const replacement = token[index] === 'A' ? 'B' : 'A';
  return token.slice(0, index) + replacement + token.slice(index + 1);
};

describe('AccessTokens', () => {
  it('verifies what it issued, until it expires', async () => {
    const expiresAt = new Date(NOW + 3_600_000);
    expect(await tokens.verify(goodToken)).toEqual({ ...subject, expiresAt });
    expect(await at(NOW + 3_599_999).verify(goodToken)).toEqual({ ...subject, expiresAt });
    expect(await at(NOW + 3_600_000).verify(goodToken)).toBeNull();
  });

  it('verifies a token of the same claims that was made by hand, so that the forgeries below fail for their fault', async () => {
    expect(await tokens.verify(await sign())).toMatchObject(subject);
  });

  const [head = '', payload = '', signature = ''] = goodToken.split('.');
  it.each<[string, () => string | Promise<string>]>([
    ['no algorithm', () => new UnsecuredJWT(goodClaims).encode()],
    [
      'no algorithm, with the rest of the header',
      () => `${Buffer.from(JSON.stringify({ ...goodHeader, alg: 'none' })).toString('base64url')}.${payload}.`,
    ],
    ['another algorithm', () => sign({}, { alg: 'HS512' }, SECRET + SECRET)],
    ['another secret', () => sign({}, {}, OTHER_SECRET)],
    ['an unknown key id', () => sign({}, { kid: 'unknown' })],
    ['no key id', () => sign({}, { kid: undefined })],
    ['another type', () => sign({}, { typ: 'JWT' })],
    ['no type', () => sign({}, { typ: undefined })],
    [
      'an unknown critical header',
      () =>
        `${Buffer.from(JSON.stringify({ ...goodHeader, crit: ['x'], x: 1 })).toString('base64url')}.${payload}.${signature}`,
    ],
    ['another issuer', () => sign({ iss: 'someone' })],
    ['no issuer', () => sign({ iss: undefined })],
    ['another audience', () => sign({ aud: 'someone' })],
    ['no audience', () => sign({ aud: undefined })],
    ['an expiry in the past', () => sign({ exp: seconds - 1 })],
    ['an expiry just now', () => sign({ exp: seconds })],
    ['no expiry', () => sign({ exp: undefined })],
    ['an expiry that is no number', () => sign({ exp: 'tomorrow' as unknown as number })],
    ['a start in the future', () => sign({ iat: seconds + 60 })],
    ['a start long ago, with an expiry far off', () => sign({ iat: seconds - 7200, exp: seconds + 36_000 })],
    ['no start', () => sign({ iat: undefined })],
    ['a time before which it does not hold', () => sign({ nbf: seconds + 60 })],
    ['no user', () => sign({ sub: undefined })],
    ['a user that is no UUID', () => sign({ sub: 'admin' })],
    ['no session', () => sign({ sid: undefined })],
    ['a session that is no UUID', () => sign({ sid: 7 })],
    ['no signature', () => `${head}.${payload}.`],
    ['two parts', () => `${head}.${payload}`],
    ['nothing', () => ''],
    ['four parts', () => `${goodToken}.x`],
    [
      'other claims under the same signature',
      () =>
        `${head}.${Buffer.from(JSON.stringify({ ...goodClaims, sub: newId() })).toString('base64url')}.${signature}`,
    ],
  ])('refuses a token with %s', async (_, forge) => {
    expect(await tokens.verify(await forge())).toBeNull();
  });

  it('refuses a token with any one character changed', async () => {
    // The last character's low bits are beyond the signature's: base64url ignores them.
    const positions = Array.from({ length: goodToken.length - 1 }, (_, index) => index);
    const verdicts = await Promise.all(positions.map((index) => tokens.verify(flip(goodToken, index))));
    expect(verdicts.filter((verdict) => verdict !== null)).toEqual([]);
  });

  it('signs with the first secret and still takes tokens of the others', async () => {
    const rotated = at(NOW, [OTHER_SECRET, SECRET]);
    expect(await rotated.verify(goodToken)).toMatchObject(subject);
    const fresh = await rotated.issue(subject);
    expect(await tokens.verify(fresh)).toBeNull();
    expect(await at(NOW, [OTHER_SECRET]).verify(goodToken)).toBeNull();
  });

  it('takes a token from an instance whose clock is a few seconds ahead', async () => {
    expect(await at(NOW - 3000).verify(goodToken)).toMatchObject(subject);
    expect(await at(NOW - 60_000).verify(goodToken)).toBeNull();
  });

  it('refuses to work with a short secret, or none', () => {
    expect(() => new AccessTokens({ secrets: ['short'], lifetimeMinutes: 60, clock })).toThrow(RangeError);
    expect(() => new AccessTokens({ secrets: [SECRET, 'short'], lifetimeMinutes: 60, clock })).toThrow(RangeError);
    expect(() => new AccessTokens({ secrets: [], lifetimeMinutes: 60, clock })).toThrow(RangeError);
  });
});
