import { describe, expect, it } from '@jest/globals';
import type { Viewer } from '../../../kernel/viewer.js';
import { eventsOfChange } from './account-events.js';
import type { UserRow } from './user.js';

const before: UserRow = {
  id: 'ada',
  email: 'ada@example.org',
  phoneNumber: null,
  provider: 'email',
  providerId: null,
  isVerified: false,
  verifiedAt: null,
  mailboxProvenAt: null,
  profile: { colour: 'red' },
  isActive: true,
  isSuspended: false,
  isAdmin: false,
  plan: 'free',
  lastLogin: null,
  createdAt: new Date(0),
  updatedAt: new Date(0),
};
const client = { ipAddress: '192.0.2.7', userAgent: 'a test' };
const self: Viewer = { userId: 'ada', isAdmin: false, plan: 'free', sessionId: 's', isInternal: false, client };
const admin: Viewer = { ...self, userId: 'eve', isAdmin: true };

describe('the audit events of a change', () => {
  const change = (viewer: Viewer, changes: Partial<UserRow>, hasNewPassword = false) =>
    eventsOfChange(viewer, before, { ...before, profile: { ...before.profile }, ...changes }, hasNewPassword);

  it('say who did it, to whom and from where', () => {
    expect(change(admin, { isSuspended: true })).toEqual([
      { action: 'USER_SUSPENDED', actorId: 'eve', subjectId: 'ada', client, details: {} },
    ]);
  });

  it('are none for a change that changes nothing', () => {
    expect(change(admin, {})).toEqual([]);
    expect(change(admin, { updatedAt: new Date(1), verifiedAt: null })).toEqual([]);
  });

  it.each([
    [{ isAdmin: true }, 'ADMIN_GRANTED', {}],
    [{ plan: 'pro' }, 'PLAN_CHANGED', { from: 'free', to: 'pro' }],
    [{ isActive: false }, 'USER_UPDATED', { fields: ['isActive'], isActive: false }],
    [
      { isVerified: true, verifiedAt: new Date(1) },
      'USER_UPDATED',
      { fields: ['isVerified', 'verifiedAt'], isVerified: true },
    ],
    [{ email: 'eve@example.org', profile: {} }, 'USER_UPDATED', { fields: ['email', 'profile'] }],
  ])('of %j are one %s', (changes, action, details) => {
    expect(change(admin, changes)).toMatchObject([{ action, details }]);
  });

  it('are one for each kind of what changed at once, without what was written', () => {
    const events = change(admin, { isAdmin: true, isSuspended: true, plan: 'pro', phoneNumber: '+44 20' }, true);
    expect(events.map(({ action }) => action)).toEqual([
      'ADMIN_GRANTED',
      'USER_SUSPENDED',
      'PLAN_CHANGED',
      'PASSWORD_CHANGED',
      'USER_UPDATED',
    ]);
    expect(JSON.stringify(events)).not.toContain('+44');
  });

  it('of a user by themselves are those that an account could be stolen with', () => {
    expect(change(self, { profile: {}, provider: 'web', providerId: '1' })).toEqual([]);
    expect(change(self, { email: null, profile: {} }, true)).toMatchObject([
      { action: 'PASSWORD_CHANGED', actorId: 'ada' },
      { action: 'USER_UPDATED', actorId: 'ada', details: { fields: ['email'] } },
    ]);
  });

  it('undo what was done before under names of their own', () => {
    const [admitted, suspended] = [
      { ...before, isAdmin: true },
      { ...before, isSuspended: true },
    ];
    expect(eventsOfChange(admin, admitted, before, false)).toMatchObject([{ action: 'ADMIN_REVOKED' }]);
    expect(eventsOfChange(admin, suspended, before, false)).toMatchObject([{ action: 'USER_REINSTATED' }]);
  });
});
