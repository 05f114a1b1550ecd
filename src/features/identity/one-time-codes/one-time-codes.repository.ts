import type { Bytes } from '../../../kernel/bytes.js';
import { minutesFrom } from '../../../kernel/clock.js';
import type { Database, Sql } from '../../../ports/database.js';
import { CODE_MINUTES, COUNTED_MINUTES, MAX_TRIES, type OneTimeCodePurpose } from './one-time-code.js';

/** Which code is meant: an address has one for each purpose. */
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
   * Puts a code in the place of the one before. SQL, since what is written depends on the row that is there. Its tries go on counting where they were, unless that is too long ago.
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
    return rows.some(({ tries }) => tries < MAX_TRIES);
  }

  /**
   * Counts a try, before anything is compared: of any number at once, as many as are left get to see the hash.
   * @returns null when there is no live code or no try left
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
   * Uses the code up, in the transaction of what it is used for.
   * @returns false when it was used, replaced or has expired meanwhile
   */
  async use(sql: Sql, { purpose, addressHash }: CodeKey, codeHash: Bytes, now: Date): Promise<boolean> {
    const { count } = await sql.prisma.oneTimeCode.updateMany({
      where: { purpose, addressHash, codeHash, expiresAt: { gt: now } },
      data: { expiresAt: now },
    });
    return count === 1;
  }

  /** Forgets what neither holds a live code nor counts tries any more. */
  async deleteOld(now: Date): Promise<void> {
    await this.database.prisma.oneTimeCode.deleteMany({
      where: { countedSince: { lt: minutesFrom(now, -COUNTED_MINUTES) }, expiresAt: { lt: now } },
    });
  }
}
