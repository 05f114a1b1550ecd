import { newId, timeOfId } from '../../kernel/ids.js';
import type { Database, Sql } from '../../ports/database.js';
import type { AuditEvent } from './audit-event.js';

const MOST_USER_AGENT_LENGTH = 512;

export class AuditRepository {
  constructor(private readonly database: Database) {}

  async insert({ action, actorId, subjectId, client, details }: AuditEvent, sql: Sql = this.database): Promise<void> {
    const id = newId();
    await sql.query(
      `INSERT INTO audit_events (id, action, actor_id, subject_id, ip_address, user_agent, details, created_at)
       VALUES ($1, $2::"AuditAction", $3, $4, $5, $6, $7::jsonb, $8)`,
      [
        id,
        action,
        actorId,
        subjectId,
        client?.ipAddress ?? null,
        client?.userAgent?.slice(0, MOST_USER_AGENT_LENGTH) ?? null,
        JSON.stringify(details ?? {}),
        timeOfId(id),
      ],
      'audit_insert',
    );
  }
}
