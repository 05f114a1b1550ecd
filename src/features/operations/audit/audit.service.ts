import { Invalid } from '../../../kernel/errors.js';
import { connectionOf, pageRequest, type Connection, type PageArguments } from '../../../kernel/page.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AuditEventRow, AuditFilter } from './audit-event.js';
import { maySeeAudit, requireAuditor } from './audit.policy.js';
import type { AuditRepository } from './audit.repository.js';

/** Reads the audit log. */
export class AuditService {
  constructor(private readonly repository: Pick<AuditRepository, 'page' | 'count' | 'find'>) {}

  /**
   * Events that match every condition of the filter, newest first; for admins.
   * @throws Forbidden; Invalid
   */
  async list(viewer: Viewer, filter: AuditFilter, page: PageArguments): Promise<Connection<AuditEventRow>> {
    requireAuditor(viewer);
    const { since, until } = filter;
    if (since != null && until != null && since > until) {
      throw new Invalid([{ field: 'since', message: 'must not be after until' }]);
    }
    const found = await this.repository.page(filter, pageRequest(page));
    return connectionOf(found, () => this.repository.count(filter));
  }

  /** For the `node` field: null unless the viewer is an admin. */
  async findVisible(viewer: Viewer, id: string): Promise<AuditEventRow | null> {
    return maySeeAudit(viewer) ? this.repository.find(id) : null;
  }
}
