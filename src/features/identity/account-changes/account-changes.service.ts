import { createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Client } from '../../../kernel/caller.js';
import { minutesFrom, type Clock } from '../../../kernel/clock.js';
import { Conflict, Invalid } from '../../../kernel/errors.js';
import type { Log } from '../../../kernel/log.js';
import { derivedKey, isToken, sha256 } from '../../../kernel/token.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Sql } from '../../../ports/database.js';
import type { JobQueue } from '../../../ports/job-queue.js';
import type { Mailer } from '../../../ports/mailer.js';
import type { RateLimiter } from '../../../ports/rate-limiter.js';
import type { AccountOwnership } from '../accounts/account-ownership.js';
import type { AccountsService } from '../accounts/accounts.service.js';
import { addressIdentity } from '../accounts/email-address.js';
import type { UserDirectory } from '../accounts/user-directory.js';
import type { UserRow } from '../accounts/user.js';
import { newCode, readCode } from '../one-time-codes/one-time-code.js';
import type { OneTimeCodesService } from '../one-time-codes/one-time-codes.service.js';
import { invalidCode } from '../second-factor/second-factor.js';
import type { SecondFactorService } from '../second-factor/second-factor.service.js';
import { CLOCK_SKEW_MINUTES, type AccountChangeRow } from './account-change.js';
import type { AccountChangesRepository } from './account-changes.repository.js';
import type { QueuedAccountNotices } from './account-mailer.js';
import { confirmationMail } from './account-mails.js';

export const CONFIRMATION_QUEUE = 'email-change-mails';
const INVALID_LINK = 'Invalid link';

const confirmation = z.object({ userId: z.string(), email: z.string() });

/** The caller's renewed proof of identity: the password, and a code while the second factor is on. */
export interface ChangeProof {
  readonly password: string | null;
  readonly code: string | null;
}

export interface AccountChangesServiceNeeds {
  readonly repository: AccountChangesRepository;
  readonly notices: QueuedAccountNotices;
  readonly accounts: Pick<AccountsService, 'setPassword' | 'setProvenEmail'>;
  readonly ownership: Pick<AccountOwnership, 'setBack'>;
  readonly directory: Pick<UserDirectory, 'findByEmail' | 'findLoginById'>;
  readonly secondFactor: Pick<SecondFactorService, 'prove'>;
  readonly oneTimeCodes: Pick<OneTimeCodesService, 'sendResetCode'>;
  readonly jobs: Pick<JobQueue, 'add'>;
  readonly mailer: Pick<Mailer, 'send'>;
  /** Limits codes per new address. Throws RateLimited `Too many requests`. */
  readonly limiter: RateLimiter;
  /** Keys from which the key for hashing codes is derived. */
  readonly secrets: readonly string[];
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly log: Pick<Log, 'warn'>;
}

/** Changes of passwords and e-mail addresses by proof, and what undoes them. */
export class AccountChangesService {
  readonly #codeKey: Buffer;

  constructor(private readonly needs: AccountChangesServiceNeeds) {
    const [secret] = needs.secrets;
    if (secret === undefined) throw new RangeError('there is no secret to derive keys from');
    this.#codeKey = derivedKey(secret, 'codes for new e-mail addresses', 32);
  }

  /**
   * Sets a new password, and ends the viewer's other sessions.
   * @throws as {@link SecondFactorService.prove}; Conflict when another change came first
   */
  async changePassword(viewer: Viewer, proof: ChangeProof, password: string): Promise<void> {
    const before = await this.needs.directory.findLoginById(viewer.userId);
    await this.needs.secondFactor.prove(viewer, proof, () => Promise.resolve(true), FIELDS.changePassword);
    await this.needs.accounts.setPassword(viewer, password, before?.passwordHash ?? null);
  }

  /**
   * Mails a code to a new address, which becomes the account's by {@link confirmEmailChange}. An earlier one that waits is
   * forgotten.
   * @throws as {@link SecondFactorService.prove}; Conflict `User already exists`; RateLimited `Too many requests`
   */
  async changeEmail(viewer: Viewer, proof: ChangeProof, email: string): Promise<void> {
    const { repository, directory, notices, jobs, clock } = this.needs;
    const { userId } = viewer;
    await this.needs.secondFactor.prove(viewer, proof, () => Promise.resolve(true), FIELDS.changeEmail);
    await this.needs.limiter(addressIdentity(email));
    const holder = await directory.findByEmail(email);
    if (holder !== null && holder.id !== userId) throw new Conflict('User already exists');
    await notices.requireUnreserved({ id: userId, email });
    await repository.putEmailChange(userId, email, clock.now());
    await jobs.add(CONFIRMATION_QUEUE, { userId, email } satisfies z.infer<typeof confirmation>);
  }

