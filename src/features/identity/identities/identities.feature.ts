import type { NodeFinder } from '../../../graphql/node.resolver.js';
import type { Clock } from '../../../kernel/clock.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { IdentityProvider } from '../../../ports/identity-provider.js';
import type { CreateRateLimiter, RateLimit } from '../../../ports/rate-limiter.js';
import type { AccountOwnership } from '../accounts/account-ownership.js';
import type { AccountNotices } from '../accounts/account-notices.js';
import type { UserDirectory } from '../accounts/user-directory.js';
import type { LoginService } from '../login/login.service.js';
import type { FreshProof } from '../sessions/fresh-proof.js';
import { IdentitiesRepository } from './identities.repository.js';
import { IdentitiesResolver } from './identities.resolver.js';
import { IdentitiesService } from './identities.service.js';
import { ProviderLoginsRepository } from './provider-logins.repository.js';
import { ProviderLoginsResolver } from './provider-logins.resolver.js';
import { ProviderLoginsService } from './provider-logins.service.js';

interface IdentitiesFeatureNeeds {
  readonly database: Database;
  readonly loginProviders: readonly IdentityProvider[];
  /** Addresses of clients to which a login may return, in the form of `URL.href`. */
  readonly returnUrls: readonly string[];
  /** The address to which a provider sends users back. */
  readonly callbackUrl: (provider: string) => string;
  readonly directory: UserDirectory;
  readonly ownership: AccountOwnership;
  readonly login: LoginService;
  readonly freshProof: FreshProof;
  readonly notices: AccountNotices;
  readonly createDurableLimiter: CreateRateLimiter;
  readonly rateLimits: { readonly providerLogin: RateLimit };
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** Login at a provider (OpenID Connect), and the links between accounts and providers. */
export function identitiesFeature(needs: IdentitiesFeatureNeeds) {
  const { database, loginProviders, createDurableLimiter, rateLimits } = needs;
  const service = new IdentitiesService({ ...needs, repository: new IdentitiesRepository(database) });
  const logins = new ProviderLoginsService({
    ...needs,
    providers: loginProviders,
    repository: new ProviderLoginsRepository(database),
    identities: service,
    limiter: createDurableLimiter({ name: 'provider-login', ...rateLimits.providerLogin }, 'Too many requests'),
  });
  return {
    service,
    resolvers: [new IdentitiesResolver({ service, logins }), new ProviderLoginsResolver(logins)],
    nodes: [{ typeName: 'Identity', find: (viewer, id) => service.findVisible(viewer, id) }] satisfies NodeFinder[],
  };
}
