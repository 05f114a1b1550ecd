import type { Database, Sql } from '../../../ports/database.js';

/** How long a key is kept. */
const KEPT = `interval '24 hours'`;
/** Keys that one statement removes at most. */
const SWEEP_BATCH = 1_000;

/** A key of one user. */
export interface KeyId {
  readonly userId: string;
  readonly key: Uint8Array;
}

/** A key that one call acts under. */
export interface Claim extends KeyId {
  readonly claim: string;
}

export interface FoundKey {
  readonly isClaimed: boolean;
  readonly fingerprint: Uint8Array;
  readonly outcome: Uint8Array | null;
}

export class IdempotencyRepository {
  constructor(private readonly database: Pick<Database, 'query'>) {}

  /**
   * Takes the key where it is free, or its call has left it without storing anything; tells what it came to otherwise.
   * @returns null when another call took it at this moment
   */
  async claim({ userId, key, claim }: Claim, fingerprint: Uint8Array, seconds: number): Promise<FoundKey | null> {
    const { rows } = await this.database.query<FoundKey>(
      `WITH claimed AS (
         INSERT INTO idempotency_keys AS k (user_id, key, fingerprint, claim, claimed_until, created_at)
         VALUES ($1, $2, $3, $4, clock_timestamp() + $5::int * interval '1 second', now())
         ON CONFLICT (user_id, key) DO UPDATE SET fingerprint = excluded.fingerprint, claim = excluded.claim,
           claimed_until = excluded.claimed_until, outcome = NULL, reply_id = NULL, created_at = excluded.created_at
         WHERE k.created_at < now() - ${KEPT} OR (k.outcome IS NULL AND k.claimed_until < clock_timestamp())
         RETURNING fingerprint
       )
       SELECT true AS "isClaimed", fingerprint, NULL::bytea AS outcome FROM claimed
       UNION ALL
       SELECT false, fingerprint, outcome FROM idempotency_keys
       WHERE user_id = $1 AND key = $2 AND NOT EXISTS (SELECT FROM claimed)`,
      [userId, key, fingerprint, claim, seconds],
      'idempotency_claim',
    );
    return rows[0] ?? null;
  }

  async renew({ userId, key, claim }: Claim, seconds: number): Promise<void> {
    await this.database.query(
      `UPDATE idempotency_keys SET claimed_until = clock_timestamp() + $4::int * interval '1 second'
       WHERE user_id = $1 AND key = $2 AND claim = $3 AND outcome IS NULL`,
      [userId, key, claim, seconds],
      'idempotency_renew',
    );
  }

  /** @returns false when another call has taken the key over */
  async store(
    sql: Pick<Sql, 'query'>,
    { userId, key, claim }: Claim,
    outcome: Uint8Array,
    replyId: string | null,
  ): Promise<boolean> {
    const { rowCount } = await sql.query(
      `UPDATE idempotency_keys SET outcome = $4, reply_id = $5 WHERE user_id = $1 AND key = $2 AND claim = $3`,
      [userId, key, claim, outcome, replyId],
      'idempotency_store',
    );
    return rowCount > 0;
  }

  /** Frees a key whose call has stored nothing. */
  async release(sql: Pick<Sql, 'query'>, { userId, key, claim }: Claim): Promise<void> {
    await sql.query(
      `DELETE FROM idempotency_keys WHERE user_id = $1 AND key = $2 AND claim = $3 AND outcome IS NULL`,
      [userId, key, claim],
      'idempotency_release',
    );
  }

  async find({ userId, key }: KeyId): Promise<Pick<FoundKey, 'outcome'> | null> {
    const { rows } = await this.database.query<Pick<FoundKey, 'outcome'>>(
      `SELECT outcome FROM idempotency_keys WHERE user_id = $1 AND key = $2`,
      [userId, key],
      'idempotency_find',
    );
    return rows[0] ?? null;
  }

  /** @returns how many were removed */
  async deleteOld(): Promise<number> {
    const { rowCount } = await this.database.query(
      `DELETE FROM idempotency_keys WHERE (user_id, key) IN (
         SELECT user_id, key FROM idempotency_keys WHERE created_at < now() - ${KEPT}
         ORDER BY created_at LIMIT ${SWEEP_BATCH} FOR UPDATE SKIP LOCKED
       )`,
    );
    return rowCount === SWEEP_BATCH ? rowCount + (await this.deleteOld()) : rowCount;
  }

  /** For a start while no other instance is running: no call is under way. */
  async releaseAll(): Promise<void> {
    await this.database.query(`DELETE FROM idempotency_keys WHERE outcome IS NULL`);
  }
}
