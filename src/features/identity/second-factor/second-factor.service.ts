import { minutesFrom, type Clock } from '../../../kernel/clock.js';
import { Conflict, Forbidden, Invalid, NotFound } from '../../../kernel/errors.js';
import type { Log } from '../../../kernel/log.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { RateLimiter } from '../../../ports/rate-limiter.js';
import { operator, type AccountActor } from '../accounts/account-actor.js';
import { eventOf } from '../accounts/account-events.js';
import type { AccountNotices } from '../accounts/account-notices.js';
import type { AccountOwnership } from '../accounts/account-ownership.js';
import type { AccountsService } from '../accounts/accounts.service.js';
import type { AdminAccountsService } from '../accounts/admin-accounts.service.js';
import type { FreshProof } from '../sessions/fresh-proof.js';
import { hashRecoveryCode, newRecoveryCodes } from './recovery-codes.js';
import type { SecretBox } from '../../../kernel/secret-box.js';
import { removeSecondFactor } from './remove-second-factor.js';
import { CODE_REQUIRED, invalidCode, ENROLMENT_MINUTES, type SecondFactorStatus } from './second-factor.js';
import type { SecondFactorCodes } from './second-factor-codes.js';
import type { SecondFactorRepository } from './second-factor.repository.js';
import { newTotpSecret, readTotpCode, totpSecretText, totpStepOf, totpUri } from './totp.js';

/** Secrets that are read at once when keys have changed. */
const RESEAL_BATCH = 500;

const PROOF_FIELDS = { password: 'input.password', code: 'input.code' } as const;

/** The data for an authenticator app, which is shown only once. */
export interface SecondFactorEnrolment {
  readonly secret: string;
  readonly uri: string;
  /** The URI as a QR code: `data:image/png;base64,…`. */
  readonly qrCode: string;
  readonly expiresAt: Date;
}

/** The caller's renewed proof of identity. */
export interface FactorProof {
  readonly password: string | null;
  readonly code: string | null;
}

export interface SecondFactorServiceNeeds {
  readonly database: Database;
  readonly repository: SecondFactorRepository;
  readonly codes: Pick<SecondFactorCodes, 'use'>;
  readonly box: SecretBox;
  readonly accounts: Pick<AccountsService, 'get'>;
  readonly admins: Pick<AdminAccountsService, 'get'>;
  readonly ownership: Pick<AccountOwnership, 'hold'>;
  readonly freshProof: Pick<FreshProof, 'require'>;
  readonly notices: Pick<AccountNotices, 'notify'>;
  /** Limits the codes that a user's sessions try, right or wrong. Throws RateLimited `Too many login attempts`. */
  readonly limiter: RateLimiter;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly log: Pick<Log, 'info' | 'warn'>;
}

/** Setting up and disabling a user's second factor. */
export class SecondFactorService {
  constructor(private readonly needs: SecondFactorServiceNeeds) {}

