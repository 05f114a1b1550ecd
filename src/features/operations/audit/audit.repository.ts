import { firstIdAt, newId, timeOfId } from '../../../kernel/ids.js';
import { pageOf, type Page, type PageRequest } from '../../../kernel/page.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { AuditEvent } from '../../../ports/audit-log.js';
import type { AuditEventRow, AuditFilter } from './audit-event.js';

const COLUMNS = `id, action, actor_id AS "actorId", subject_id AS "subjectId", ip_address AS "ipAddress",
  user_agent AS "userAgent", details, created_at AS "createdAt"`;
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

  async find(id: string): Promise<AuditEventRow | null> {
    const { rows } = await this.database.query<AuditEventRow>(
      `SELECT ${COLUMNS} FROM audit_events WHERE id = $1`,
      [id],
      'audit_find',
    );
    return rows[0] ?? null;
  }

  /** Newest first. */
  async page(filter: AuditFilter, request: PageRequest): Promise<Page<AuditEventRow>> {
    const condition = conditionOf({ ...filter, before: request.after });
    const [size, offset] = [condition.values.length + 1, condition.values.length + 2];
    const { rows } = await this.database.query<AuditEventRow>(
      `SELECT ${COLUMNS} FROM audit_events ${condition.where} ORDER BY id DESC LIMIT $${size} OFFSET $${offset}`,
      [...condition.values, request.size + 1, request.offset],
    );
    return pageOf(request, rows);
  }

  async count(filter: AuditFilter): Promise<number> {
    const { where, values } = conditionOf(filter);
    const { rows } = await this.database.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM audit_events ${where}`,
      values,
    );
    return rows[0]?.count ?? 0;
  }
}

/**
 * Only the parts that are given, since a condition that may be null keeps the planner from the index of the one that is not.
 * Periods are ranges of ids, by which each index goes on.
 */
function conditionOf({ action, actorId, subjectId, since, until, before }: AuditFilter & { before?: string | null }) {
  const parts: readonly (readonly [string, string | undefined | null])[] = [
    ['action = ?::"AuditAction"', action],
    ['actor_id = ?::uuid', actorId],
    ['subject_id = ?::uuid', subjectId],
    ['id >= ?::uuid', since && firstIdAt(since)],
    ['id < ?::uuid', until && firstIdAt(until)],
    ['id < ?::uuid', before],
  ];
  const given = parts.filter(([, value]) => value != null);
  const conditions = given.map(([text], index) => text.replace('?', `$${index + 1}`));
  return {
    where: conditions.length === 0 ? '' : `WHERE ${conditions.join(' AND ')}`,
    values: given.map(([, value]) => value),
  };
}
