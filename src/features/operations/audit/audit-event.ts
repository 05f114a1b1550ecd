import type { AuditAction } from '../../../ports/audit-log.js';

/** An event as it is stored. */
export interface AuditEventRow {
  readonly id: string;
  readonly action: AuditAction;
  readonly actorId: string | null;
  readonly subjectId: string | null;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly details: Readonly<Record<string, unknown>>;
  /** The time in the id. */
  readonly createdAt: Date;
}

/** Which events; a part that is null or left out fits all. */
export interface AuditFilter {
  readonly action?: AuditAction | null;
  readonly actorId?: string | null;
  readonly subjectId?: string | null;
  /** The earliest time, included. */
  readonly since?: Date | null;
  /** The latest time, excluded. */
  readonly until?: Date | null;
}
