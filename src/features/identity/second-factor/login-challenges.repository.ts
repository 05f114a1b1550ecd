import type { Bytes } from '../../../kernel/bytes.js';
import type { Database, Sql } from '../../../ports/database.js';
import { MAX_TRIES } from './second-factor.js';

/** A challenge's user, and a digest of the user's password hash at that time; null for a user without a password. */
export interface StoredChallenge {
  readonly userId: string;
  readonly passwordDigest: Bytes | null;
  /** The user's epoch at that time. */
  readonly credentialsEpoch: number;
}

export class LoginChallengesRepository {
  constructor(private readonly database: Database) {}

  async insert(tokenHash: Bytes, challenge: StoredChallenge, expiresAt: Date): Promise<void> {
    await this.database.prisma.loginChallenge.createMany({ data: { tokenHash, ...challenge, expiresAt } });
  }

  /**
   * Counts an attempt before the code is compared, so that concurrent attempts cannot exceed the limit.
   * @returns null when there is no valid challenge or no attempt left
   */
  async countTry(tokenHash: Bytes, now: Date): Promise<StoredChallenge | null> {
    const [row] = await this.database.prisma.loginChallenge.updateManyAndReturn({
      where: { tokenHash, tries: { lt: MAX_TRIES }, expiresAt: { gt: now } },
      data: { tries: { increment: 1 } },
      select: { userId: true, passwordDigest: true, credentialsEpoch: true },
    });
    return row ?? null;
  }

  /** Consumes the challenge. @returns false when it was already used */
  async delete(sql: Sql, tokenHash: Bytes): Promise<boolean> {
    const { count } = await sql.prisma.loginChallenge.deleteMany({ where: { tokenHash } });
    return count === 1;
  }

  async deleteAllOf(sql: Sql, userId: string): Promise<void> {
    await sql.prisma.loginChallenge.deleteMany({ where: { userId } });
  }

  async deleteDead(now: Date): Promise<void> {
    await this.database.prisma.loginChallenge.deleteMany({ where: { expiresAt: { lt: now } } });
  }
}
