import { z } from 'zod';
import type { Client } from '../../../kernel/caller.js';
import { clientNetwork } from '../../../kernel/client-network.js';
import type { Clock } from '../../../kernel/clock.js';
import { Invalid } from '../../../kernel/errors.js';
import type { Log } from '../../../kernel/log.js';
import type { Sql } from '../../../ports/database.js';
import type { JobQueue } from '../../../ports/job-queue.js';
import type { Mailer } from '../../../ports/mailer.js';
import type { RateLimiter } from '../../../ports/rate-limiter.js';
import type { AccountOwnership } from '../accounts/account-ownership.js';
import type { UserDirectory } from '../accounts/user-directory.js';
import { isEnabled, type UserRow } from '../accounts/user.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { IdentitiesService } from '../identities/identities.service.js';
import type { PasskeysService } from '../passkeys/passkeys.service.js';
import type { CodeHasher } from './code-hasher.js';
import { codeMail } from './code-mail.js';
import { newCode, readCode, sameAddress, type OneTimeCodePurpose } from './one-time-code.js';
import type { OneTimeCodesRepository } from './one-time-codes.repository.js';

export const CODE_MAIL_QUEUE = 'one-time-code-mails';

const codeRequest = z.object({ purpose: z.enum(['PASSWORD_RESET', 'EMAIL_VERIFICATION']), email: z.string() });

const ACTIONS = { PASSWORD_RESET: 'PASSWORD_RESET', EMAIL_VERIFICATION: 'EMAIL_VERIFIED' } as const;

/** A code that was sent back. */
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
  readonly identities: Pick<IdentitiesService, 'unlinkUnproven'>;
  readonly passkeys: Pick<PasskeysService, 'removeUnproven'>;
  readonly hasher: CodeHasher;
  readonly jobs: Pick<JobQueue, 'add'>;
  readonly mailer: Pick<Mailer, 'send'>;
  /** Of requests for a code: for each e-mail address, whether anyone has it or not, and for each client. */
  readonly limiters: { readonly address: RateLimiter; readonly client: RateLimiter };
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
}

/**
 * Codes that go out by mail and prove that who sends them back reads the mail of an address. Nobody learns whether an address
 * belongs to an account: a request does the same for either, and so does a guess. What differs is a mail, sent later.
 */
export class OneTimeCodesService {
  constructor(private readonly needs: OneTimeCodesServiceNeeds) {}

  /**
   * Notes that a code is asked for; {@link deliver} makes and sends it. The code before it is dead from then on.
   * @throws RateLimited `Too many requests`; Unavailable
   */
  async request(purpose: OneTimeCodePurpose, email: string, client: Pick<Client, 'ipAddress'>): Promise<void> {
    if (client.ipAddress !== null) await this.needs.limiters.client(clientNetwork(client.ipAddress));
    await this.needs.limiters.address(this.needs.hasher.hashAddress(email).toString('hex'));
    await this.needs.jobs.add(CODE_MAIL_QUEUE, { purpose, email } satisfies z.infer<typeof codeRequest>);
  }

  /**
   * Makes a code and mails it: the work of a job of {@link CODE_MAIL_QUEUE}. Done again after a failure, it makes another
   * code, since none is kept. For an address that gets none it does all but the sending: this process is slower meanwhile,
   * and that shows.
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
    // A code that may not be tried would only puzzle.
    if (recipient === null || !isGood) return;
    const outcome = await this.needs.mailer.send({ to: recipient.email, ...mail });
    if (outcome === 'refused')
      this.needs.log.warn({ userId }, 'a mail was refused: the address of the user will not do');
  }

  /**
   * Sets the password of the user of an address, and ends all their sessions. Logs nobody in.
   * @throws Invalid `Invalid OTP` when the code is not the last one sent to it, was used, is older than five minutes, or was
   * tried too often; Unavailable when too many passwords are being hashed, and then the code is good still
   */
  async resetPassword(redemption: Redemption, password: string): Promise<void> {
    await this.#redeem('PASSWORD_RESET', redemption, (userId, confirm) =>
      this.needs.ownership.resetPassword(userId, password, async (user, sql) => {
        await confirm(user, sql);
        await this.needs.identities.unlinkUnproven(sql, user, redemption.client);
        await this.needs.passkeys.removeUnproven(sql, user, redemption.client);
      }),
    );
  }

  /**
   * Marks the user of an address as verified.
   * @throws Invalid `Invalid OTP`, as {@link resetPassword}
   */
  async verifyEmail(redemption: Redemption): Promise<void> {
    await this.#redeem('EMAIL_VERIFICATION', redemption, (userId, confirm) =>
      this.needs.ownership.verifyEmail(userId, confirm),
    );
  }

  /** Null too for an account that is switched off, and for one that has nothing left to verify. */
  async #recipientOf(
    purpose: OneTimeCodePurpose,
    email: string,
  ): Promise<{ readonly id: string; readonly email: string } | null> {
    const user = await this.needs.directory.findByEmail(email.trim());
    if (user?.email == null || !isEnabled(user)) return null;
    if (purpose === 'EMAIL_VERIFICATION' && user.isVerified) return null;
    // Databases fold case in their own ways: spellings that we take for two may not share a user, or each had its own tries.
    return sameAddress(user.email, email) ? { id: user.id, email: user.email } : null;
  }

  /** @param use acts in a transaction in which it calls `confirm` first; false when there is no such user any more */
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
      const isStillTheirs = user.email !== null && sameAddress(user.email, email) && isEnabled(user);
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