  /**
   * Makes the address the account's to which the code was sent: it is verified then.
   * @throws Invalid `Invalid code`; Conflict `User already exists` when another user has the address by now
   */
  async confirmEmailChange(viewer: Viewer, text: string): Promise<UserRow> {
    const { repository, accounts, audit, clock } = this.needs;
    const { userId, client } = viewer;
    const waiting = await repository.countTry(userId, clock.now());
    const codeHash = waiting?.codeHash ?? null;
    if (waiting === null || codeHash === null) throw invalidCode('code');
    const { email } = waiting;
    if (!timingSafeEqual(codeHash, this.#hashCode(userId, email, readCode(text)))) throw invalidCode('code');
    return accounts.setProvenEmail(viewer, email, async (sql) => {
      if (!(await repository.useCode(sql, userId, codeHash))) throw invalidCode('code');
      await audit.record({ action: 'EMAIL_VERIFIED', actorId: userId, subjectId: userId, client }, sql);
    });
  }

  /**
   * Makes a code and mails it, as a job of {@link CONFIRMATION_QUEUE}. A retry makes a new code.
   * @throws Error when the mail could not be sent
   */
  async deliver(job: unknown): Promise<void> {
    const { userId, email } = confirmation.parse(job);
    const code = newCode();
    const { repository, clock, mailer, log } = this.needs;
    if (!(await repository.putCode(userId, email, this.#hashCode(userId, email, code), clock.now()))) return;
    const outcome = await mailer.send({ to: email, ...confirmationMail(code) });
    if (outcome === 'refused') log.warn({ userId }, 'a mail was refused: the address that a user gave will not do');
  }

  /**
   * Undoes a change by the token of the link that was mailed to the address from before it, and whatever came after: that
   * address is the account's again, every session ends, the password is gone, and so is what was added to log in with.
   * A code to set a new password with goes to the address. Works on a suspended account, which stays suspended.
   * @throws Invalid {@link INVALID_LINK}; Conflict `User already exists` when another user has the address
   */
  async undo(token: string, client: Client): Promise<void> {
    const { repository, ownership, notices, clock } = this.needs;
    const change = isToken(token) ? await repository.findOpen(sha256(token), clock.now()) : null;
    if (change === null) throw invalidLink();
    const since = minutesFrom(change.createdAt, -CLOCK_SKEW_MINUTES);
    const isDone = await ownership.setBack(change.userId, change, since, client, async (present, sql) => {
      if (!(await repository.end(sql, change, clock.now()))) throw invalidLink();
      await notices.refuseReserved(sql, { id: change.userId, email: change.email });
      await this.#tell(sql, change, present, client);
    });
    if (!isDone) throw invalidLink();
  }

  async #tell(sql: Sql, { userId, email }: AccountChangeRow, present: UserRow, client: Client): Promise<void> {
    const { audit, notices, oneTimeCodes } = this.needs;
    await audit.record({ action: 'ACCOUNT_CHANGE_UNDONE', actorId: userId, subjectId: userId, client }, sql);
    const isOther = present.email !== null && addressIdentity(present.email) !== addressIdentity(email);
    if (isOther) await notices.notify(sql, userId, 'CHANGE_UNDONE', { userId, client });
    await oneTimeCodes.sendResetCode(sql, email);
  }

  #hashCode(userId: string, email: string, code: string): Buffer<ArrayBuffer> {
    return createHmac('sha256', this.#codeKey)
      .update(JSON.stringify([userId, addressIdentity(email), code]))
      .digest();
  }
}

/** Where the callers of these operations send their proof. */
const FIELDS = {
  changePassword: { password: 'current', code: 'code' },
  changeEmail: { password: 'password', code: 'code' },
} as const;

function invalidLink(): Invalid {
  return new Invalid([{ field: 'token', message: 'is wrong, used or no longer good' }], INVALID_LINK);
}
