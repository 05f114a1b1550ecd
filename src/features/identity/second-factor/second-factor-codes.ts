import type { Client } from '../../../kernel/caller.js';
import type { Clock } from '../../../kernel/clock.js';
import { RateLimited } from '../../../kernel/errors.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import { hashRecoveryCode } from './recovery-codes.js';
import type { SecretBox } from '../../../kernel/secret-box.js';
import type { SecondFactorMethod } from './second-factor.js';
import type { SecondFactorRepository, StoredFactor } from './second-factor.repository.js';
import { readTotpCode, totpStepOf } from './totp.js';

export interface SecondFactorCodesNeeds {
  readonly database: Pick<Database, 'transaction'>;
  readonly repository: SecondFactorRepository;
  readonly box: SecretBox;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** The action that a code authorises, in the transaction that consumes the code. Returning false rolls both back. */
type Act = (sql: Sql) => Promise<boolean>;

/** Checks codes of users whose second factor is enabled. Each code is valid once. */
export class SecondFactorCodes {
  constructor(private readonly needs: SecondFactorCodesNeeds) {}

  /**
   * Consumes a code: one from the app, or a recovery code, which also works while the app's codes are blocked.
   * @returns the kind of code; null when it is not valid, or `act` returned false
   * @throws RateLimited `Too many wrong codes`
   */
  async use(userId: string, text: string, client: Client, act: Act): Promise<SecondFactorMethod | null> {
    const code = readTotpCode(text);
    const isGood =
      code === null
        ? await this.#useRecoveryCode(userId, text, client, act)
        : await this.#useTotpCode(userId, code, act);
    if (isGood) return code === null ? 'RECOVERY_CODE' : 'TOTP';
    await this.needs.audit.record({ action: 'SECOND_FACTOR_FAILED', actorId: null, subjectId: userId, client });
    return null;
  }

  async #useTotpCode(userId: string, code: string, act: Act): Promise<boolean> {
    const now = this.needs.clock.now();
    const factor = await this.needs.repository.countTry(userId, now);
    if (factor === null) {
      const until = await this.needs.repository.blockedUntil(userId, now);
      if (until === null) return false;
      throw new RateLimited('Too many wrong codes', Math.max(1, Math.ceil((until.getTime() - now.getTime()) / 1000)));
    }
    const step = totpStepOf(this.#secretOf(userId, factor), code, now);
    return step !== null && this.#inOne(act, (sql) => this.needs.repository.useStep(sql, userId, factor, step));
  }

  async #useRecoveryCode(userId: string, text: string, client: Client, act: Act): Promise<boolean> {
    const hash = hashRecoveryCode(text);
    if (hash === null) return false;
    return this.#inOne(act, async (sql) => {
      if (!(await this.needs.repository.useRecoveryCode(sql, userId, hash))) return false;
      await this.needs.audit.record({ action: 'RECOVERY_CODE_USED', actorId: userId, subjectId: userId, client }, sql);
      return true;
    });
  }

  #secretOf(userId: string, { secret }: StoredFactor): Buffer {
    const opened = this.needs.box.open(userId, secret);
    if (opened === null)
      throw new Error('the secret of a second factor is of a key that is not in SECRET_KEY any more');
    return opened;
  }

  /** Runs both in one transaction, and rolls back unless both return true. */
  async #inOne(act: Act, use: Act): Promise<boolean> {
    const undone = new Error('undone');
    try {
      await this.needs.database.transaction(async (sql) => {
        if (!(await use(sql)) || !(await act(sql))) throw undone;
      });
      return true;
    } catch (error) {
      if (error === undone) return false;
      throw error;
    }
  }
}
