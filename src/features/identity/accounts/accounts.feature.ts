import type { NodeFinder } from '../../../graphql/node.resolver.js';
import type { Clock } from '../../../kernel/clock.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { ClearForOwner } from './account-handover.js';
import type { SignUps } from './sign-ups.js';
import type { AccountNotices, SecondFactorProof } from './account-notices.js';
import type { AccountSessions } from './account-sessions.js';
import { AccountsRepository } from './accounts.repository.js';
import { AccountsResolver } from './accounts.resolver.js';
import { AccountsService, type AccountPlans } from './accounts.service.js';
import { AccountOwnership } from './account-ownership.js';
import { AdminAccountsService } from './admin-accounts.service.js';
import { AdminResolver } from './admin.resolver.js';
import { UserDirectory } from './user-directory.js';
import { PasswordHasher } from './password-hasher.js';

interface AccountsFeatureNeeds {
  readonly database: Database;
  readonly plans: AccountPlans;
  readonly sessions: AccountSessions;
  readonly signUps: SignUps;
  /** What hands an account over to whoever reads its mailbox. */
  readonly handover: readonly ClearForOwner[];
  readonly notices: AccountNotices;
  readonly secondFactorProof: SecondFactorProof;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** Users: signing up, their own accounts, and the admins' view of all accounts. */
export function accountsFeature({ database, ...needs }: AccountsFeatureNeeds) {
  const passwords = new PasswordHasher();
  const shared = { ...needs, passwords, users: new AccountsRepository(database) };
  const service = new AccountsService(shared);
  const admins = new AdminAccountsService({ ...shared, accounts: service });
  return {
    service,
    admins,
    directory: new UserDirectory(shared.users),
    ownership: new AccountOwnership(shared),
    passwords,
    resolvers: [new AccountsResolver({ accounts: service, admins }), new AdminResolver(admins)],
    nodes: [{ typeName: 'User', find: (viewer, id) => service.findVisible(viewer, id) }] satisfies NodeFinder[],
  };
}
