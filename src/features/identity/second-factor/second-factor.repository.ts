import type { Bytes } from '../../../kernel/bytes.js';
import { LOWEST_ID } from '../../../kernel/ids.js';
import type { Database, Sql } from '../../../ports/database.js';
import { deletedOrNull } from '../../../ports/prisma-errors.js';
import { BLOCK, MAX_TRIES, type SecondFactorStatus } from './second-factor.js';

/** An encrypted secret, and the time since when it is enabled, which tells it from the user's other secrets. */
export interface StoredFactor {
  readonly secret: Bytes;
  readonly enabledAt: Date;
}

export class SecondFactorRepository {
  constructor(private readonly database: Database) {}

  async status(userId: string): Promise<SecondFactorStatus> {
    const row = await this.database.prisma.secondFactor.findFirst({
      where: { userId, enabledAt: { not: null } },
      select: { enabledAt: true, _count: { select: { recoveryCodes: true } } },
    });
    return row === null
      ? { isEnabled: false, enabledAt: null, recoveryCodesLeft: 0 }
      : { isEnabled: true, enabledAt: row.enabledAt, recoveryCodesLeft: row._count.recoveryCodes };
  }

  /**
   * Replaces any previous enrolment. An enabled second factor stays enabled. SQL, since the update has a condition.
   * @param enabledAt when the second factor was enabled, as the caller read it; null when it is not
   * @returns false when that has meanwhile changed
   */
  async startEnrolment(sql: Sql, userId: string, secret: Bytes, until: Date, enabledAt: Date | null): Promise<boolean> {
    const { rowCount } = await sql.query(
      `INSERT INTO second_factors AS present (user_id, pending_secret, pending_until, pending_tries)
       VALUES ($1, $2, $3, 0)
       ON CONFLICT (user_id) DO UPDATE SET
         pending_secret = EXCLUDED.pending_secret, pending_until = EXCLUDED.pending_until, pending_tries = 0
       WHERE present.enabled_at IS NOT DISTINCT FROM $4`,
      [userId, secret, until, enabledAt],
      'second_factor_start_enrolment',
    );
    return rowCount === 1;
  }

  /** Counts an attempt to confirm an enrolment. @returns null when there is no open enrolment or no attempt left */
  async countEnrolmentTry(userId: string, now: Date): Promise<{ readonly secret: Bytes } | null> {
    const [row] = await this.database.prisma.secondFactor.updateManyAndReturn({
      where: { userId, pendingUntil: { gt: now }, pendingTries: { lt: MAX_TRIES } },
      data: { pendingTries: { increment: 1 } },
      select: { pendingSecret: true },
    });
    return row?.pendingSecret == null ? null : { secret: row.pendingSecret };
  }

  /**
   * Enables the enrolled secret in place of any previous one.
   * @returns false when it was meanwhile ended or replaced
   */
  async enable(sql: Sql, userId: string, secret: Bytes, step: number, now: Date): Promise<boolean> {
    const { count } = await sql.prisma.secondFactor.updateMany({
      where: { userId, pendingSecret: secret, pendingUntil: { gt: now } },
      data: {
        secret,
        enabledAt: now,
        lastUsedStep: step,
        failures: 0,
        blockedUntil: null,
        pendingSecret: null,
        pendingUntil: null,
      },
    });
    return count === 1;
  }

  /**
   * Counts an attempt with an app's code before the code is compared, so that concurrent attempts cannot exceed the
   * limit. SQL, since the new values depend on those of the existing row.
   * @returns null when the second factor is not enabled, or its codes are blocked
   */
  async countTry(userId: string, now: Date): Promise<StoredFactor | null> {
    const { rows } = await this.database.query<StoredFactor>(
      `UPDATE second_factors SET failures = failures + 1,
         blocked_until = CASE WHEN (failures + 1) % $3::int = 0
           THEN $2::timestamptz + interval '1 minute' * least($5::int, $4::int * power(2, least(20, (failures + 1) / $3::int - 1)))
           ELSE blocked_until END
       WHERE user_id = $1 AND enabled_at IS NOT NULL AND (blocked_until IS NULL OR blocked_until <= $2::timestamptz)
       RETURNING secret, enabled_at AS "enabledAt"`,
      [userId, now, BLOCK.failures, BLOCK.firstMinutes, BLOCK.maxMinutes],
      'second_factor_count_try',
    );
    return rows[0] ?? null;
  }

