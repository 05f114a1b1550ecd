import type { Bytes } from '../../../kernel/bytes.js';
import type { Database, Sql } from '../../../ports/database.js';
import { MAX_TRIES } from './second-factor.js';

/** Of whom a challenge is, and the digest of the password's hash that they had; null for a user without a password. */
export interface StoredChallenge {
  readonly userId: string;
  readonly passwordDigest: Bytes | null;
}

export class LoginChallengesRepository {
  constructor(private readonly database: Database) {}

  async insert(tokenHash: Bytes, { userId, passwordDigest }: StoredChallenge, expiresAt: Date): Promise<void> {
    await this.database.prisma.loginChallenge.createMany({ data: { tokenHash, userId, passwordDigest, expiresAt } });
  }

  /**
   * Counts a try, before anything is compared: of any number at once, as many as are left go on.
   * @returns null when there is no live challenge or no try left
   */
  async countTry(tokenHash: Bytes, now: Date): Promise<StoredChallenge | null> {
    const [row] = await this.database.prisma.loginChallenge.updateManyAndReturn({
      where: { tokenHash, tries: { lt: MAX_TRIES }, expiresAt: { gt: now } },
      data: { tries: { increment: 1 } },
      select: { userId: true, passwordDigest: true },
    });
    return row ?? null;
  }

  /** Uses it up. @returns false when it was used meanwhile */
  async delete(sql: Sql, tokenHash: Bytes): Promise<boolean> {
    const { count } = await sql.prisma.loginChallenge.deleteMany({ where: { tokenHash } });
    return count === 1;
  }

  async deleteDead(now: Date): Promise<void> {
    await this.database.prisma.loginChallenge.deleteMany({ where: { expiresAt: { lt: now } } });
  }
}
