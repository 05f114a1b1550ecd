import type { AuditLog } from '../../../ports/audit-log.js';
import type { CreateRateLimiter, RateLimit } from '../../../ports/rate-limiter.js';
import type { AccountOwnership } from '../accounts/account-ownership.js';
import type { AccountNotices } from '../accounts/account-notices.js';
import type { UserDirectory } from '../accounts/user-directory.js';
import type { PasswordHasher } from '../accounts/password-hasher.js';
import type { LoginChallenges } from '../second-factor/login-challenges.js';
import type { SessionsService } from '../sessions/sessions.service.js';
import { LoginResolver } from './login.resolver.js';
import { LoginService } from './login.service.js';

interface LoginFeatureNeeds {
  readonly directory: UserDirectory;
  readonly ownership: AccountOwnership;
  readonly passwords: PasswordHasher;
  readonly sessions: SessionsService;
  readonly challenges: LoginChallenges;
  readonly notices: AccountNotices;
  readonly createDurableLimiter: CreateRateLimiter;
  /** Limits on attempts, per e-mail address and per client. */
  readonly rateLimits: { readonly login: RateLimit; readonly loginClient: RateLimit };
  readonly audit: AuditLog;
}

/** Login with a password, and the last step of every other kind of login. */
export function loginFeature({ createDurableLimiter, rateLimits, ...needs }: LoginFeatureNeeds) {
  const limiters = {
    address: createDurableLimiter({ name: 'login', ...rateLimits.login }, 'Too many login attempts'),
    client: createDurableLimiter({ name: 'login-client', ...rateLimits.loginClient }, 'Too many login attempts'),
  };
  const service = new LoginService({ ...needs, limiters });
  return { service, resolvers: [new LoginResolver(service)] };
}
