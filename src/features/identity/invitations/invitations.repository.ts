import type { Bytes } from '../../../kernel/bytes.js';
import { pageOf, type Page, type PageRequest } from '../../../kernel/page.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { InvitationRow } from './invitation.js';

const COLUMNS = `id, email, plan, max_uses AS "maxUses", uses, expires_at AS "expiresAt", revoked_at AS "revokedAt",
  created_at AS "createdAt"`;

const IS_GOOD = 'revoked_at IS NULL AND expires_at > $2 AND uses < max_uses';

export interface StoredInvitation extends InvitationRow {
  readonly codeHash: Bytes;
}

/** SQL, since the count of uses and its limit are columns of one row. */
export class InvitationsRepository {
  constructor(private readonly database: Database) {}

  async insert(sql: Sql, { codeHash, ...row }: StoredInvitation): Promise<void> {
    await sql.query(
      `INSERT INTO invitations (id, code_hash, email, plan, max_uses, uses, expires_at, created_at)
       VALUES ($1, $2, $3, $4, $5, 0, $6, $7)`,
      [row.id, codeHash, row.email, row.plan, row.maxUses, row.expiresAt, row.createdAt],
    );
  }

  /** @returns null when it is unknown, used up, expired or revoked */
  async findGood(codeHash: Bytes, now: Date): Promise<InvitationRow | null> {
    const { rows } = await this.database.query<InvitationRow>(
      `SELECT ${COLUMNS} FROM invitations WHERE code_hash = $1 AND ${IS_GOOD}`,
      [codeHash, now],
    );
    return rows[0] ?? null;
  }

  /** Those that are bound to the address, as the database folds case; the oldest first, 10 at most. */
  async findGoodFor(email: string, now: Date): Promise<readonly InvitationRow[]> {
    const { rows } = await this.database.query<InvitationRow>(
      `SELECT ${COLUMNS} FROM invitations WHERE lower(email) = lower($1) AND ${IS_GOOD} ORDER BY id LIMIT 10`,
      [email, now],
    );
    return rows;
  }

  async find(id: string): Promise<StoredInvitation | null> {
    const { rows } = await this.database.query<StoredInvitation>(
      `SELECT ${COLUMNS}, code_hash AS "codeHash" FROM invitations WHERE id = $1`,
      [id],
    );
    return rows[0] ?? null;
  }

  /** Counts one use: of calls at once, no more succeed than are left. */
  async use(sql: Sql, id: string, now: Date): Promise<boolean> {
    const { rows } = await sql.query(
      `UPDATE invitations SET uses = uses + 1 WHERE id = $1 AND ${IS_GOOD} RETURNING id`,
      [id, now],
    );
    return rows.length === 1;
  }

  /** @returns null when there is none; `wasGood` is false when it had been revoked before */
  async revoke(
    sql: Sql,
    id: string,
    now: Date,
  ): Promise<{ readonly row: InvitationRow; readonly wasGood: boolean } | null> {
    const revoked = await sql.query<InvitationRow>(
      `UPDATE invitations SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL RETURNING ${COLUMNS}`,
      [id, now],
    );
    const [row] = revoked.rows;
    if (row !== undefined) return { row, wasGood: true };
    const { rows } = await sql.query<InvitationRow>(`SELECT ${COLUMNS} FROM invitations WHERE id = $1`, [id]);
    return rows[0] === undefined ? null : { row: rows[0], wasGood: false };
  }

  /** Newest first. */
  async page(request: PageRequest): Promise<Page<InvitationRow>> {
    const { after, size, offset } = request;
    const { rows } = await this.database.query<InvitationRow>(
      `SELECT ${COLUMNS} FROM invitations ${after === null ? '' : 'WHERE id < $3'} ORDER BY id DESC LIMIT $1 OFFSET $2`,
      [size + 1, offset, ...(after === null ? [] : [after])],
    );
    return pageOf(request, rows);
  }

  async count(): Promise<number> {
    const { rows } = await this.database.query<{ count: number }>('SELECT count(*)::int AS count FROM invitations');
    return rows[0]?.count ?? 0;
  }
}
