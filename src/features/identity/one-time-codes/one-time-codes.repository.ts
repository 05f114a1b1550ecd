import type { Bytes } from '../../../kernel/bytes.js';
import { minutesFrom } from '../../../kernel/clock.js';
import type { Database, Sql } from '../../../ports/database.js';
import { CODE_MINUTES, COUNTED_MINUTES, MAX_TRIES, type OneTimeCodePurpose } from './one-time-code.js';

/** Identifies a code: an address has one for each purpose. */
export interface CodeKey {
  readonly purpose: OneTimeCodePurpose;
  readonly addressHash: Bytes;
}

export interface StoredCode {
  readonly userId: string | null;
  readonly codeHash: Bytes;
}

export class OneTimeCodesRepository {
  constructor(private readonly database: Database) {}

  /**
   * Replaces the previous code. Attempts at the previous one still count, unless they are too long ago. SQL, since the
   * new values depend on those of the existing row.
   * @returns whether any attempts are left
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
    return rows.some(({ tries }) => tries < MAX_TRIES);
  }

  /**
   * Counts an attempt before the code is compared, so that concurrent attempts cannot exceed the limit.
   * @returns null when there is no valid code or no attempt left
   */
  async countTry({ purpose, addressHash }: CodeKey, now: Date): Promise<StoredCode | null> {
    const [row] = await this.database.prisma.oneTimeCode.updateManyAndReturn({
      where: { purpose, addressHash, tries: { lt: MAX_TRIES }, expiresAt: { gt: now } },
      data: { tries: { increment: 1 } },
      select: { userId: true, codeHash: true },
    });
    return row ?? null;
  }

  /**
   * Consumes the code, in the transaction of the change that it authorises.
   * @returns false when it has meanwhile been used, replaced or expired
   */
  async use(sql: Sql, { purpose, addressHash }: CodeKey, codeHash: Bytes, now: Date): Promise<boolean> {
    const { count } = await sql.prisma.oneTimeCode.updateMany({
      where: { purpose, addressHash, codeHash, expiresAt: { gt: now } },
      data: { expiresAt: now },
    });
    return count === 1;
  }

  async endAllOf(sql: Sql, userId: string, now: Date): Promise<void> {
    await sql.prisma.oneTimeCode.updateMany({ where: { userId, expiresAt: { gt: now } }, data: { expiresAt: now } });
  }

  /** Deletes rows that have neither a valid code nor attempts that still count. */
  async deleteOld(now: Date): Promise<void> {
    await this.database.prisma.oneTimeCode.deleteMany({
      where: { countedSince: { lt: minutesFrom(now, -COUNTED_MINUTES) }, expiresAt: { lt: now } },
    });
  }
}
