import type { Adapters } from './app-adapters.js';
import type { Config } from './config.js';
import type { AccountsService } from './features/identity/accounts/accounts.service.js';
import type { PasswordHasher } from './features/identity/accounts/password-hasher.js';
import type { AuditLog } from './features/operations/audit/audit-log.js';
import { PasskeysRepository } from './features/identity/passkeys/passkeys.repository.js';
import { PasskeysService } from './features/identity/passkeys/passkeys.service.js';
import { RelyingParty } from './features/identity/passkeys/relying-party.js';
import { LoginChallenges } from './features/identity/second-factor/login-challenges.js';
import { LoginChallengesRepository } from './features/identity/second-factor/login-challenges.repository.js';
import { SecretBox } from './features/identity/second-factor/secret-box.js';
import { SecondFactorCodes } from './features/identity/second-factor/second-factor-codes.js';
import { SecondFactorRepository } from './features/identity/second-factor/second-factor.repository.js';
import { SecondFactorService } from './features/identity/second-factor/second-factor.service.js';
import { FreshProof } from './features/identity/sessions/fresh-proof.js';
import type { LoginService } from './features/identity/sessions/login.service.js';
import type { SessionsService } from './features/identity/sessions/sessions.service.js';
import { createRateLimiter } from './graphql/rate-limit.js';
import { systemClock } from './kernel/clock.js';
import type { Log } from './kernel/log.js';

interface CommonOptions {
  readonly config: Config;
  readonly adapters: Adapters;
  readonly accounts: AccountsService;
  readonly audit: AuditLog;
}

export interface SecondFactorOptions extends CommonOptions {
  readonly sessions: SessionsService;
  readonly passwords: PasswordHasher;
  readonly log: Log;
}

/** What a login asks for beyond the password: the challenges that it refuses with, and the service that users set it up by. */
export function createSecondFactor({
  config,
  adapters,
  accounts,
  audit,
  sessions,
  passwords,
  log,
}: SecondFactorOptions): {
  readonly challenges: LoginChallenges;
  readonly service: SecondFactorService;
  readonly freshProof: FreshProof;
} {
  const { database, durableRateLimits, secrets } = adapters;
  const clock = systemClock;
  const repository = new SecondFactorRepository(database);
  const box = new SecretBox(secrets);
  const codes = new SecondFactorCodes({ database, repository, box, audit, clock });
  const challenges = new LoginChallenges({
    repository: new LoginChallengesRepository(database),
    factors: repository,
    codes,
    accounts,
    clock,
  });
  const rule = { name: 'password-proof', ...config.rateLimits.login };
  const limiter = createRateLimiter(durableRateLimits, rule, 'Too many login attempts');
  const freshProof = new FreshProof({ accounts, passwords, sessions, limiter, clock });
  const service = new SecondFactorService({
    database,
    repository,
    codes,
    box,
    accounts,
    freshProof,
    limiter,
    audit,
    clock,
    log,
  });
  return { challenges, service, freshProof };
}

export interface PasskeysOptions extends CommonOptions {
  readonly serviceUrl: () => string;
  readonly login: LoginService;
  readonly secondFactor: SecondFactorService;
}

export function createPasskeys(options: PasskeysOptions): PasskeysService {
  const { config, adapters, serviceUrl, accounts, login, secondFactor, audit } = options;
  const { database, durableRateLimits } = adapters;
  const { rpId, origins } = config.webAuthn;
  const rule = { name: 'passkey-login', ...config.rateLimits.loginClient };
  return new PasskeysService({
    database,
    repository: new PasskeysRepository(database),
    relyingParty: new RelyingParty(rpId, () => origins ?? [new URL(serviceUrl()).origin, ...config.corsOrigins]),
    secondFactor,
    accounts,
    logins: login,
    limiter: createRateLimiter(durableRateLimits, rule, 'Too many login attempts'),
    audit,
    clock: systemClock,
  });
}
