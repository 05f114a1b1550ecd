import type { NodeFinder } from '../../../graphql/node.resolver.js';
import type { Clock } from '../../../kernel/clock.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { CreateRateLimiter, RateLimit } from '../../../ports/rate-limiter.js';
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
  /** The domain that passkeys are for, and those below it. */
  readonly rpId: string;
  /** Origins of the pages that may ask for a passkey; asked at each use, since the service's own is known once it listens. */
  readonly origins: () => readonly string[];
  readonly accounts: AccountsService;
  readonly directory: UserDirectory;
  readonly login: LoginService;
  readonly secondFactor: SecondFactorService;
  readonly createDurableLimiter: CreateRateLimiter;
  readonly rateLimits: { readonly loginClient: RateLimit };
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** Logging in with what an authenticator holds (WebAuthn). */
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
