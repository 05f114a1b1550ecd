import type { Prisma } from '../../../generated/prisma/client.js';
import { newId } from '../../../kernel/ids.js';
import type { Database, Sql } from '../../../ports/database.js';
import { deletedOrNull } from '../../../ports/prisma-errors.js';
import type { IdentityRow, VouchedUser } from './identity.js';

const IDENTITY = {
  id: true,
  userId: true,
  provider: true,
  email: true,
  createdAt: true,
  lastUsedAt: true,
} as const satisfies Prisma.IdentitySelect;

export class IdentitiesRepository {
  constructor(private readonly database: Database) {}

  /** Updates when the identity was last used. @returns null when it is not linked to a user */
  async use({ issuer, subject }: VouchedUser, now: Date): Promise<IdentityRow | null> {
    const [row] = await this.database.prisma.identity.updateManyAndReturn({
      where: { issuer, subject },
      data: { lastUsedAt: now },
      select: IDENTITY,
    });
    return row ?? null;
  }

  findBySubject({ issuer, subject }: VouchedUser): Promise<IdentityRow | null> {
    return this.database.prisma.identity.findFirst({ where: { issuer, subject }, select: IDENTITY });
  }

  find(userId: string, id: string): Promise<IdentityRow | null> {
    return this.database.prisma.identity.findFirst({ where: { id, userId }, select: IDENTITY });
  }

  /** Oldest first. */
  listOf(userId: string): Promise<readonly IdentityRow[]> {
    return this.database.prisma.identity.findMany({ where: { userId }, orderBy: { id: 'asc' }, select: IDENTITY });
  }

  /** @returns null when the identity is already linked to a user */
  async insert(sql: Sql, userId: string, vouched: VouchedUser, now: Date): Promise<IdentityRow | null> {
    const { provider, issuer, subject, email } = vouched;
    const [row] = await sql.prisma.identity.createManyAndReturn({
      data: { id: newId(), userId, provider, issuer, subject, email, createdAt: now, lastUsedAt: now },
      skipDuplicates: true,
      select: IDENTITY,
    });
    return row ?? null;
  }

  /**
   * Locks the user's row, for which it needs SQL.
   * @returns whether the user has a password; null when there is no such user
   */
  async lockUser(sql: Sql, userId: string): Promise<boolean | null> {
    const { rows } = await sql.query<{ hasPassword: boolean }>(
      `SELECT password_hash IS NOT NULL AS "hasPassword" FROM users
       WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE`,
      [userId],
      'identity_lock_user',
    );
    return rows[0]?.hasPassword ?? null;
  }

  delete(sql: Sql, userId: string, id: string): Promise<IdentityRow | null> {
    return deletedOrNull(sql.prisma.identity.delete({ where: { id, userId }, select: IDENTITY }));
  }

  countOf(sql: Sql, userId: string): Promise<number> {
    return sql.prisma.identity.count({ where: { userId } });
  }

  /** SQL, since Prisma does not return the rows that it deletes. */
  async deleteSince(sql: Sql, userId: string, since: Date): Promise<readonly Pick<IdentityRow, 'provider'>[]> {
    const { rows } = await sql.query<Pick<IdentityRow, 'provider'>>(
      'DELETE FROM identities WHERE user_id = $1 AND created_at >= $2 RETURNING provider',
      [userId, since],
      'identity_delete_since',
    );
    return rows;
  }
}
