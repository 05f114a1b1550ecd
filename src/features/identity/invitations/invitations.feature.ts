import type { Clock } from '../../../kernel/clock.js';
import type { Log } from '../../../kernel/log.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { JobQueue } from '../../../ports/job-queue.js';
import type { Mailer } from '../../../ports/mailer.js';
import type { CreateRateLimiter, RateLimit } from '../../../ports/rate-limiter.js';
import type { AccountPlans } from '../accounts/accounts.service.js';
import type { SignUpMode } from './invitation.js';
import { InvitationsRepository } from './invitations.repository.js';
import { InvitationsResolver } from './invitations.resolver.js';
import { INVITATION_MAIL_QUEUE, InvitationsService } from './invitations.service.js';
import { SignUpGate } from './sign-up-gate.js';

interface InvitationsFeatureNeeds {
  readonly database: Database;
  readonly plans: AccountPlans;
  readonly signUp: SignUpMode;
  readonly secrets: readonly string[];
  /** Both are absent at the command line, which sends no mail. */
  readonly jobs?: JobQueue;
  readonly mailer?: Mailer;
  readonly createDurableLimiter: CreateRateLimiter;
  readonly rateLimits: { readonly signUp: RateLimit };
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly log: Log;
}

/** Who may sign up, and the invitations that let someone. */
export function invitationsFeature({
  createDurableLimiter,
  rateLimits,
  jobs,
  mailer,
  ...needs
}: InvitationsFeatureNeeds) {
  const repository = new InvitationsRepository(needs.database);
  const mailing = jobs === undefined || mailer === undefined ? null : { jobs, mailer };
  const service = new InvitationsService({ ...needs, repository, mailing });
  const limiter = createDurableLimiter({ name: 'sign-up', ...rateLimits.signUp }, 'Too many requests');
  return {
    service,
    signUps: new SignUpGate({ ...needs, mode: needs.signUp, repository, limiter }),
    resolvers: [new InvitationsResolver(service)],
    /** Starts sending the mails of invitations, including those made at other instances. */
    work: () => jobs?.work(INVITATION_MAIL_QUEUE, (job) => service.deliver(job)),
  };
}
