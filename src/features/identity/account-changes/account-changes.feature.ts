import type { Clock } from '../../../kernel/clock.js';
import type { Log } from '../../../kernel/log.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { JobQueue } from '../../../ports/job-queue.js';
import type { Mailer } from '../../../ports/mailer.js';
import type { CreateRateLimiter, RateLimit } from '../../../ports/rate-limiter.js';
import type { ClearForOwner } from '../accounts/account-handover.js';
import type { AccountOwnership } from '../accounts/account-ownership.js';
import type { AccountsService } from '../accounts/accounts.service.js';
import type { UserDirectory } from '../accounts/user-directory.js';
import type { OneTimeCodesService } from '../one-time-codes/one-time-codes.service.js';
import type { SecondFactorService } from '../second-factor/second-factor.service.js';
import { COUNTED_HOURS, MAX_NOTICES } from './account-change.js';
import { ACCOUNT_MAIL_QUEUE, AccountMailer, QueuedAccountNotices } from './account-mailer.js';
import { AccountChangesRepository } from './account-changes.repository.js';
import { AccountChangesResolver } from './account-changes.resolver.js';
import { AccountChangesService, CONFIRMATION_QUEUE } from './account-changes.service.js';

interface NoticesNeeds {
  readonly database: Database;
  readonly jobs: JobQueue;
  readonly clock: Clock;
}

/** What tells users of acts on their accounts, for the features in which they happen. */
export function accountNotices({ database, ...needs }: NoticesNeeds) {
  return new QueuedAccountNotices({ ...needs, repository: new AccountChangesRepository(database) });
}

/** Makes the queue of notices, for a process that adds to it and has no worker. */
export function openAccountNotices(jobs: JobQueue): Promise<void> {
  return jobs.open(ACCOUNT_MAIL_QUEUE);
}

/** Drops a new address that waits for its code. */
export function clearEmailChange({ database }: Pick<NoticesNeeds, 'database'>): ClearForOwner {
  const repository = new AccountChangesRepository(database);
  return (sql, userId) => repository.endEmailChange(sql, userId);
}

interface AccountChangesFeatureNeeds extends NoticesNeeds {
  readonly notices: QueuedAccountNotices;
  readonly accounts: AccountsService;
  readonly ownership: AccountOwnership;
  readonly directory: UserDirectory;
  readonly secondFactor: SecondFactorService;
  readonly oneTimeCodes: OneTimeCodesService;
  readonly mailer: Mailer;
  /** The address of the page that undoes a change. */
  readonly undoUrl: (token: string) => string;
  readonly secrets: readonly string[];
  readonly createDurableLimiter: CreateRateLimiter;
  readonly rateLimits: { readonly codeAddress: RateLimit };
  readonly audit: AuditLog;
  readonly log: Log;
}

/** Changes of passwords and e-mail addresses by proof, mails about acts on accounts, and what undoes a change. */
export function accountChangesFeature({
  database,
  createDurableLimiter,
  rateLimits,
  ...needs
}: AccountChangesFeatureNeeds) {
  const repository = new AccountChangesRepository(database);
  const notices = { name: 'account-notice', limit: MAX_NOTICES, windowMs: COUNTED_HOURS * 3_600_000 };
  const mailer = new AccountMailer({
    ...needs,
    repository,
    limiter: createDurableLimiter(notices, 'Too many notices'),
  });
  const service = new AccountChangesService({
    ...needs,
    repository,
    limiter: createDurableLimiter({ name: 'email-change', ...rateLimits.codeAddress }, 'Too many requests'),
  });
  return {
    service,
    resolvers: [new AccountChangesResolver(service)],
    /** Starts sending the queued mails, including those of other instances. */
    work: async () => {
      await needs.jobs.work(ACCOUNT_MAIL_QUEUE, (job) => mailer.deliver(job));
      await needs.jobs.work(CONFIRMATION_QUEUE, (job) => service.deliver(job));
    },
  };
}