  /** For the command line: disables a user's second factor. @returns whether it was enabled */
  removeByOperator(userId: string): Promise<boolean> {
    return this.needs.database.transaction((sql) => this.#remove(sql, operator, userId));
  }

  /** The viewer's own. */
  status(viewer: Viewer): Promise<SecondFactorStatus> {
    return this.needs.repository.status(viewer.userId);
  }

  /**
   * Has the viewer prove their identity by everything that a login with a password requires, and then runs `act`.
   * @param act runs in the transaction that consumes the code. Gets the time when the second factor was enabled, null
   * when it is not; returns false when that has meanwhile changed
   * @param fields the names of the arguments that have the proof
   * @throws as {@link FreshProof.require}; Invalid without a valid code while the second factor is enabled; RateLimited
   * `Too many wrong codes`, `Too many login attempts`; Conflict when the second factor has meanwhile changed
   */
  async prove(
    viewer: Viewer,
    { password, code }: FactorProof,
    act: (sql: Sql, enabledAt: Date | null) => Promise<boolean>,
    fields: { readonly password: string; readonly code: string } = PROOF_FIELDS,
  ): Promise<void> {
    await this.needs.freshProof.require(viewer, password, fields.password);
    const { enabledAt } = await this.needs.repository.status(viewer.userId);
    if (enabledAt === null) {
      if (!(await act(this.needs.database, null))) throw new Conflict('The second factor was changed meanwhile');
      return;
    }
    if (code === null) {
      throw new Invalid([{ field: fields.code, message: CODE_REQUIRED }]);
    }
    await this.#useCode(viewer, code, fields.code, (sql) => act(sql, enabledAt));
  }

  /**
   * Makes a secret for the viewer's authenticator app. It takes effect only with {@link confirm}.
   * @throws as {@link prove}
   */
  async enrol(viewer: Viewer, proof: FactorProof): Promise<SecondFactorEnrolment> {
    const { userId } = viewer;
    const { email, phoneNumber } = await this.needs.accounts.get(viewer, userId);
    const now = this.needs.clock.now();
    await this.needs.repository.deleteDeadEnrolments(now);
    const secret = newTotpSecret();
    const expiresAt = minutesFrom(now, ENROLMENT_MINUTES);
    await this.prove(viewer, proof, (sql, enabledAt) =>
      this.needs.repository.startEnrolment(sql, userId, this.needs.box.seal(userId, secret), expiresAt, enabledAt),
    );
    const uri = totpUri(secret, email ?? phoneNumber ?? userId);
    // The package is CommonJS, of which a bundle has the default export alone.
    const { default: qrCode } = await import('qrcode');
    return { secret: totpSecretText(secret), uri, qrCode: await qrCode.toDataURL(uri, { scale: 6 }), expiresAt };
  }

  /**
   * Enables the second factor once a code proves that the app has the secret. Existing sessions stay.
   * @returns the recovery codes, shown only once; previous ones are invalid from then on
   * @throws Invalid `Invalid code`, also when there is no open enrolment, or its five attempts are used up;
   * Unauthenticated when the session has meanwhile ended
   */
  async confirm(viewer: Viewer, text: string): Promise<readonly string[]> {
    const { userId } = viewer;
    const now = this.needs.clock.now();
    const pending = await this.needs.repository.countEnrolmentTry(userId, now);
    const secret = pending && this.needs.box.open(userId, pending.secret);
    const code = readTotpCode(text);
    const step = secret === null || code === null ? null : totpStepOf(secret, code, now);
    if (pending === null || step === null) throw invalidCode('code');
    const codes = await this.needs.ownership.hold(viewer, async (_user, { sql }) => {
      if (!(await this.needs.repository.enable(sql, userId, pending.secret, step, now))) throw invalidCode('code');
      await this.needs.audit.record(eventOf('SECOND_FACTOR_ENABLED', viewer, userId), sql);
      await this.needs.notices.notify(sql, userId, 'SECOND_FACTOR_ENABLED', viewer);
      return this.#putRecoveryCodes(sql, userId);
    });
    if (codes === null) throw new NotFound('User');
    return codes;
  }

  /**
   * Replaces the recovery codes; previous ones are invalid from then on.
   * @param code from the app, or one of the recovery codes
   * @throws Invalid `Invalid code`, also when the second factor is not enabled; RateLimited `Too many wrong codes`,
   * `Too many login attempts`
   */
  async regenerateRecoveryCodes(viewer: Viewer, code: string): Promise<readonly string[]> {
    let codes: readonly string[] = [];
    await this.#useCode(viewer, code, 'code', async (sql) => {
      codes = await this.#putRecoveryCodes(sql, viewer.userId);
      await this.needs.audit.record(eventOf('RECOVERY_CODES_REPLACED', viewer, viewer.userId), sql);
      await this.needs.notices.notify(sql, viewer.userId, 'RECOVERY_CODES_REPLACED', viewer);
      return true;
    });
    return codes;
  }

  /**
   * Disables the viewer's second factor.
   * @param code from the app, or one of the recovery codes
   * @throws Invalid `Invalid code`, also when it is not enabled; RateLimited `Too many wrong codes`,
   * `Too many login attempts`
   */
  async disable(viewer: Viewer, code: string): Promise<void> {
    await this.#useCode(viewer, code, 'code', (sql) => this.#remove(sql, viewer, viewer.userId));
  }

  /**
   * Disables the second factor of another user, who has lost it. Does nothing if it is not enabled.
   * @throws Forbidden unless the viewer is an admin, and for the admin's own: with a stolen session of an admin, it
   * would otherwise protect nothing; NotFound
   */
  async disableAsAdmin(viewer: Viewer, userId: string): Promise<void> {
    await this.needs.admins.get(viewer, userId);
    if (userId === viewer.userId) throw new Forbidden('Another admin has to do this');
    await this.needs.database.transaction((sql) => this.#remove(sql, viewer, userId));
  }

  /** Encrypts all secrets with the present key, so that older keys can be removed from the settings. */
  async reseal(): Promise<void> {
    const keyId = this.needs.box.currentKeyId;
    const counts = { resealed: 0, unreadable: 0 };
    let after: string | null = null;
    for (;;) {
      const found = await this.needs.repository.findSealedOtherwise(keyId, after, RESEAL_BATCH);
      for (const { userId, secret } of found) {
        const opened = this.needs.box.open(userId, secret);
        if (opened === null) counts.unreadable++;
        else {
          await this.needs.repository.replaceBox(userId, secret, this.needs.box.seal(userId, opened));
          counts.resealed++;
        }
        after = userId;
      }
      if (found.length < RESEAL_BATCH) break;
    }
    if (counts.resealed > 0) this.needs.log.info(counts, 'encrypted the secrets of second factors with the new key');
    if (counts.unreadable > 0) {
      this.needs.log.warn(
        counts,
        'the key of some second factors is not in SECRET_KEY: their users need a recovery code',
      );
    }
  }

  async #useCode(viewer: Viewer, code: string, field: string, act: (sql: Sql) => Promise<boolean>): Promise<void> {
    await this.needs.limiter(viewer.userId);
    const method = await this.needs.codes.use(viewer.userId, code, viewer.client, act);
    if (method === null) throw invalidCode(field);
  }

  async #remove(sql: Sql, actor: AccountActor, userId: string): Promise<boolean> {
    const wasEnabled = await removeSecondFactor(this.needs, sql, actor, userId);
    if (wasEnabled) await this.needs.notices.notify(sql, userId, 'SECOND_FACTOR_DISABLED', actor);
    return wasEnabled;
  }

  async #putRecoveryCodes(sql: Sql, userId: string): Promise<readonly string[]> {
    const codes = newRecoveryCodes();
    await this.needs.repository.replaceRecoveryCodes(
      sql,
      userId,
      codes.flatMap((code) => hashRecoveryCode(code) ?? []),
    );
    return codes;
  }
}
