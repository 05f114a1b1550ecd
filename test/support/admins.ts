import { signUp, type Actor } from './actor.js';
import type { TestApp } from './app.js';

/** A user who is logged in. */
export type Someone = Actor & { readonly userId: string };

/** A new admin who is logged in. */
export async function newAdmin(app: Pick<TestApp, 'database' | 'url'>): Promise<Someone> {
  const user = await signUp(app);
  await app.database.query('UPDATE users SET is_admin = true WHERE id = $1', [user.userId]);
  return user;
}

export interface AuditLine {
  readonly action: string;
  readonly actorId: string | null;
  readonly subjectId: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

/** What the audit log has of an action, newest first; 100 at most. */
export async function auditOf(admin: Actor, action: string): Promise<readonly AuditLine[]> {
  const { auditEvents } = await admin.ask<{ auditEvents: { nodes: readonly AuditLine[] } }>(
    'query ($action: AuditAction) { auditEvents(action: $action, first: 100) { nodes { action actorId subjectId details } } }',
    { action },
  );
  return auditEvents.nodes;
}
