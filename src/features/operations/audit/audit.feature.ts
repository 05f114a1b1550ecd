import type { Clock } from '../../../kernel/clock.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { NodeFinder } from '../../../graphql/node.resolver.js';
import type { UserDirectory } from '../../identity/accounts/user-directory.js';
import { StoredAuditLog } from './audit-log.js';
import { AuditRepository } from './audit.repository.js';
import { AuditResolver } from './audit.resolver.js';
import { AuditService } from './audit.service.js';
import { InternalCalls } from './internal-calls.js';

/** The audit log that every other feature writes to. */
export function storedAuditLog(database: Database): AuditLog {
  return new StoredAuditLog(new AuditRepository(database));
}

interface AuditFeatureNeeds {
  readonly database: Database;
  readonly audit: AuditLog;
  readonly directory: Pick<UserDirectory, 'loadMany'>;
  readonly clock: Clock;
}

/** Reading the audit log, and recording what trusted internal callers do as users. */
export function auditFeature({ database, audit, directory, clock }: AuditFeatureNeeds) {
  const service = new AuditService(new AuditRepository(database));
  return {
    internalCalls: new InternalCalls(audit, clock),
    resolvers: [new AuditResolver({ service, directory })],
    nodes: [{ typeName: 'AuditEvent', find: (viewer, id) => service.findVisible(viewer, id) }] satisfies NodeFinder[],
  };
}
