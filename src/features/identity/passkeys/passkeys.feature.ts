import type { NodeFinder } from '../../../graphql/node.resolver.js';
import type { Clock } from '../../../kernel/clock.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { CreateRateLimiter, RateLimit } from '../../../ports/rate-limiter.js';
import type { AccountNotices } from '../accounts/account-notices.js';
import type { AccountOwnership } from '../accounts/account-ownership.js';
import type { AccountsService } from '../accounts/accounts.service.js';
import type { UserDirectory } from '../accounts/user-directory.js';
import type { LoginService } from '../login/login.service.js';
import type { SecondFactorService } from '../second-factor/second-factor.service.js';
import { PasskeysRepository } from './passkeys.repository.js';
import { PasskeysResolver } from './passkeys.resolver.js';
import { PasskeysService } from './passkeys.service.js';
import { RelyingParty } from './relying-party.js';

interface PasskeysFeatureNeeds {
  readonly database: Database;
  /** The domain for which passkeys are valid, including its subdomains. */
  readonly rpId: string;
  /** Origins of the pages that may use passkeys. A function, since the service knows its own only once it listens. */
  readonly origins: () => readonly string[];
  readonly accounts: AccountsService;
  readonly directory: UserDirectory;
  readonly ownership: AccountOwnership;
  readonly notices: AccountNotices;
  readonly login: LoginService;
  readonly secondFactor: SecondFactorService;
  readonly createDurableLimiter: CreateRateLimiter;
  readonly rateLimits: { readonly loginClient: RateLimit };
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** Login with a passkey (WebAuthn). */
export function passkeysFeature({
  rpId,
  origins,
  login,
  createDurableLimiter,
  rateLimits,
  ...needs
}: PasskeysFeatureNeeds) {
  const service = new PasskeysService({
    ...needs,
    repository: new PasskeysRepository(needs.database),
    relyingParty: new RelyingParty(rpId, origins),
    logins: login,
    limiter: createDurableLimiter({ name: 'passkey-login', ...rateLimits.loginClient }, 'Too many login attempts'),
  });
  return {
    service,
    resolvers: [new PasskeysResolver(service)],
    nodes: [{ typeName: 'Passkey', find: (viewer, id) => service.findVisible(viewer, id) }] satisfies NodeFinder[],
  };
}
