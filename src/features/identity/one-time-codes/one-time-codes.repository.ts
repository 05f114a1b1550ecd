import { minutesFrom } from '../../../kernel/clock.js';
import type { Database, Sql } from '../../../ports/database.js';
import { CODE_MINUTES, COUNTED_MINUTES, MOST_TRIES, type OneTimeCodePurpose } from './one-time-code.js';

/** Which code is meant: an address has one for each purpose. */
export interface CodeKey {
  readonly purpose: OneTimeCodePurpose;
  readonly addressHash: Buffer;
}

export interface StoredCode {
  readonly userId: string | null;
  readonly codeHash: Buffer;
}

export class OneTimeCodesRepository {
  constructor(private readonly database: Database) {}

  /**
   * Puts a code in the place of the one before. Its tries go on counting where they were, unless that is too long ago.
   * @returns whether any tries are left
   */
  async replace({ purpose, addressHash }: CodeKey, { userId, codeHash }: StoredCode, now: Date): Promise<boolean> {
    const { rows } = await this.database.query<{ tries: number }>(
      `INSERT INTO one_time_codes AS present
         (purpose, address_hash, user_id, code_hash, tries, counted_since, expires_at)
       VALUES ($1::"OneTimeCodePurpose", $2, $3, $4, 0, $5, $6)
       ON CONFLICT (purpose, address_hash) DO UPDATE SET
         user_id = EXCLUDED.user_id, code_hash = EXCLUDED.code_hash, expires_at = EXCLUDED.expires_at,
         tries = CASE WHEN present.counted_since > $7 THEN present.tries ELSE 0 END,
         counted_since = CASE WHEN present.counted_since > $7 THEN present.counted_since ELSE EXCLUDED.counted_since END
       RETURNING tries`,
      [purpose, addressHash, userId, codeHash, now, minutesFrom(now, CODE_MINUTES), minutesFrom(now, -COUNTED_MINUTES)],
      'one_time_code_replace',
    );
    return rows.some(({ tries }) => tries < MOST_TRIES);
  }

  /**
   * Counts a try, before anything is compared: of any number at once, as many as are left get to see the hash.
   * @returns null when there is no live code or no try left
   */
  async countTry({ purpose, addressHash }: CodeKey, now: Date): Promise<StoredCode | null> {
    const { rows } = await this.database.query<StoredCode>(
      `UPDATE one_time_codes SET tries = tries + 1
       WHERE purpose = $1::"OneTimeCodePurpose" AND address_hash = $2 AND tries < $3 AND expires_at > $4
       RETURNING user_id AS "userId", code_hash AS "codeHash"`,
      [purpose, addressHash, MOST_TRIES, now],
      'one_time_code_count_try',
    );
    return rows[0] ?? null;
  }

  /**
   * Uses the code up, in the transaction of what it is used for.
   * @returns false when it was used, replaced or has expired meanwhile
   */
  async use(sql: Sql, { purpose, addressHash }: CodeKey, codeHash: Buffer, now: Date): Promise<boolean> {
    const { rowCount } = await sql.query(
      `UPDATE one_time_codes SET expires_at = $4
       WHERE purpose = $1::"OneTimeCodePurpose" AND address_hash = $2 AND code_hash = $3 AND expires_at > $4`,
      [purpose, addressHash, codeHash, now],
      'one_time_code_use',
    );
    return rowCount === 1;
  }

  /** Forgets what neither holds a live code nor counts tries any more. */
  async deleteOld(now: Date): Promise<void> {
    await this.database.query(
      'DELETE FROM one_time_codes WHERE counted_since < $1 AND expires_at < $2',
      [minutesFrom(now, -COUNTED_MINUTES), now],
      'one_time_code_delete_old',
    );
  }
}
