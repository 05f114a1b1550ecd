import { z } from 'zod';
import { NotFound } from '../../../kernel/errors.js';
import {
  connectionOf,
  pageOf,
  pageRequest,
  type Connection,
  type Page,
  type PageArguments,
  type PageRequest,
} from '../../../kernel/page.js';
import type { AuditAction, AuditLog } from '../../../ports/audit-log.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { DeadJob, DeadJobs, JobQueue } from '../../../ports/job-queue.js';
import type { AccountActor } from '../../identity/accounts/account-actor.js';
import { eventOf } from '../../identity/accounts/account-events.js';
import { requireAdmin } from '../../identity/accounts/accounts.policy.js';
import { MAX_RETRIES, type DeadMailRow, type RetriedMail } from './dead-mail.js';

/** What the jobs of all mail queues have in common. */
const mailJob = z.object({
  email: z.string().optional().catch(undefined),
  purpose: z.string().optional().catch(undefined),
  notice: z.string().optional().catch(undefined),
});
/** Any job that was added. */
const jobData = z.record(z.string(), z.unknown());
/** What a queue's mails are about, where the job itself does not say. */
const KINDS: Readonly<Record<string, string>> = {
  'email-change-mails': 'EMAIL_CHANGE',
  'invitation-mails': 'INVITATION',
  'account-mails': 'ACCOUNT_CHANGED',
};

export interface DeadMailServiceNeeds {
  readonly jobs: DeadJobs & Pick<JobQueue, 'add' | 'open'>;
  readonly database: Pick<Database, 'transaction'>;
  readonly audit: AuditLog;
}

/** The mails that were given up: every job that is given up is a mail. */
export class DeadMailService {
  constructor(private readonly needs: DeadMailServiceNeeds) {}

  /** The latest first; for admins. @throws Forbidden; Invalid */
  async list(viewer: Pick<AccountActor, 'isAdmin'>, page: PageArguments): Promise<Connection<DeadMailRow>> {
    requireAdmin(viewer);
    const found = await this.#page(pageRequest(page));
    return connectionOf(found, () => this.needs.jobs.countDead());
  }

  /** The latest, for the operator at the command line. */
  async latest(size: number): Promise<{ readonly mails: readonly DeadMailRow[]; readonly total: number }> {
    const { rows } = await this.#page(pageRequest({ first: size }));
    return { mails: rows, total: await this.needs.jobs.countDead() };
  }

  /**
   * Has a mail sent after all, with as many tries as at first: by calls at once, once.
   * @throws Forbidden; NotFound, also for one that was retried or dropped before
   */
  async retry(actor: AccountActor, id: string): Promise<DeadMailRow> {
    requireAdmin(actor);
    const { jobs, database } = this.needs;
    const known = await jobs.findDead(id);
    if (known === null) throw notFound();
    // A queue that this instance does not work on, of another release; inside the transaction it could not be opened.
    await jobs.open(known.queue);
    return database.transaction(async (sql) => {
      const [job] = await jobs.takeDead({ ids: [id] }, sql);
      if (job === undefined) throw notFound();
      await this.#addAgain(sql, actor, [job]);
      return mailOf(job);
    });
  }

  /** Does so with the longest dead mails of a queue, {@link MAX_RETRIES} at most. @throws Forbidden */
  async retryAll(actor: AccountActor, queue: string): Promise<RetriedMail> {
    requireAdmin(actor);
    const { jobs, database } = this.needs;
    if ((await jobs.countDead(queue)) === 0) return { retried: 0, left: 0 };
    await jobs.open(queue);
    const retried = await database.transaction(async (sql) => {
      const taken = await jobs.takeDead({ queue, size: MAX_RETRIES }, sql);
      if (taken.length > 0) await this.#addAgain(sql, actor, taken);
      return taken.length;
    });
    return { retried, left: await jobs.countDead(queue) };
  }

  /** Takes a mail off the list, which is never sent then. @throws Forbidden; NotFound */
  async drop(actor: AccountActor, id: string): Promise<DeadMailRow> {
    requireAdmin(actor);
    return this.needs.database.transaction(async (sql) => {
      const [job] = await this.needs.jobs.takeDead({ ids: [id] }, sql);
      if (job === undefined) throw notFound();
      await this.#record(sql, 'JOB_DROPPED', actor, [job]);
      return mailOf(job);
    });
  }

  async #addAgain(sql: Sql, actor: AccountActor, taken: readonly DeadJob[]): Promise<void> {
    for (const { queue, data } of taken) await this.needs.jobs.add(queue, jobData.parse(data), sql);
    await this.#record(sql, 'JOB_RETRIED', actor, taken);
  }

  /** @param taken of one queue */
  async #record(sql: Sql, action: AuditAction, actor: AccountActor, taken: readonly DeadJob[]): Promise<void> {
    const details = { queue: taken[0]?.queue, jobIds: taken.map(({ id }) => id) };
    await this.needs.audit.record(eventOf(action, actor, null, details), sql);
  }

  async #page(request: PageRequest): Promise<Page<DeadMailRow>> {
    const { after, offset, size } = request;
    return pageOf(request, (await this.needs.jobs.dead({ after, offset, size: size + 1 })).map(mailOf));
  }
}

function mailOf({ id, queue, data, reason, tries, addedAt, failedAt }: DeadJob): DeadMailRow {
  const { email = null, purpose, notice } = mailJob.catch({}).parse(data);
  const kind = purpose ?? notice ?? KINDS[queue] ?? 'OTHER';
  return { id, queue, kind, email, reason, tries, requestedAt: addedAt, failedAt };
}

const notFound = () => new NotFound('Mail');
