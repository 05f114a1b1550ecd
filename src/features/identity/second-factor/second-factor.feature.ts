import type { Clock } from '../../../kernel/clock.js';
import type { Log } from '../../../kernel/log.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { CreateRateLimiter, RateLimit } from '../../../ports/rate-limiter.js';
import type { AccountOwnership } from '../accounts/account-ownership.js';
import type { AccountNotices, SecondFactorProof } from '../accounts/account-notices.js';
import type { AccountsService } from '../accounts/accounts.service.js';
import type { AdminAccountsService } from '../accounts/admin-accounts.service.js';
import type { UserDirectory } from '../accounts/user-directory.js';
import type { PasswordHasher } from '../accounts/password-hasher.js';
import { FreshProof } from '../sessions/fresh-proof.js';
import type { SessionsService } from '../sessions/sessions.service.js';
import { CodeProof } from './code-proof.js';
import { LoginChallenges } from './login-challenges.js';
import { LoginChallengesRepository } from './login-challenges.repository.js';
import { SecretBox } from '../../../kernel/secret-box.js';
import { SecondFactorCodes } from './second-factor-codes.js';
import { SecondFactorRepository } from './second-factor.repository.js';
import { SecondFactorResolver } from './second-factor.resolver.js';
import { SecondFactorService } from './second-factor.service.js';

interface SecondFactorCodesNeeds {
  readonly database: Database;
  /** Keys that encrypt the secrets of authenticator apps: the first encrypts, all decrypt. */
  readonly secrets: readonly string[];
  readonly createDurableLimiter: CreateRateLimiter;
  readonly rateLimits: { readonly login: RateLimit };
  readonly audit: AuditLog;
  readonly clock: Clock;
}

export type SecondFactorParts = ReturnType<typeof secondFactorParts>;

/** The part of the second factor that stands below accounts: whether a code of a user's is good. */
export function secondFactorParts({ secrets, createDurableLimiter, rateLimits, ...needs }: SecondFactorCodesNeeds) {
  const repository = new SecondFactorRepository(needs.database);
  const box = new SecretBox(secrets, 'second factors');
  const codes = new SecondFactorCodes({ ...needs, repository, box });
  const limiter = createDurableLimiter({ name: 'password-proof', ...rateLimits.login }, 'Too many login attempts');
  const proof: SecondFactorProof = new CodeProof({ repository, codes, limiter });
  return { repository, box, codes, limiter, proof };
}

interface SecondFactorFeatureNeeds {
  readonly database: Database;
  readonly parts: SecondFactorParts;
  readonly accounts: AccountsService;
  readonly admins: AdminAccountsService;
  readonly ownership: AccountOwnership;
  readonly directory: UserDirectory;
  readonly passwords: PasswordHasher;
  readonly sessions: SessionsService;
  readonly notices: AccountNotices;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly log: Log;
}

/** The second factor, and the proof of identity that sensitive changes require again. */
export function secondFactorFeature({ parts, ...needs }: SecondFactorFeatureNeeds) {
  const { repository, codes, limiter } = parts;
  const freshProof = new FreshProof({ ...needs, limiter });
  const service = new SecondFactorService({ ...needs, ...parts, freshProof });
  return {
    service,
    freshProof,
    challenges: new LoginChallenges({
      ...needs,
      repository: new LoginChallengesRepository(needs.database),
      factors: repository,
      codes,
    }),
    resolvers: [new SecondFactorResolver(service)],
  };
}
