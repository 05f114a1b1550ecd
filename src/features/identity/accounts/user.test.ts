import { describe, expect, it } from '@jest/globals';
import { applyChanges, guardedDefaults, type StoredFields } from './user.js';

const then = new Date('2026-01-01T00:00:00Z');
const now = new Date('2026-02-02T00:00:00Z');
const unverified: StoredFields = {
  email: 'ada@example.org',
  phoneNumber: '+49 30 1234',
  provider: 'email',
  providerId: 'p-1',
  profile: { colour: 'red' },
  ...guardedDefaults('free'),
  mailboxProvenAt: null,
};
const verified: StoredFields = { ...unverified, isVerified: true, verifiedAt: then, mailboxProvenAt: then };

describe('applyChanges', () => {
  it('keeps what is left out, and clears what is null', () => {
    expect(applyChanges(verified, {}, false, now)).toEqual(verified);
    expect(applyChanges(verified, { phoneNumber: null, providerId: null }, false, now)).toEqual({
      ...verified,
      phoneNumber: null,
      providerId: null,
    });
  });

  it('replaces the whole profile', () => {
    expect(applyChanges(verified, { profile: { size: 1 } }, false, now).profile).toEqual({ size: 1 });
  });

  it.each([
    ['verifying sets the time', unverified, { isVerified: true }, true, now],
    ['verifying with a time takes that one', unverified, { isVerified: true, verifiedAt: then }, true, then],
    ['verifying with no time sets it', unverified, { isVerified: true, verifiedAt: null }, true, now],
    ['a time alone verifies', unverified, { verifiedAt: then }, true, then],
    ['verifying again keeps the time', verified, { isVerified: true }, true, then],
    ['unverifying clears the time', verified, { isVerified: false }, false, null],
    ['clearing the time unverifies', verified, { verifiedAt: null }, false, null],
    ['unverifying wins over a time', verified, { isVerified: false, verifiedAt: then }, false, null],
  ])('%s', (_, user, changes, isVerified, verifiedAt) => {
    expect(applyChanges(user, changes, true, now)).toMatchObject({ isVerified, verifiedAt });
  });

  it.each([
    ['another address is not verified', { email: 'eve@example.org' }, false, false],
    ['no address is not verified', { email: null }, false, false],
    [
      'the present value sent along does not vouch for it',
      { email: 'eve@example.org', isVerified: true },
      false,
      false,
    ],
    ['an admin may vouch for it', { email: 'eve@example.org', isVerified: true }, true, true],
    ['an admin who says nothing does not', { email: 'eve@example.org' }, true, false],
    ['the same address in another case stays verified', { email: 'ADA@example.org' }, false, true],
  ])('with another e-mail: %s', (_, changes, byAdmin, isVerified) => {
    const after = applyChanges(verified, changes, byAdmin, now);
    expect(after.isVerified).toBe(isVerified);
    expect(after.verifiedAt === null).toBe(!isVerified);
    // Whoever vouches for the new mailbox has not shown that its reader holds the account.
    expect(after.mailboxProvenAt).toBe(changes.email === 'ADA@example.org' ? then : null);
  });

  it('takes a letter that looks alike for another, in an address from before such were refused', () => {
    const old = { ...verified, email: 'mi\u212ae@example.org' };
    const doubted = { isVerified: false, mailboxProvenAt: null };
    expect(applyChanges(old, { email: 'mike@example.org' }, false, now)).toMatchObject(doubted);
    expect(applyChanges(old, { email: old.email }, false, now)).toEqual(old);
  });
});
