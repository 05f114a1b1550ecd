import type { AuditAction } from '../../../ports/audit-log.js';

/** A stored event. */
export interface AuditEventRow {
  readonly id: string;
  readonly action: AuditAction;
  readonly actorId: string | null;
  readonly subjectId: string | null;
  readonly ipAddress: string | null;
  readonly userAgent: string | null;
  readonly details: Readonly<Record<string, unknown>>;
  /** The time that is part of the id. */
  readonly createdAt: Date;
}

/** Filters events; a condition that is null or omitted matches every event. */
export interface AuditFilter {
  readonly action?: AuditAction | null;
  readonly actorId?: string | null;
  readonly subjectId?: string | null;
  /** Start of the period, inclusive. */
  readonly since?: Date | null;
  /** End of the period, exclusive. */
  readonly until?: Date | null;
}