  /** The time until which codes of the user's app are blocked. @returns null when they are not */
  async blockedUntil(userId: string, now: Date): Promise<Date | null> {
    const row = await this.database.prisma.secondFactor.findFirst({
      where: { userId, enabledAt: { not: null }, blockedUntil: { gt: now } },
      select: { blockedUntil: true },
    });
    return row?.blockedUntil ?? null;
  }

  /**
   * Marks a time step as used, and resets the count of failures.
   * @returns false when this or a later step was already used, or the secret is no longer enabled
   */
  async useStep(sql: Sql, userId: string, { enabledAt }: StoredFactor, step: number): Promise<boolean> {
    const { count } = await sql.prisma.secondFactor.updateMany({
      where: { userId, enabledAt, lastUsedStep: { lt: step } },
      data: { lastUsedStep: step, failures: 0, blockedUntil: null },
    });
    return count === 1;
  }

  /**
   * Consumes a recovery code, and resets the count of failures.
   * @returns false when there is no such code: the caller rolls back, or the count is reset all the same
   */
  async useRecoveryCode(sql: Sql, userId: string, codeHash: Bytes): Promise<boolean> {
    // The factor's row first, as all who replace or remove the codes hold it: two at once would wait for each other.
    await sql.prisma.secondFactor.updateMany({ where: { userId }, data: { failures: 0, blockedUntil: null } });
    const { count } = await sql.prisma.recoveryCode.deleteMany({ where: { userId, codeHash } });
    return count === 1;
  }

  /** Replaces all of the user's recovery codes. */
  async replaceRecoveryCodes(sql: Sql, userId: string, codeHashes: readonly Bytes[]): Promise<void> {
    await sql.prisma.recoveryCode.deleteMany({ where: { userId } });
    await sql.prisma.recoveryCode.createMany({ data: codeHashes.map((codeHash) => ({ userId, codeHash })) });
  }

  /** Whether the second factor was enabled before that time. */
  async isOlder(sql: Sql, userId: string, since: Date): Promise<boolean> {
    return (await sql.prisma.secondFactor.count({ where: { userId, enabledAt: { lt: since } } })) > 0;
  }

  /** Deletes the secret, any enrolment and the recovery codes. @returns whether the second factor was enabled */
  async remove(sql: Sql, userId: string): Promise<boolean> {
    const removal = sql.prisma.secondFactor.delete({ where: { userId }, select: { enabledAt: true } });
    const removed = await deletedOrNull(removal);
    return removed !== null && removed.enabledAt !== null;
  }

  /** Deletes enrolments that were not confirmed in time. */
  async deleteDeadEnrolments(now: Date): Promise<void> {
    const where = { pendingUntil: { lt: now } };
    await this.database.prisma.secondFactor.deleteMany({ where: { ...where, enabledAt: null } });
    await this.database.prisma.secondFactor.updateMany({ where, data: { pendingSecret: null, pendingUntil: null } });
  }

  /** Reads some secrets that other keys encrypted, in the order of user ids. SQL, to compare a part of a column. */
  async findSealedOtherwise(
    keyId: Uint8Array,
    afterUserId: string | null,
    limit: number,
  ): Promise<readonly { readonly userId: string; readonly secret: Bytes }[]> {
    const { rows } = await this.database.query<{ userId: string; secret: Bytes }>(
      `SELECT user_id AS "userId", secret FROM second_factors
       WHERE substring(secret FROM 1 FOR $2::int) <> $1 AND user_id > coalesce($3::uuid, '${LOWEST_ID}')
       ORDER BY user_id LIMIT $4`,
      [keyId, keyId.length, afterUserId, limit],
    );
    return rows;
  }

  /** Replaces a secret by the same secret encrypted with another key. */
  async replaceBox(userId: string, old: Bytes, box: Bytes): Promise<void> {
    await this.database.prisma.secondFactor.updateMany({ where: { userId, secret: old }, data: { secret: box } });
  }
}
