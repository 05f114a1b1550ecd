import type { NodeFinder } from '../../../graphql/node.resolver.js';
import type { Clock } from '../../../kernel/clock.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { AccountSessions } from './account-sessions.js';
import { AccountsRepository } from './accounts.repository.js';
import { AccountsResolver } from './accounts.resolver.js';
import { AccountsService, type AccountPlans } from './accounts.service.js';
import { AdminResolver } from './admin.resolver.js';
import { PasswordHasher } from './password-hasher.js';

interface AccountsFeatureNeeds {
  readonly database: Database;
  readonly plans: AccountPlans;
  readonly sessions: AccountSessions;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** Users: signing up, one's own account, and the admins' view of everyone's. */
export function accountsFeature({ database, ...needs }: AccountsFeatureNeeds) {
  const passwords = new PasswordHasher();
  const service = new AccountsService({ ...needs, users: new AccountsRepository(database), passwords });
  return {
    service,
    passwords,
    resolvers: [new AccountsResolver(service), new AdminResolver(service)],
    nodes: [{ typeName: 'User', find: (viewer, id) => service.findVisible(viewer, id) }] satisfies NodeFinder[],
  };
}
