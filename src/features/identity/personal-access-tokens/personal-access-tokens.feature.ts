import type { NodeFinder } from '../../../graphql/node.resolver.js';
import type { Clock } from '../../../kernel/clock.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { AccountNotices, SecondFactorProof } from '../accounts/account-notices.js';
import type { AccountOwnership } from '../accounts/account-ownership.js';
import type { AdminAccountsService } from '../accounts/admin-accounts.service.js';
import type { FreshProof } from '../sessions/fresh-proof.js';
import type { SessionsService } from '../sessions/sessions.service.js';
import { PersonalTokensRepository } from './personal-tokens.repository.js';
import { PersonalAccessTokensResolver } from './personal-access-tokens.resolver.js';
import { PersonalAccessTokensService } from './personal-access-tokens.service.js';

interface PersonalAccessTokensFeatureNeeds {
  readonly database: Database;
  readonly freshProof: FreshProof;
  readonly secondFactorProof: SecondFactorProof;
  readonly ownership: AccountOwnership;
  readonly admins: AdminAccountsService;
  readonly sessions: SessionsService;
  readonly notices: AccountNotices;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** Personal access tokens, as users and admins manage them. Whose a token is, sessions ask `personalTokens`. */
export function personalAccessTokensFeature(needs: PersonalAccessTokensFeatureNeeds) {
  const repository = new PersonalTokensRepository(needs.database);
  const service = new PersonalAccessTokensService({ ...needs, repository });
  return {
    service,
    resolvers: [new PersonalAccessTokensResolver(service)],
    nodes: [
      { typeName: 'PersonalAccessToken', find: (viewer, id) => service.findVisible(viewer, id) },
    ] satisfies NodeFinder[],
  };
}
