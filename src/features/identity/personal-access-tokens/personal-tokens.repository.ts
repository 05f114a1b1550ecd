import type { Prisma } from '../../../generated/prisma/client.js';
import type { Bytes } from '../../../kernel/bytes.js';
import { newId } from '../../../kernel/ids.js';
import type { Database, Sql } from '../../../ports/database.js';
import { deletedOrNull } from '../../../ports/prisma-errors.js';
import type { TokenState } from '../sessions/token-holders.js';
import { MAX_TOKENS, type PersonalAccessTokenRow } from './personal-access-token.js';

const TOKEN = {
  id: true,
  name: true,
  scopes: true,
  lastFour: true,
  createdAt: true,
  lastUsedAt: true,
  expiresAt: true,
} as const satisfies Prisma.PersonalAccessTokenSelect;

export interface NewTokenRow extends Omit<PersonalAccessTokenRow, 'id' | 'lastUsedAt'> {
  readonly userId: string;
  readonly tokenHash: Bytes;
}

export class PersonalTokensRepository {
  constructor(private readonly database: Database) {}

  /** On the hot path: read at every request with a token. */
  async findState(tokenHash: Bytes): Promise<TokenState | null> {
    const { rows } = await this.database.query<TokenState>(
      `SELECT t.id AS "tokenId", t.scopes, t.expires_at AS "expiresAt", t.last_used_at AS "lastUsedAt",
         u.id AS "userId", u.is_admin AS "isAdmin", u.plan, u.is_active AS "isActive", u.is_suspended AS "isSuspended",
         u.deleted_at IS NOT NULL AS "isDeleted"
       FROM personal_access_tokens t JOIN users u ON u.id = t.user_id WHERE t.token_hash = $1`,
      [tokenHash],
      'access_token_state',
    );
    return rows[0] ?? null;
  }

  /** Notes that it is in use, unless a request after `since` did. */
  async markUsed(id: string, now: Date, since: Date): Promise<void> {
    await this.database.query(
      `UPDATE personal_access_tokens SET last_used_at = $2
       WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)`,
      [id, now, since],
      'access_token_used',
    );
  }

  /** Finds those of the tokens that are gone or have expired, and those of users who may no longer use the service. */
  async findEnded(ids: readonly string[], now: Date): Promise<readonly string[]> {
    const { rows } = await this.database.query<{ id: string }>(
      `SELECT id FROM unnest($1::uuid[]) AS watched (id) WHERE NOT EXISTS (
         SELECT FROM personal_access_tokens t JOIN users u ON u.id = t.user_id
         WHERE t.id = watched.id AND t.expires_at > $2
           AND u.deleted_at IS NULL AND u.is_active AND NOT u.is_suspended)`,
      [ids, now],
      'access_token_find_ended',
    );
    return rows.map(({ id }) => id);
  }

  /** Newest first. */
  async list(userId: string): Promise<readonly PersonalAccessTokenRow[]> {
    const rows = await this.database.prisma.personalAccessToken.findMany({
      where: { userId },
      orderBy: { id: 'desc' },
      take: MAX_TOKENS,
      select: TOKEN,
    });
    return rows as readonly PersonalAccessTokenRow[];
  }

  async find(userId: string, id: string): Promise<PersonalAccessTokenRow | null> {
    const row = await this.database.prisma.personalAccessToken.findFirst({ where: { id, userId }, select: TOKEN });
    return row as PersonalAccessTokenRow | null;
  }

  count(sql: Sql, userId: string): Promise<number> {
    return sql.prisma.personalAccessToken.count({ where: { userId } });
  }

  async insert(sql: Sql, { scopes, ...row }: NewTokenRow): Promise<PersonalAccessTokenRow> {
    const data = { id: newId(), ...row, scopes: [...scopes] };
    return (await sql.prisma.personalAccessToken.create({ data, select: TOKEN })) as PersonalAccessTokenRow;
  }

  /** @returns the deleted token; null when the user has none with this id */
  async delete(sql: Sql, userId: string, id: string): Promise<PersonalAccessTokenRow | null> {
    const deleted = deletedOrNull(sql.prisma.personalAccessToken.delete({ where: { id, userId }, select: TOKEN }));
    return (await deleted) as PersonalAccessTokenRow | null;
  }

  async deleteAllOf(sql: Sql, userId: string): Promise<void> {
    await sql.prisma.personalAccessToken.deleteMany({ where: { userId } });
  }

  async deleteExpired(sql: Sql, userId: string, before: Date): Promise<void> {
    await sql.prisma.personalAccessToken.deleteMany({ where: { userId, expiresAt: { lt: before } } });
  }
}
