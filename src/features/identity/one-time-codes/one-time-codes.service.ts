import { z } from 'zod';
import type { Client } from '../../../kernel/caller.js';
import { clientNetwork } from '../../../kernel/client-network.js';
import type { Clock } from '../../../kernel/clock.js';
import { Invalid } from '../../../kernel/errors.js';
import type { Log } from '../../../kernel/log.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Sql } from '../../../ports/database.js';
import type { JobQueue } from '../../../ports/job-queue.js';
import type { Mailer } from '../../../ports/mailer.js';
import type { RateLimiter } from '../../../ports/rate-limiter.js';
import type { AccountOwnership } from '../accounts/account-ownership.js';
import { isSameMailbox } from '../accounts/email-address.js';
import type { UserDirectory } from '../accounts/user-directory.js';
import { isEnabled, type UserRow } from '../accounts/user.js';
import type { CodeHasher } from './code-hasher.js';
import { codeMail } from './code-mail.js';
import { newCode, readCode, type OneTimeCodePurpose } from './one-time-code.js';
import type { OneTimeCodesRepository } from './one-time-codes.repository.js';

export const CODE_MAIL_QUEUE = 'one-time-code-mails';

const codeRequest = z.object({ purpose: z.enum(['PASSWORD_RESET', 'EMAIL_VERIFICATION']), email: z.string() });

const ACTIONS = { PASSWORD_RESET: 'PASSWORD_RESET', EMAIL_VERIFICATION: 'EMAIL_VERIFIED' } as const;

/** A code that a client sends to use it. */
export interface Redemption {
  readonly email: string;
  readonly code: string;
  readonly client: Client;
}

export interface OneTimeCodesServiceNeeds {
  readonly repository: OneTimeCodesRepository;
  readonly directory: Pick<UserDirectory, 'findByEmail'>;
  readonly ownership: Pick<AccountOwnership, 'resetPassword' | 'verifyEmail'>;
  readonly audit: AuditLog;
  readonly hasher: CodeHasher;
  readonly jobs: Pick<JobQueue, 'add'>;
  readonly mailer: Pick<Mailer, 'send'>;
  /** Limits requests for codes, per e-mail address (known or unknown) and per client. */
  readonly limiters: { readonly address: RateLimiter; readonly client: RateLimiter };
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
}

/**
 * Codes sent by mail, which prove that the user who returns one receives mail at the address. Nobody learns whether an
 * address belongs to an account: requests and guesses do the same work for any address. The only difference is the
 * mail, which a job sends later.
 */
export class OneTimeCodesService {
  constructor(private readonly needs: OneTimeCodesServiceNeeds) {}

  /**
   * Queues a request for a code; {@link deliver} makes and sends it, and the previous code is invalid from then on.
   * @throws RateLimited `Too many requests`; Unavailable
   */
  async request(purpose: OneTimeCodePurpose, email: string, client: Pick<Client, 'ipAddress'>): Promise<void> {
    if (client.ipAddress !== null) await this.needs.limiters.client(clientNetwork(client.ipAddress));
    await this.needs.limiters.address(this.needs.hasher.hashAddress(email).toString('hex'));
    await this.needs.jobs.add(CODE_MAIL_QUEUE, { purpose, email } satisfies z.infer<typeof codeRequest>);
  }

  /** Queues a code to set a new password with, in the transaction of what has taken the old one away. */
  async sendResetCode(sql: Sql, email: string): Promise<void> {
    const request = { purpose: 'PASSWORD_RESET', email } satisfies z.infer<typeof codeRequest>;
    await this.needs.jobs.add(CODE_MAIL_QUEUE, request, sql);
  }

