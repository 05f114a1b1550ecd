import type { AuditEvent, AuditLog } from '../../../ports/audit-log.js';
import type { Sql } from '../../../ports/database.js';
import type { AuditRepository } from './audit.repository.js';

/** Stores the audit log in the database. */
export class StoredAuditLog implements AuditLog {
  constructor(private readonly repository: Pick<AuditRepository, 'insert'>) {}

  record(event: AuditEvent, sql?: Sql): Promise<void> {
    return this.repository.insert(event, sql);
  }
}
