import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AuditEvent } from '../../../ports/audit-log.js';
import { InternalCalls } from './internal-calls.js';

const client = { ipAddress: '10.1.2.3', userAgent: 'a gateway' };
const viewer: Viewer = { userId: 'ada', isAdmin: false, plan: 'free', sessionId: null, isInternal: true, client };
const change = { operation: 'updateMe', isRead: false };
const read = { operation: 'me', isRead: true };

describe('internal calls', () => {
  let recorded: AuditEvent[];
  let failure: Error | undefined;
  let time: number;
  let calls: InternalCalls;
  beforeEach(() => {
    recorded = [];
    failure = undefined;
    time = 1_000_000;
    const record = async (event: AuditEvent) => {
      await Promise.resolve();
      if (failure !== undefined) throw failure;
      recorded.push(event);
    };
    calls = new InternalCalls({ record }, { now: () => new Date(time) });
  });

  it('that change something are recorded each, by nobody and as the user', async () => {
    await calls.note(viewer, change);
    await calls.note(viewer, change);
    const event = { action: 'ACTED_AS_USER', actorId: null, subjectId: 'ada', client };
    expect(recorded).toEqual([
      { ...event, details: { operation: 'updateMe' } },
      { ...event, details: { operation: 'updateMe' } },
    ]);
  });

  it('that read are recorded once a minute, also when they come at once', async () => {
    await Promise.all(Array.from({ length: 10 }, () => calls.note(viewer, read)));
    time += 59_999;
    await calls.note(viewer, read);
    expect(recorded).toHaveLength(1);
    time += 2;
    await calls.note(viewer, read);
    expect(recorded).toHaveLength(2);
  });

  it.each([
    ['another user', { ...viewer, userId: 'eve' }, read],
    ['another operation', viewer, { operation: 'sessions', isRead: true }],
    ['another address', { ...viewer, client: { ...client, ipAddress: '10.1.2.4' } }, read],
  ])('that read as %s are another event', async (_name, other, call) => {
    await calls.note(viewer, read);
    await calls.note(other, call);
    expect(recorded).toHaveLength(2);
  });

  it('are refused when they cannot be recorded, and recorded when they can be again', async () => {
    failure = new Error('no connection');
    await expect(calls.note(viewer, read)).rejects.toThrow('no connection');
    await expect(calls.note(viewer, change)).rejects.toThrow('no connection');
    failure = undefined;
    await calls.note(viewer, read);
    expect(recorded).toHaveLength(1);
  });

  it('forget the reads that were first of too many', async () => {
    await calls.note(viewer, read);
    for (let number = 0; number < 10_000; number++) await calls.note({ ...viewer, userId: `user-${number}` }, read);
    recorded.length = 0;
    await calls.note({ ...viewer, userId: 'user-9999' }, read);
    expect(recorded).toEqual([]);
    await calls.note(viewer, read);
    expect(recorded).toHaveLength(1);
  });

  it('are nothing of a user who calls for themselves', async () => {
    await calls.note({ ...viewer, isInternal: false, sessionId: 's' }, change);
    expect(recorded).toEqual([]);
  });
});
