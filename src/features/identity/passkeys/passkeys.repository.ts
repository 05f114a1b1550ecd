import { newId } from '../../../kernel/ids.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { Credential, NewCredential, PasskeyPurpose, PasskeyRow } from './passkey.js';

const COLUMNS = `id, name, is_backed_up AS "isBackedUp", created_at AS "createdAt", last_used_at AS "lastUsedAt"`;

export class PasskeysRepository {
  constructor(private readonly database: Database) {}

  /** Oldest first. */
  async list(userId: string): Promise<readonly PasskeyRow[]> {
    const { rows } = await this.database.query<PasskeyRow>(
      `SELECT ${COLUMNS} FROM passkeys WHERE user_id = $1 ORDER BY id`,
      [userId],
      'passkey_list',
    );
    return rows;
  }

  async find(userId: string, id: string): Promise<PasskeyRow | null> {
    const { rows } = await this.database.query<PasskeyRow>(
      `SELECT ${COLUMNS} FROM passkeys WHERE user_id = $1 AND id = $2`,
      [userId, id],
      'passkey_find',
    );
    return rows[0] ?? null;
  }

  async listCredentials(userId: string): Promise<readonly Pick<NewCredential, 'credentialId' | 'transports'>[]> {
    const { rows } = await this.database.query<Pick<NewCredential, 'credentialId' | 'transports'>>(
      'SELECT credential_id AS "credentialId", transports FROM passkeys WHERE user_id = $1 ORDER BY id',
      [userId],
      'passkey_list_credentials',
    );
    return rows;
  }

  async findCredential(credentialId: string): Promise<Credential | null> {
    const { rows } = await this.database.query<Credential>(
      `SELECT id, user_id AS "userId", credential_id AS "credentialId", public_key AS "publicKey",
         counter::float8 AS counter
       FROM passkeys WHERE credential_id = $1`,
      [credentialId],
      'passkey_find_credential',
    );
    return rows[0] ?? null;
  }

  /** @returns null when somebody has this credential */
  async insert(
    sql: Sql,
    userId: string,
    name: string,
    { credentialId, publicKey, counter, transports, isBackedUp }: NewCredential,
    now: Date,
  ): Promise<PasskeyRow | null> {
    const { rows } = await sql.query<PasskeyRow>(
      `INSERT INTO passkeys (id, user_id, name, credential_id, public_key, counter, transports, is_backed_up, created_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (credential_id) DO NOTHING RETURNING ${COLUMNS}`,
      [newId(), userId, name, credentialId, publicKey, counter, transports, isBackedUp, now],
      'passkey_insert',
    );
    return rows[0] ?? null;
  }

  /** Marks a login. @returns false when the passkey is gone, or has signed as often or more often meanwhile */
  async use(
    { id }: Pick<Credential, 'id'>,
    { counter, isBackedUp }: Pick<NewCredential, 'counter' | 'isBackedUp'>,
    now: Date,
  ): Promise<boolean> {
    const { rowCount } = await this.database.query(
      `UPDATE passkeys SET counter = $2, is_backed_up = $3, last_used_at = $4
       WHERE id = $1 AND (counter < $2 OR (counter = 0 AND $2 = 0))`,
      [id, counter, isBackedUp, now],
      'passkey_use',
    );
    return rowCount === 1;
  }

  async rename(userId: string, id: string, name: string): Promise<PasskeyRow | null> {
    const { rows } = await this.database.query<PasskeyRow>(
      `UPDATE passkeys SET name = $3 WHERE user_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
      [userId, id, name],
      'passkey_rename',
    );
    return rows[0] ?? null;
  }

  /** @returns the passkey as it was; null when the user has none of this id */
  async delete(sql: Sql, userId: string, id: string): Promise<PasskeyRow | null> {
    const { rows } = await sql.query<PasskeyRow>(
      `DELETE FROM passkeys WHERE user_id = $1 AND id = $2 RETURNING ${COLUMNS}`,
      [userId, id],
      'passkey_delete',
    );
    return rows[0] ?? null;
  }

  /** @returns the ids of what the user had */
  async deleteAllOf(sql: Sql, userId: string): Promise<readonly string[]> {
    const { rows } = await sql.query<{ id: string }>(
      'DELETE FROM passkeys WHERE user_id = $1 RETURNING id',
      [userId],
      'passkey_delete_all',
    );
    return rows.map(({ id }) => id);
  }

  /** @param userId null for a login, of which nobody knows yet whose it is */
  async insertChallenge(
    sql: Sql,
    hash: Buffer,
    purpose: PasskeyPurpose,
    userId: string | null,
    expiresAt: Date,
  ): Promise<void> {
    await sql.query(
      `INSERT INTO passkey_challenges (challenge_hash, purpose, user_id, expires_at)
       VALUES ($1, $2::"PasskeyPurpose", $3, $4)`,
      [hash, purpose, userId, expiresAt],
      'passkey_challenge_insert',
    );
  }

  /** Uses a challenge up. @returns false when there is none: of any number at once, one is true */
  async useChallenge(hash: Buffer, purpose: PasskeyPurpose, userId: string | null, now: Date): Promise<boolean> {
    const { rowCount } = await this.database.query(
      `DELETE FROM passkey_challenges WHERE challenge_hash = $1 AND purpose = $2::"PasskeyPurpose"
         AND user_id IS NOT DISTINCT FROM $3::uuid AND expires_at > $4`,
      [hash, purpose, userId, now],
      'passkey_challenge_use',
    );
    return rowCount === 1;
  }

  async deleteDeadChallenges(now: Date): Promise<void> {
    await this.database.query(
      'DELETE FROM passkey_challenges WHERE expires_at < $1',
      [now],
      'passkey_challenge_delete_dead',
    );
  }
}
