import type { Database, Sql } from '../../../ports/database.js';
import { BLOCK, MOST_TRIES, type SecondFactorStatus } from './second-factor.js';

/** A secret in its box, and since when it is on, which tells it from another one of the same user. */
export interface StoredFactor {
  readonly secret: Buffer;
  readonly enabledAt: Date;
}

export class SecondFactorRepository {
  constructor(private readonly database: Database) {}

  async status(userId: string): Promise<SecondFactorStatus> {
    const { rows } = await this.database.query<Omit<SecondFactorStatus, 'isEnabled'>>(
      `SELECT enabled_at AS "enabledAt",
         (SELECT count(*)::int FROM recovery_codes c WHERE c.user_id = f.user_id) AS "recoveryCodesLeft"
       FROM second_factors f WHERE user_id = $1 AND enabled_at IS NOT NULL`,
      [userId],
      'second_factor_status',
    );
    const [row] = rows;
    return row === undefined
      ? { isEnabled: false, enabledAt: null, recoveryCodesLeft: 0 }
      : { isEnabled: true, ...row };
  }

  /**
   * Puts an enrolment in the place of the one before. What is on stays on.
   * @param enabledAt since when the second factor is on, as the caller found it; null when it is off
   * @returns false when that has changed meanwhile
   */
  async startEnrolment(
    sql: Sql,
    userId: string,
    secret: Buffer,
    until: Date,
    enabledAt: Date | null,
  ): Promise<boolean> {
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

  /** Counts a try of an enrolment. @returns null when there is none that waits, or no try left */
  async countEnrolmentTry(userId: string, now: Date): Promise<{ readonly secret: Buffer } | null> {
    const { rows } = await this.database.query<{ secret: Buffer }>(
      `UPDATE second_factors SET pending_tries = pending_tries + 1
       WHERE user_id = $1 AND pending_until > $2 AND pending_tries < $3
       RETURNING pending_secret AS secret`,
      [userId, now, MOST_TRIES],
      'second_factor_count_enrolment_try',
    );
    return rows[0] ?? null;
  }

  /** Turns an enrolment on, in the place of what was. @returns false when it was ended or replaced meanwhile */
  async enable(sql: Sql, userId: string, secret: Buffer, step: number, now: Date): Promise<boolean> {
    const { rowCount } = await sql.query(
      `UPDATE second_factors SET secret = pending_secret, enabled_at = $4, last_used_step = $3, failures = 0,
         blocked_until = NULL, pending_secret = NULL, pending_until = NULL
       WHERE user_id = $1 AND pending_secret = $2 AND pending_until > $4`,
      [userId, secret, step, now],
      'second_factor_enable',
    );
    return rowCount === 1;
  }

  /**
   * Counts a try of an app's code, before anything is compared: of any number at once, as many as are left get to see the
   * secret.
   * @returns null when the second factor is off, or its codes are blocked
   */
  async countTry(userId: string, now: Date): Promise<StoredFactor | null> {
    const { rows } = await this.database.query<StoredFactor>(
      `UPDATE second_factors SET failures = failures + 1,
         blocked_until = CASE WHEN (failures + 1) % $3::int = 0
           THEN $2::timestamptz + interval '1 minute' * least($5::int, $4::int * power(2, least(20, (failures + 1) / $3::int - 1)))
           ELSE blocked_until END
       WHERE user_id = $1 AND enabled_at IS NOT NULL AND (blocked_until IS NULL OR blocked_until <= $2::timestamptz)
       RETURNING secret, enabled_at AS "enabledAt"`,
      [userId, now, BLOCK.failures, BLOCK.firstMinutes, BLOCK.mostMinutes],
      'second_factor_count_try',
    );
    return rows[0] ?? null;
  }

  /** Until when codes of the user's app are blocked. @returns null when they are not */
  async blockedUntil(userId: string, now: Date): Promise<Date | null> {
    const { rows } = await this.database.query<{ blockedUntil: Date }>(
      `SELECT blocked_until AS "blockedUntil" FROM second_factors
       WHERE user_id = $1 AND enabled_at IS NOT NULL AND blocked_until > $2`,
      [userId, now],
      'second_factor_blocked_until',
    );
    return rows[0]?.blockedUntil ?? null;
  }

  /**
   * Uses a time step up, and forgets the failures.
   * @returns false when it, or a later one, was used already, or the secret is not on any more
   */
  async useStep(sql: Sql, userId: string, { enabledAt }: StoredFactor, step: number): Promise<boolean> {
    const { rowCount } = await sql.query(
      `UPDATE second_factors SET last_used_step = $3, failures = 0, blocked_until = NULL
       WHERE user_id = $1 AND enabled_at = $2 AND last_used_step < $3`,
      [userId, enabledAt, step],
      'second_factor_use_step',
    );
    return rowCount === 1;
  }

  /** Uses a recovery code up, and forgets the failures. @returns false when there is no such code */
  async useRecoveryCode(sql: Sql, userId: string, codeHash: Buffer): Promise<boolean> {
    const { rowCount } = await sql.query(
      `WITH used AS (DELETE FROM recovery_codes WHERE user_id = $1 AND code_hash = $2 RETURNING user_id)
       UPDATE second_factors f SET failures = 0, blocked_until = NULL FROM used WHERE f.user_id = used.user_id`,
      [userId, codeHash],
      'second_factor_use_recovery_code',
    );
    return rowCount === 1;
  }

  /** Puts these codes in the place of all before. */
  async replaceRecoveryCodes(sql: Sql, userId: string, codeHashes: readonly Buffer[]): Promise<void> {
    await sql.query('DELETE FROM recovery_codes WHERE user_id = $1', [userId], 'second_factor_delete_recovery_codes');
    await sql.query(
      'INSERT INTO recovery_codes (user_id, code_hash) SELECT $1, unnest($2::bytea[])',
      [userId, codeHashes],
      'second_factor_insert_recovery_codes',
    );
  }

  /** Forgets the secret, an enrolment and the recovery codes. @returns whether the second factor was on */
  async remove(sql: Sql, userId: string): Promise<boolean> {
    const { rows } = await sql.query<{ wasEnabled: boolean }>(
      'DELETE FROM second_factors WHERE user_id = $1 RETURNING enabled_at IS NOT NULL AS "wasEnabled"',
      [userId],
      'second_factor_remove',
    );
    return rows[0]?.wasEnabled ?? false;
  }

  /** Forgets the enrolments that nobody confirmed in time. */
  async deleteDeadEnrolments(now: Date): Promise<void> {
    await this.database.query(
      'DELETE FROM second_factors WHERE enabled_at IS NULL AND pending_until < $1',
      [now],
      'second_factor_delete_dead_enrolments',
    );
    await this.database.query(
      'UPDATE second_factors SET pending_secret = NULL, pending_until = NULL WHERE pending_until < $1',
      [now],
      'second_factor_clear_dead_enrolments',
    );
  }

  /** Some of the secrets whose boxes begin with another key's id, in the order of their users. */
  async findSealedOtherwise(
    keyId: Buffer,
    afterUserId: string | null,
    most: number,
  ): Promise<readonly { readonly userId: string; readonly secret: Buffer }[]> {
    const { rows } = await this.database.query<{ userId: string; secret: Buffer }>(
      `SELECT user_id AS "userId", secret FROM second_factors
       WHERE substring(secret FROM 1 FOR $2::int) <> $1 AND ($3::uuid IS NULL OR user_id > $3::uuid)
       ORDER BY user_id LIMIT $4`,
      [keyId, keyId.length, afterUserId, most],
    );
    return rows;
  }

  /** Puts a box in the place of another one with the same secret. */
  async replaceBox(userId: string, old: Buffer, box: Buffer): Promise<void> {
    await this.database.query('UPDATE second_factors SET secret = $3 WHERE user_id = $1 AND secret = $2', [
      userId,
      old,
      box,
    ]);
  }
}