  /**
   * Makes a code and mails it, as a job of {@link CODE_MAIL_QUEUE}. A retry makes a new code, since codes are not
   * stored. For an address that gets no mail, it does everything except the sending: less work would show in the
   * response times of other requests to this process.
   * @throws Error when the mail could not be sent
   */
  async deliver(job: unknown): Promise<void> {
    const { purpose, email } = codeRequest.parse(job);
    const recipient = await this.#recipientOf(purpose, email);
    const now = this.needs.clock.now();
    const key = { purpose, addressHash: this.needs.hasher.hashAddress(email) };
    const userId = recipient?.id ?? null;
    const code = newCode();
    const stored = { userId, codeHash: this.needs.hasher.hashCode({ ...key, userId }, code) };
    const isGood = await this.needs.repository.replace(key, stored, now);
    await this.needs.repository.deleteOld(now);
    const mail = codeMail(purpose, code);
    // A code with no attempts left would only confuse its recipient.
    if (recipient === null || !isGood) return;
    const outcome = await this.needs.mailer.send({ to: recipient.email, ...mail });
    if (outcome === 'refused')
      this.needs.log.warn({ userId }, 'a mail was refused: the address of the user will not do');
  }

  /**
   * Sets the password of the address's user and ends all of the user's sessions. Unless the account is already certain to
   * be the mailbox owner's, also removes passkeys, linked providers and the second factor. Does not log the user in.
   * @throws Invalid `Invalid OTP` when the code is not the latest one for this address, was used, is older than five
   * minutes, or was tried too often; Unavailable when too many passwords are being hashed, in which case the code stays
   * valid
   */
  async resetPassword(redemption: Redemption, password: string): Promise<void> {
    await this.#redeem('PASSWORD_RESET', redemption, (userId, confirm) =>
      this.needs.ownership.resetPassword(userId, password, redemption.client, confirm),
    );
  }

  /**
   * Marks the address's user as verified.
   * @param viewer who sends the code: with a session of the same user, account and mailbox are proven to be one person's
   * @throws Invalid `Invalid OTP`, as {@link resetPassword}
   */
  async verifyEmail(redemption: Redemption, viewer: Viewer | null): Promise<void> {
    await this.#redeem('EMAIL_VERIFICATION', redemption, (userId, confirm) =>
      this.needs.ownership.verifyEmail(userId, viewer, confirm),
    );
  }

  /** Null also for a disabled account, and for one that has nothing left to prove. */
  async #recipientOf(
    purpose: OneTimeCodePurpose,
    email: string,
  ): Promise<{ readonly id: string; readonly email: string } | null> {
    const user = await this.needs.directory.findByEmail(email.trim());
    if (user?.email == null || !isEnabled(user)) return null;
    if (purpose === 'EMAIL_VERIFICATION' && user.isVerified && user.mailboxProvenAt !== null) return null;
    return { id: user.id, email: user.email };
  }

  /** @param use calls `confirm` and then makes the change, in one transaction; false when the user is gone */
  async #redeem(
    purpose: OneTimeCodePurpose,
    { email, code, client }: Redemption,
    use: (userId: string, confirm: (user: UserRow, sql: Sql) => Promise<void>) => Promise<boolean>,
  ): Promise<void> {
    const key = { purpose, addressHash: this.needs.hasher.hashAddress(email) };
    const stored = await this.needs.repository.countTry(key, this.needs.clock.now());
    if (stored === null) throw invalidCode();
    const { userId, codeHash } = stored;
    const isRight = this.needs.hasher.matches(codeHash, { ...key, userId }, readCode(code));
    if (!isRight || userId === null) throw invalidCode();
    const isDone = await use(userId, async (user, sql) => {
      const isStillTheirs = isSameMailbox(user.email, email) && isEnabled(user);
      if (!isStillTheirs) throw invalidCode();
      if (!(await this.needs.repository.use(sql, key, codeHash, this.needs.clock.now()))) throw invalidCode();
      await this.needs.audit.record({ action: ACTIONS[purpose], actorId: userId, subjectId: userId, client }, sql);
    });
    if (!isDone) throw invalidCode();
  }
}

function invalidCode(): Invalid {
  return new Invalid([{ field: 'input.otp', message: 'is wrong, used or no longer good' }], 'Invalid OTP');
}
