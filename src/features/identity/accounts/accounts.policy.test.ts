import { describe, expect, it } from '@jest/globals';
import { Forbidden } from '../../../kernel/errors.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { requireOwnOrAdmin, touchesGuarded } from './accounts.policy.js';

const present = {
  isAdmin: false,
  plan: 'free',
  isVerified: true,
  verifiedAt: new Date('2026-01-01T00:00:00.123Z'),
  isActive: true,
  isSuspended: false,
};
const viewer: Viewer = {
  userId: 'ada',
  isAdmin: false,
  plan: 'free',
  sessionId: null,
  isInternal: false,
  client: { ipAddress: null, userAgent: null },
};

describe('touchesGuarded', () => {
  it('lets the present values pass, as a client sends them back', () => {
    expect(touchesGuarded(present, { ...present, verifiedAt: new Date('2026-01-01T00:00:00.123Z') })).toBe(false);
    expect(touchesGuarded({ ...present, verifiedAt: null }, { verifiedAt: null })).toBe(false);
    expect(touchesGuarded(present, { email: 'other@example.org', profile: {} })).toBe(false);
  });

  it.each([
    [{ isAdmin: true }],
    [{ plan: 'pro' }],
    [{ isVerified: false }],
    [{ verifiedAt: null }],
    [{ verifiedAt: new Date('2026-01-01T00:00:00.124Z') }],
    [{ isActive: false }],
    [{ isSuspended: true }],
  ])('sees %j', (changes) => {
    expect(touchesGuarded(present, changes)).toBe(true);
  });
});

describe('requireOwnOrAdmin', () => {
  it("refuses another's account to anyone but an admin", () => {
    expect(() => {
      requireOwnOrAdmin(viewer, 'eve');
    }).toThrow(Forbidden);
    expect(() => {
      requireOwnOrAdmin(viewer, 'ada');
    }).not.toThrow();
    expect(() => {
      requireOwnOrAdmin({ ...viewer, isAdmin: true }, 'eve');
    }).not.toThrow();
  });
});
