import type { Adapters } from './app-adapters.js';
import type { Config } from './config.js';
import type { AccountsService } from './features/identity/accounts/accounts.service.js';
import type { AuditLog } from './features/operations/audit/audit-log.js';
import { IdentitiesRepository } from './features/identity/identities/identities.repository.js';
import { IdentitiesService } from './features/identity/identities/identities.service.js';
import { ProviderLoginsRepository } from './features/identity/identities/provider-logins.repository.js';
import { ProviderLoginsService } from './features/identity/identities/provider-logins.service.js';
import type { FreshProof } from './features/identity/sessions/fresh-proof.js';
import type { LoginService } from './features/identity/sessions/login.service.js';
import { createRateLimiter } from './graphql/rate-limit.js';
import { systemClock } from './kernel/clock.js';

interface IdentitiesOptions {
  readonly config: Config;
  readonly adapters: Adapters;
  readonly accounts: AccountsService;
  readonly login: LoginService;
  readonly freshProof: FreshProof;
  readonly audit: AuditLog;
  readonly callbackUrl: (provider: string) => string;
}

/** Makes the services of logins at providers. */
export function createIdentities(options: IdentitiesOptions) {
  const { config, adapters, accounts, login, freshProof, audit, callbackUrl } = options;
  const { database, durableRateLimits, loginProviders } = adapters;
  const clock = systemClock;
  const repository = new IdentitiesRepository(database);
  const identities = new IdentitiesService({ database, repository, accounts, audit, clock });
  const rule = { name: 'provider-login', ...config.rateLimits.providerLogin };
  const providerLogins = new ProviderLoginsService({
    providers: loginProviders,
    repository: new ProviderLoginsRepository(database),
    identities,
    accounts,
    login,
    freshProof,
    audit,
    limiter: createRateLimiter(durableRateLimits, rule, 'Too many requests'),
    returnUrls: config.loginProviders.returnUrls,
    callbackUrl,
    clock,
  });
  return { identities, providerLogins };
}
