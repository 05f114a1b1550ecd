import type { Database, Sql } from '../../../ports/database.js';
import { MOST_TRIES } from './second-factor.js';

/** Of whom a challenge is, and the digest of the password's hash that they had; null for a user without a password. */
export interface StoredChallenge {
  readonly userId: string;
  readonly passwordDigest: Buffer | null;
}

export class LoginChallengesRepository {
  constructor(private readonly database: Database) {}

  async insert(tokenHash: Buffer, { userId, passwordDigest }: StoredChallenge, expiresAt: Date): Promise<void> {
    await this.database.query(
      'INSERT INTO login_challenges (token_hash, user_id, password_digest, expires_at) VALUES ($1, $2, $3, $4)',
      [tokenHash, userId, passwordDigest, expiresAt],
      'login_challenge_insert',
    );
  }

  /**
   * Counts a try, before anything is compared: of any number at once, as many as are left go on.
   * @returns null when there is no live challenge or no try left
   */
  async countTry(tokenHash: Buffer, now: Date): Promise<StoredChallenge | null> {
    const { rows } = await this.database.query<StoredChallenge>(
      `UPDATE login_challenges SET tries = tries + 1 WHERE token_hash = $1 AND tries < $2 AND expires_at > $3
       RETURNING user_id AS "userId", password_digest AS "passwordDigest"`,
      [tokenHash, MOST_TRIES, now],
      'login_challenge_count_try',
    );
    return rows[0] ?? null;
  }

  /** Uses it up. @returns false when it was used meanwhile */
  async delete(sql: Sql, tokenHash: Buffer): Promise<boolean> {
    const { rowCount } = await sql.query(
      'DELETE FROM login_challenges WHERE token_hash = $1',
      [tokenHash],
      'login_challenge_delete',
    );
    return rowCount === 1;
  }

  async deleteDead(now: Date): Promise<void> {
    await this.database.query(
      'DELETE FROM login_challenges WHERE expires_at < $1',
      [now],
      'login_challenge_delete_dead',
    );
  }
}
