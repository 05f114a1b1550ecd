import type { Clock } from '../../../kernel/clock.js';
import type { Log } from '../../../kernel/log.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { JobQueue } from '../../../ports/job-queue.js';
import type { Mailer } from '../../../ports/mailer.js';
import type { CreateRateLimiter, RateLimit } from '../../../ports/rate-limiter.js';
import type { AccountOwnership } from '../accounts/account-ownership.js';
import type { UserDirectory } from '../accounts/user-directory.js';
import { CodeHasher } from './code-hasher.js';
import { OneTimeCodesRepository } from './one-time-codes.repository.js';
import { OneTimeCodesResolver } from './one-time-codes.resolver.js';
import { CODE_MAIL_QUEUE, OneTimeCodesService } from './one-time-codes.service.js';

interface OneTimeCodesFeatureNeeds {
  readonly database: Database;
  readonly jobs: JobQueue;
  readonly mailer: Mailer;
  /** Keys from which the keys for hashing codes are derived. */
  readonly secrets: readonly string[];
  readonly directory: UserDirectory;
  readonly ownership: AccountOwnership;
  readonly createDurableLimiter: CreateRateLimiter;
  /** Limits on requests, per e-mail address and per client. */
  readonly rateLimits: { readonly codeAddress: RateLimit; readonly codeClient: RateLimit };
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly log: Log;
}

/** Codes by mail, for resetting a password and for verifying an e-mail address. */
export function oneTimeCodesFeature(needs: OneTimeCodesFeatureNeeds) {
  const { database, jobs, secrets, createDurableLimiter, rateLimits } = needs;
  const limiters = {
    address: createDurableLimiter({ name: 'code-address', ...rateLimits.codeAddress }, 'Too many requests'),
    client: createDurableLimiter({ name: 'code-client', ...rateLimits.codeClient }, 'Too many requests'),
  };
  const service = new OneTimeCodesService({
    ...needs,
    repository: new OneTimeCodesRepository(database),
    hasher: new CodeHasher(secrets),
    limiters,
  });
  return {
    service,
    resolvers: [new OneTimeCodesResolver(service)],
    /** Starts sending the requested mails, including those requested at other instances. */
    work: () => jobs.work(CODE_MAIL_QUEUE, (job) => service.deliver(job)),
  };
}
