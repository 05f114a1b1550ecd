import { describe, expect, it } from '@jest/globals';
import { UnsecuredJWT } from 'jose';
import { flippedBits, forgerOf } from '../../../../test/support/forged-tokens.js';
import { newId } from '../../../kernel/ids.js';
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
const goodClaims = {
  sub: subject.userId,
  sid: subject.sessionId,
  iss: 'flynkle-api',
  aud: 'flynkle-api',
  iat: seconds,
  exp: seconds + 3600,
};

const forger = forgerOf(goodToken, SECRET);

describe('AccessTokens', () => {
  it('verifies what it issued, until it expires', async () => {
    const expiresAt = new Date(NOW + 3_600_000);
    expect(await tokens.verify(goodToken)).toEqual({ ...subject, expiresAt });
    expect(await at(NOW + 3_599_999).verify(goodToken)).toEqual({ ...subject, expiresAt });
    expect(await at(NOW + 3_600_000).verify(goodToken)).toBeNull();
  });

  it('verifies a token of the same claims that was made by hand, so that the forgeries below fail for their fault', async () => {
    expect(await tokens.verify(forger.sign())).toMatchObject(subject);
  });

  it.each(forger.forgeries)('refuses a token with %s', async (_, token) => {
    expect(await tokens.verify(token)).toBeNull();
  });

  it('refuses nothing at all, and a token of nothing', async () => {
    expect(await tokens.verify('')).toBeNull();
    expect(await tokens.verify('..')).toBeNull();
    expect(await tokens.verify(new UnsecuredJWT(goodClaims).encode())).toBeNull();
  });

  it('refuses a token with any one bit changed, of its text too where that is the same signature', async () => {
    const flipped = flippedBits(goodToken);
    expect(flipped.length).toBeGreaterThan(4_000);
    const verdicts = await Promise.all(flipped.map((token) => tokens.verify(token)));
    expect(flipped.filter((_, index) => verdicts[index] !== null)).toEqual([]);
  });

  describe('that has seen a token before', () => {
    const time = { now: NOW };
    const remembering = (lifetimeMinutes = 60) =>
      new AccessTokens({ secrets: [SECRET], lifetimeMinutes, clock: { now: () => new Date(time.now) } });
    const verifyAt = (verifier: AccessTokens, now: number, token = goodToken) => {
      time.now = now;
      return verifier.verify(token);
    };

    it('still refuses it from its expiry on, and takes it again if the clock was wrong', async () => {
      const verifier = remembering();
      expect(await verifyAt(verifier, NOW)).toMatchObject(subject);
      expect(await verifyAt(verifier, NOW + 3_599_999)).toMatchObject(subject);
      expect(await verifyAt(verifier, NOW + 3_600_000)).toBeNull();
      expect(await verifyAt(verifier, NOW + 3_599_999)).toMatchObject(subject);
    });

    it('still refuses it as too old, or as issued in the future', async () => {
      const verifier = remembering(30);
      expect(await verifyAt(verifier, NOW + 1_800_000)).toMatchObject(subject);
      expect(await verifyAt(verifier, NOW + 1_806_000)).toBeNull();
      expect(await verifyAt(verifier, NOW)).toMatchObject(subject);
      expect(await verifyAt(verifier, NOW - 60_000)).toBeNull();
    });

    it('refuses every forgery and every changed bit of it', async () => {
      const verifier = remembering();
      expect(await verifyAt(verifier, NOW)).toMatchObject(subject);
      const forged = [...forger.forgeries.map(([, token]) => token), ...flippedBits(goodToken)];
      const verdicts = await Promise.all(forged.map((token) => verifyAt(verifier, NOW, token)));
      expect(forged.filter((_, index) => verdicts[index] !== null)).toEqual([]);
    });

    it('tells two tokens of one session, and of two users, apart', async () => {
      const verifier = remembering();
      const other = { userId: newId(), sessionId: newId() };
      const otherToken = await tokens.issue(other);
      const laterToken = await at(NOW + 1000).issue(subject);
      for (let round = 0; round < 2; round++) {
        expect(await verifyAt(verifier, NOW + 1000)).toEqual({ ...subject, expiresAt: new Date(NOW + 3_600_000) });
        expect(await verifyAt(verifier, NOW + 1000, otherToken)).toMatchObject(other);
        expect(await verifyAt(verifier, NOW + 1000, laterToken)).toEqual({
          ...subject,
          expiresAt: new Date(NOW + 3_601_000),
        });
      }
    });
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
