import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { testDatabases } from '../../../../test/support/database.js';
import { newId, timeOfId } from '../../../kernel/ids.js';
import { AUDIT_ACTIONS, type AuditEvent } from '../../../ports/audit-log.js';
import { StoredAuditLog } from './audit-log.js';
import { AuditRepository } from './audit.repository.js';

interface StoredEvent {
  readonly id: string;
  readonly createdAt: Date;
}

describe.each(testDatabases())('the audit log ($name)', (kind) => {
  let database: Awaited<ReturnType<typeof kind.open>>;
  let log: StoredAuditLog;
  beforeAll(async () => {
    database = await kind.open();
    log = new StoredAuditLog(new AuditRepository(database));
  });
  afterAll(() => database.drop());

  const someEvent = (): AuditEvent => ({ action: 'USER_DELETED', actorId: newId(), subjectId: newId() });

  async function eventsOf(actorId: string | null): Promise<StoredEvent[]> {
    const { rows } = await database.query<StoredEvent>(
      `SELECT id, action, actor_id AS "actorId", subject_id AS "subjectId", ip_address AS "ipAddress",
         user_agent AS "userAgent", details, created_at AS "createdAt"
       FROM audit_events WHERE actor_id = $1`,
      [actorId],
    );
    return rows;
  }

  it('keeps who did what to whom, from where and when', async () => {
    const event = { ...someEvent(), action: 'PLAN_CHANGED' as const, details: { from: 'free', to: 'pro' } };
    const before = Date.now();
    await log.record({ ...event, client: { ipAddress: '192.0.2.7', userAgent: 'x'.repeat(600) } });
    const after = Date.now();
    const [stored, ...others] = await eventsOf(event.actorId);
    expect(others).toEqual([]);
    expect(stored).toMatchObject({ ...event, ipAddress: '192.0.2.7', userAgent: 'x'.repeat(512) });
    expect(stored?.createdAt).toEqual(timeOfId(stored?.id ?? ''));
    const at = stored?.createdAt.getTime();
    expect(at).toBeGreaterThanOrEqual(before);
    // Ids made within one millisecond may run ahead of the clock, to stay in order.
    expect(at).toBeLessThanOrEqual(after + 1);
  });

  it('takes every action that the code knows', async () => {
    const actorId = newId();
    for (const action of AUDIT_ACTIONS) await log.record({ action, actorId, subjectId: null });
    expect(await eventsOf(actorId)).toMatchObject(
      AUDIT_ACTIONS.map((action) => ({ action, subjectId: null, ipAddress: null, userAgent: null, details: {} })),
    );
  });

  it('has an event exactly when the transaction of its act is committed', async () => {
    const [kept, undone] = [someEvent(), someEvent()];
    await database.transaction((sql) => log.record(kept, sql));
    const failing = database.transaction(async (sql) => {
      await log.record(undone, sql);
      throw new Error('the act fails');
    });
    await expect(failing).rejects.toThrow('the act fails');
    expect(await eventsOf(kept.actorId)).toHaveLength(1);
    expect(await eventsOf(undone.actorId)).toEqual([]);
  });

  it('lets the owner of the table remove what is old, and nothing after that', async () => {
    const [old, kept] = [someEvent(), someEvent()];
    await log.record(old);
    await database.transaction(async (sql) => {
      await sql.query('ALTER TABLE audit_events DISABLE TRIGGER audit_events_append_only');
      await sql.query('DELETE FROM audit_events WHERE actor_id = $1', [old.actorId]);
      await sql.query('ALTER TABLE audit_events ENABLE TRIGGER audit_events_append_only');
    });
    await log.record(kept);
    const removal = database.query('DELETE FROM audit_events WHERE actor_id = $1', [kept.actorId]);
    await expect(removal).rejects.toThrow('audit_events is append-only');
    expect([await eventsOf(old.actorId), await eventsOf(kept.actorId)]).toMatchObject([[], [kept]]);
  });

  it.each([
    'UPDATE audit_events SET actor_id = NULL',
    'UPDATE audit_events SET actor_id = NULL WHERE false',
    'DELETE FROM audit_events',
    'DELETE FROM audit_events WHERE false',
    'TRUNCATE audit_events',
    'TRUNCATE audit_events CASCADE',
  ])('refuses %s', async (statement) => {
    const event = someEvent();
    await log.record(event);
    await expect(database.query(statement)).rejects.toThrow('audit_events is append-only');
    expect(await eventsOf(event.actorId)).toMatchObject([event]);
  });
});
