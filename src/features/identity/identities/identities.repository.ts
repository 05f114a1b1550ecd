import { newId } from '../../../kernel/ids.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { IdentityRow, VouchedUser } from './identity.js';

const COLUMNS = `id, user_id AS "userId", provider, email, created_at AS "createdAt", last_used_at AS "lastUsedAt"`;
const NEW = '(id, user_id, provider, issuer, subject, email, created_at, last_used_at)';

export class IdentitiesRepository {
  constructor(private readonly database: Database) {}

  /** Marks the identity as used. @returns null when nobody has it */
  async use(vouched: VouchedUser, now: Date): Promise<IdentityRow | null> {
    const { rows } = await this.database.query<IdentityRow>(
      `UPDATE identities SET last_used_at = $3 WHERE issuer = $1 AND subject = $2 RETURNING ${COLUMNS}`,
      [vouched.issuer, vouched.subject, now],
      'identity_use',
    );
    return rows[0] ?? null;
  }

  async findBySubject({ issuer, subject }: VouchedUser): Promise<IdentityRow | null> {
    const { rows } = await this.database.query<IdentityRow>(
      `SELECT ${COLUMNS} FROM identities WHERE issuer = $1 AND subject = $2`,
      [issuer, subject],
      'identity_find_by_subject',
    );
    return rows[0] ?? null;
  }

  async find(userId: string, id: string): Promise<IdentityRow | null> {
    const { rows } = await this.database.query<IdentityRow>(
      `SELECT ${COLUMNS} FROM identities WHERE id = $2 AND user_id = $1`,
      [userId, id],
      'identity_find',
    );
    return rows[0] ?? null;
  }

  /** Oldest first. */
  async listOf(userId: string): Promise<readonly IdentityRow[]> {
    const { rows } = await this.database.query<IdentityRow>(
      `SELECT ${COLUMNS} FROM identities WHERE user_id = $1 ORDER BY id`,
      [userId],
      'identity_list',
    );
    return rows;
  }

  /** @returns null when somebody has it */
  async insert(sql: Sql, userId: string, vouched: VouchedUser, now: Date): Promise<IdentityRow | null> {
    const { rows } = await sql.query<IdentityRow>(
      `INSERT INTO identities ${NEW} VALUES ($1, $2, $3, $4, $5, $6, $7, $7)
       ON CONFLICT (issuer, subject) DO NOTHING RETURNING ${COLUMNS}`,
      [newId(), userId, vouched.provider, vouched.issuer, vouched.subject, vouched.email, now],
      'identity_insert',
    );
    return rows[0] ?? null;
  }

  /** Holds the user's row. @returns whether the user has a password; null when there is no such user */
  async lockUser(sql: Sql, userId: string): Promise<boolean | null> {
    const { rows } = await sql.query<{ hasPassword: boolean }>(
      `SELECT password_hash IS NOT NULL AS "hasPassword" FROM users
       WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE`,
      [userId],
      'identity_lock_user',
    );
    return rows[0]?.hasPassword ?? null;
  }

  async delete(sql: Sql, userId: string, id: string): Promise<IdentityRow | null> {
    const { rows } = await sql.query<IdentityRow>(
      `DELETE FROM identities WHERE id = $2 AND user_id = $1 RETURNING ${COLUMNS}`,
      [userId, id],
      'identity_delete',
    );
    return rows[0] ?? null;
  }

  async countOf(sql: Sql, userId: string): Promise<number> {
    const { rows } = await sql.query<{ count: number }>(
      'SELECT count(*)::int AS count FROM identities WHERE user_id = $1',
      [userId],
      'identity_count',
    );
    return rows[0]?.count ?? 0;
  }

  async deleteAllOf(sql: Sql, userId: string): Promise<readonly IdentityRow[]> {
    const { rows } = await sql.query<IdentityRow>(
      `DELETE FROM identities WHERE user_id = $1 RETURNING ${COLUMNS}`,
      [userId],
      'identity_delete_all',
    );
    return rows;
  }
}
