import type { Sql } from '../../../ports/database.js';
import type { AuditEvent } from './audit-event.js';
import type { AuditRepository } from './audit.repository.js';

/** Where services record what admins may have to look into later. Nothing in it is ever changed or removed. */
export class AuditLog {
  constructor(private readonly repository: Pick<AuditRepository, 'insert'>) {}

  /**
   * Adds an event.
   * @param sql the transaction of what is recorded, so that there is neither an act without its event nor an event without
   * its act; inside a transaction it must be given
   */
  record(event: AuditEvent, sql?: Sql): Promise<void> {
    return this.repository.insert(event, sql);
  }
}
