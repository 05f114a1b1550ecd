import { z } from 'zod';
import type { Clock } from '../../../kernel/clock.js';
import { Invalid, NotFound, type Fault } from '../../../kernel/errors.js';
import { newId } from '../../../kernel/ids.js';
import type { Log } from '../../../kernel/log.js';
import { connectionOf, pageRequest, type Connection, type PageArguments } from '../../../kernel/page.js';
import { sha256 } from '../../../kernel/token.js';
import type { AuditAction, AuditLog } from '../../../ports/audit-log.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { JobQueue } from '../../../ports/job-queue.js';
import type { Mailer } from '../../../ports/mailer.js';
import type { AccountActor } from '../accounts/account-actor.js';
import { eventOf } from '../accounts/account-events.js';
import { requireAdmin } from '../accounts/accounts.policy.js';
import type { AccountPlans } from '../accounts/accounts.service.js';
import { codeOf, DEFAULT_DAYS, MAX_DAYS, type InvitationRow, type NewInvitationRow } from './invitation.js';
import { invitationMail } from './invitation-mail.js';
import type { InvitationsRepository } from './invitations.repository.js';

export const INVITATION_MAIL_QUEUE = 'invitation-mails';

const DAY_MS = 86_400_000;
const mailRequest = z.object({ invitationId: z.string() });

export interface InvitationRequest {
  readonly email?: string | null | undefined;
  readonly plan?: string | null | undefined;
  /** 1 by default. */
  readonly uses?: number | null | undefined;
  /** In {@link DEFAULT_DAYS} days by default. */
  readonly expiresAt?: Date | null | undefined;
}

/** Sends the mails of invitations. */
export interface InvitationMailing {
  readonly jobs: Pick<JobQueue, 'add'>;
  readonly mailer: Pick<Mailer, 'send'>;
}

export interface InvitationsServiceNeeds {
  readonly database: Pick<Database, 'transaction'>;
  readonly repository: InvitationsRepository;
  readonly plans: Pick<AccountPlans, 'isPlan'>;
  /** The keys of the service: the first makes new codes. */
  readonly secrets: readonly string[];
  /** Null at the command line, where the operator hands the code over. */
  readonly mailing: InvitationMailing | null;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
}

/** Invitations to sign up, which admins make. */
export class InvitationsService {
  constructor(private readonly needs: InvitationsServiceNeeds) {}

  /**
   * Makes an invitation, and mails it to the address that it is for.
   * @returns it with its code, which is not shown again
   * @throws Forbidden; Invalid
   */
  async create(actor: AccountActor, request: InvitationRequest): Promise<NewInvitationRow> {
    requireAdmin(actor);
    const { database, repository, mailing, clock } = this.needs;
    const now = clock.now();
    const { email = null, plan = null } = request;
    const maxUses = request.uses ?? 1;
    const expiresAt = request.expiresAt ?? new Date(now.getTime() + DEFAULT_DAYS * DAY_MS);
    const faults = this.#faultsOf({ email, plan, maxUses, expiresAt }, now);
    if (faults.length > 0) throw new Invalid(faults);
    const id = newId();
    const code = codeOf(id, this.needs.secrets[0] ?? '');
    const row = { id, email, plan, maxUses, uses: 0, expiresAt, revokedAt: null, createdAt: now };
    await database.transaction(async (sql) => {
      await repository.insert(sql, { ...row, codeHash: sha256(code) });
      await this.#record(sql, 'INVITATION_CREATED', actor, id, { uses: maxUses, ...(plan === null ? {} : { plan }) });
    });
    if (email !== null) await mailing?.jobs.add(INVITATION_MAIL_QUEUE, { invitationId: id });
    return { ...row, code };
  }

  /** Newest first. @throws Forbidden; Invalid */
  async list(actor: AccountActor, page: PageArguments): Promise<Connection<InvitationRow>> {
    requireAdmin(actor);
    const { repository } = this.needs;
    return connectionOf(await repository.page(pageRequest(page)), () => repository.count());
  }

  /** Does nothing to one that was revoked before. Accounts made with it stay. @throws Forbidden; NotFound */
  async revoke(actor: AccountActor, id: string): Promise<InvitationRow> {
    requireAdmin(actor);
    return this.needs.database.transaction(async (sql) => {
      const revoked = await this.needs.repository.revoke(sql, id, this.needs.clock.now());
      if (revoked === null) throw new NotFound('Invitation');
      if (revoked.wasGood) await this.#record(sql, 'INVITATION_REVOKED', actor, id, {});
      return revoked.row;
    });
  }

  /**
   * Mails an invitation, as a job of {@link INVITATION_MAIL_QUEUE}. One that is revoked or used meanwhile is not sent.
   * @throws Error when the mail could not be sent
   */
  async deliver(job: unknown): Promise<void> {
    const { invitationId: id } = mailRequest.parse(job);
    const row = await this.needs.repository.find(id);
    const now = this.needs.clock.now();
    if (row?.email == null || row.revokedAt !== null || row.uses >= row.maxUses || row.expiresAt <= now) return;
    const code = this.needs.secrets
      .map((secret) => codeOf(id, secret))
      .find((made) => sha256(made).equals(row.codeHash));
    if (code === undefined) {
      this.needs.log.warn({ invitationId: id }, 'an invitation was not mailed: its key is not in SECRET_KEY any more');
      return;
    }
    const mail = invitationMail(code, row.email, row.expiresAt);
    const outcome = await this.needs.mailing?.mailer.send({ to: row.email, ...mail });
    if (outcome === 'refused') {
      this.needs.log.warn({ invitationId: id }, 'a mail was refused: the address of the invitation will not do');
    }
  }

  #faultsOf(
    { email, plan, maxUses, expiresAt }: Pick<InvitationRow, 'email' | 'plan' | 'maxUses' | 'expiresAt'>,
    now: Date,
  ): Fault[] {
    const faults: Fault[] = [];
    if (plan !== null && !this.needs.plans.isPlan(plan)) {
      faults.push({ field: 'input.plan', message: 'is not the name of a plan' });
    }
    if (email !== null && maxUses > 1) {
      faults.push({ field: 'input.uses', message: 'must be 1 for one e-mail address' });
    }
    if (expiresAt <= now || expiresAt.getTime() > now.getTime() + MAX_DAYS * DAY_MS) {
      faults.push({ field: 'input.expiresAt', message: `must be in the future, and at most ${MAX_DAYS} days away` });
    }
    return faults;
  }

  #record(sql: Sql, action: AuditAction, actor: AccountActor, invitationId: string, details: object): Promise<void> {
    return this.needs.audit.record(eventOf(action, actor, null, { invitationId, ...details }), sql);
  }
}
