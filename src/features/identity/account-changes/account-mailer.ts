import { z } from 'zod';
import type { Clock } from '../../../kernel/clock.js';
import { Conflict, RateLimited } from '../../../kernel/errors.js';
import type { Log } from '../../../kernel/log.js';
import { newToken, sha256 } from '../../../kernel/token.js';
import { MAX_USER_AGENT_LENGTH } from '../../../kernel/caller.js';
import type { Sql } from '../../../ports/database.js';
import type { JobQueue } from '../../../ports/job-queue.js';
import type { Mail, Mailer } from '../../../ports/mailer.js';
import type { RateLimiter } from '../../../ports/rate-limiter.js';
import type { AccountChanged, AccountNotices, NoticeActor } from '../accounts/account-notices.js';
import { addressIdentity } from '../accounts/email-address.js';
import type { UserRow } from '../accounts/user.js';
import { MAX_UNDO_MAILS } from './account-change.js';
import type { AccountChangesRepository } from './account-changes.repository.js';
import { changeMail, noticeMail, type MailedNotice, type Occasion } from './account-mails.js';

export const ACCOUNT_MAIL_QUEUE = 'account-mails';

const client = z.object({ userAgent: z.string().nullable(), ipAddress: z.string().nullable() }).nullable();
/** JSON: times as text, and the id of a change, which is a bigint, likewise. */
const job = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('notice'), notice: z.string(), email: z.string(), at: z.iso.datetime(), client }),
  z.object({
    kind: z.literal('change'),
    email: z.string(),
    isNewEmail: z.boolean(),
    isNewPassword: z.boolean(),
    /** The change that the mail's link undoes; null for a mail without one. */
    changeId: z.string().nullable(),
    at: z.iso.datetime(),
    client,
  }),
]);

export interface AccountNoticesNeeds {
  readonly repository: AccountChangesRepository;
  readonly jobs: Pick<JobQueue, 'add'>;
  readonly clock: Clock;
}

/**
 * Queues the mails that tell users what was done to their accounts. The address is that of the moment of the act: a thief
 * who changes it right afterwards does not get the mail.
 */
export class QueuedAccountNotices implements AccountNotices {
  constructor(private readonly needs: AccountNoticesNeeds) {}

  async notify(sql: Sql, userId: string, notice: MailedNotice, actor: NoticeActor): Promise<void> {
    const email = await this.needs.repository.emailOf(sql, userId);
    if (email === null) return;
    await this.#add(sql, { kind: 'notice', notice, email, ...this.#occasionOf(userId, actor) });
  }

  async noteChange(sql: Sql, { actor, before, isNewEmail, isNewPassword }: AccountChanged): Promise<void> {
    const { id: userId, email } = before;
    const isOwn = actor.userId === userId;
    if (isNewEmail && !isOwn) await this.needs.repository.endAllOf(sql, userId, this.needs.clock.now());
    if (email === null) return;
    const changeId = isOwn ? await this.#keep(sql, before, email) : null;
    if (changeId === undefined) return;
    const occasion = this.#occasionOf(userId, actor);
    await this.#add(sql, { kind: 'change', email, isNewEmail, isNewPassword, changeId, ...occasion });
  }

  async refuseReserved(sql: Sql, { id, email }: Pick<UserRow, 'id' | 'email'>): Promise<void> {
    if (email === null) return;
    if (await this.needs.repository.isReserved(sql, email, id, this.needs.clock.now())) {
      throw new Conflict('User already exists');
    }
  }

  /** {@link refuseReserved} outside a transaction, for an address that the user does not have yet. */
  async requireUnreserved(user: Pick<UserRow, 'id' | 'email'>): Promise<void> {
    await this.refuseReserved(this.needs.repository.reads, user);
  }

  /**
   * Keeps what the account had, to get it back. Reserves an address that is known to be the user's, and the one before the
   * first change whatever is known of it; not every address that someone passes through.
   * @returns the id of what is kept; undefined when the user got many mails lately, and has a link that undoes this change, too
   */
  async #keep(sql: Sql, before: UserRow, email: string): Promise<string | undefined> {
    const { repository, clock } = this.needs;
    const now = clock.now();
    await repository.deleteOld(sql, now);
    const { open, recent } = await repository.count(sql, before.id, now);
    if (open > 0 && recent >= MAX_UNDO_MAILS) return undefined;
    return String(await repository.insert(sql, before, email, before.isVerified || open === 0, now));
  }

  #occasionOf(userId: string, actor: NoticeActor) {
    const { client: from } = actor;
    const isOwn = actor.userId === userId && from !== null;
    const userAgent = from?.userAgent?.slice(0, MAX_USER_AGENT_LENGTH) ?? null;
    return {
      at: this.needs.clock.now().toISOString(),
      client: isOwn ? { userAgent, ipAddress: from.ipAddress } : null,
    };
  }

  #add(sql: Sql, data: z.infer<typeof job>): Promise<void> {
    return this.needs.jobs.add(ACCOUNT_MAIL_QUEUE, data, sql);
  }
}

export interface AccountMailerNeeds {
  readonly repository: AccountChangesRepository;
  readonly mailer: Pick<Mailer, 'send'>;
  /** The address of the page that undoes a change. */
  readonly undoUrl: (token: string) => string;
  /** Limits notices per address. */
  readonly limiter: RateLimiter;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
}

/** Writes and sends the queued mails. */
export class AccountMailer {
  constructor(private readonly needs: AccountMailerNeeds) {}

  /**
   * Sends a mail, as a job of {@link ACCOUNT_MAIL_QUEUE}. A retry makes a new link, since tokens are not stored.
   * @throws Error when the mail could not be sent
   */
  async deliver(data: unknown): Promise<void> {
    const mail = job.parse(data);
    const occasion = { at: new Date(mail.at), client: mail.client };
    if (mail.kind === 'notice') {
      if (await this.#hasEnough(mail.email)) return;
      await this.#send(mail.email, noticeMail(mail.notice as MailedNotice, occasion));
    } else if (mail.changeId === null) {
      await this.#send(mail.email, changeMail(mail, occasion, null));
    } else {
      await this.#sendLink(mail.email, BigInt(mail.changeId), mail, occasion);
    }
  }

  async #sendLink(
    email: string,
    changeId: bigint,
    change: { readonly isNewEmail: boolean; readonly isNewPassword: boolean },
    occasion: Occasion,
  ): Promise<void> {
    const { repository, clock, undoUrl } = this.needs;
    const token = newToken();
    // Undone by an earlier link, or ended by an admin, before this mail was written.
    if ((await repository.putToken(changeId, sha256(token), clock.now())) === null) return;
    await this.#send(email, changeMail(change, occasion, undoUrl(token)));
  }

  async #hasEnough(email: string): Promise<boolean> {
    try {
      await this.needs.limiter(addressIdentity(email));
      return false;
    } catch (error) {
      if (error instanceof RateLimited) return true;
      throw error;
    }
  }

  async #send(to: string, mail: Omit<Mail, 'to'>): Promise<void> {
    if ((await this.needs.mailer.send({ to, ...mail })) === 'refused') {
      this.needs.log.warn({}, 'a mail was refused: the address of the user will not do');
    }
  }
}
