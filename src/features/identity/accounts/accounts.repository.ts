import { Conflict } from '../../../kernel/errors.js';
import { containsPattern } from '../../../kernel/like-pattern.js';
import { newId } from '../../../kernel/ids.js';
import { pageOf, type Page, type PageRequest } from '../../../kernel/page.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { DeletedUserRow, LoginRow, UserRow, WritableFields } from './user.js';

const COLUMNS = `id, email, phone_number AS "phoneNumber", provider, provider_id AS "providerId",
  is_verified AS "isVerified", verified_at AS "verifiedAt", profile, is_active AS "isActive",
  is_suspended AS "isSuspended", is_admin AS "isAdmin", plan, last_login AS "lastLogin",
  created_at AS "createdAt", updated_at AS "updatedAt"`;

/** Any number that no other lock of this database has: held while an admin stops being one. */
const ADMINS_LOCK = 7_265_001;

/** What is done in the transaction that wrote a user. */
type RecordUser = (user: UserRow, sql: Sql) => Promise<void>;

/** Users that are not deleted; a deleted one is found by none of these. */
export class AccountsRepository {
  constructor(private readonly database: Database) {}

  async find(id: string): Promise<UserRow | null> {
    const { rows } = await this.database.query<UserRow>(
      `SELECT ${COLUMNS} FROM users WHERE id = $1 AND deleted_at IS NULL`,
      [id],
      'user_find',
    );
    return rows[0] ?? null;
  }

  async findMany(ids: readonly string[]): Promise<readonly UserRow[]> {
    const { rows } = await this.database.query<UserRow>(
      `SELECT ${COLUMNS} FROM users WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL`,
      [ids],
      'user_find_many',
    );
    return rows;
  }

  async findByEmail(email: string): Promise<UserRow | null> {
    const { rows } = await this.database.query<UserRow>(
      `SELECT ${COLUMNS} FROM users WHERE lower(email) = lower($1) AND deleted_at IS NULL`,
      [email],
      'user_find_by_email',
    );
    return rows[0] ?? null;
  }

  /** The last deleted first; at most 100. */
  async findDeleted(email: string): Promise<readonly DeletedUserRow[]> {
    const { rows } = await this.database.query<DeletedUserRow>(
      `SELECT id, deleted_at AS "deletedAt" FROM users
       WHERE lower(email) = lower($1) AND deleted_at IS NOT NULL ORDER BY deleted_at DESC LIMIT 100`,
      [email],
    );
    return rows;
  }

  async findLogin(email: string): Promise<(LoginRow & { readonly email: string }) | null> {
    const { rows } = await this.database.query<LoginRow & { readonly email: string }>(
      `SELECT id, email, password_hash AS "passwordHash", is_active AS "isActive", is_suspended AS "isSuspended"
       FROM users WHERE lower(email) = lower($1) AND deleted_at IS NULL`,
      [email],
      'user_find_login',
    );
    return rows[0] ?? null;
  }

  async findLoginById(id: string): Promise<LoginRow | null> {
    const { rows } = await this.database.query<LoginRow>(
      `SELECT id, password_hash AS "passwordHash", is_active AS "isActive", is_suspended AS "isSuspended"
       FROM users WHERE id = $1 AND deleted_at IS NULL`,
      [id],
      'user_find_login_by_id',
    );
    return rows[0] ?? null;
  }

  /** @returns false when the user has another hash than `user` by now, or is gone */
  async replacePasswordHash(user: Pick<LoginRow, 'id' | 'passwordHash'>, passwordHash: string): Promise<boolean> {
    const { rowCount } = await this.database.query(
      'UPDATE users SET password_hash = $3 WHERE id = $1 AND password_hash = $2 AND deleted_at IS NULL',
      [user.id, user.passwordHash, passwordHash],
    );
    return rowCount === 1;
  }

  /** Newest first. `search` is a part of the e-mail address or the phone number, in any case. */
  async page(search: string | null, request: PageRequest): Promise<Page<UserRow>> {
    const { rows } = await this.database.query<UserRow>(
      `SELECT ${COLUMNS} FROM users
       WHERE deleted_at IS NULL AND ($1::text IS NULL OR email ILIKE $1 OR phone_number ILIKE $1)
         AND ($2::uuid IS NULL OR id < $2::uuid)
       ORDER BY id DESC LIMIT $3 OFFSET $4`,
      [search === null ? null : containsPattern(search), request.after, request.size + 1, request.offset],
    );
    return pageOf(request, rows);
  }

  async count(search: string | null): Promise<number> {
    const { rows } = await this.database.query<{ count: number }>(
      `SELECT count(*)::int AS count FROM users
       WHERE deleted_at IS NULL AND ($1::text IS NULL OR email ILIKE $1 OR phone_number ILIKE $1)`,
      [search === null ? null : containsPattern(search)],
    );
    return rows[0]?.count ?? 0;
  }

  /**
   * Brings a deleted user back, active. @returns null when no deleted user has this id
   * @param record keeps what happened, in the same transaction
   * @throws Conflict `User already exists` when the e-mail address was taken meanwhile
   */
  restore(id: string, now: Date, record: RecordUser): Promise<UserRow | null> {
    return this.database.transaction(async (sql) => {
      const update = sql.query<UserRow>(
        `UPDATE users SET deleted_at = NULL, is_active = true, updated_at = $2
         WHERE id = $1 AND deleted_at IS NOT NULL RETURNING ${COLUMNS}`,
        [id, now],
      );
      const { rows } = await update.catch(refuseTakenEmail);
      const [user] = rows;
      if (user === undefined) return null;
      await record(user, sql);
      return user;
    });
  }

  /**
   * @param record keeps what happened, in the same transaction
   * @throws Conflict `User already exists`
   */
  insert(user: WritableFields, passwordHash: string | null, now: Date, record: RecordUser): Promise<UserRow> {
    return this.database.transaction(async (sql) => {
      // The unique index decides, not a read before the write: of any number at once, one is inserted.
      const { rows } = await sql.query<UserRow>(
        `INSERT INTO users (id, email, phone_number, provider, provider_id, is_verified, verified_at, profile, is_active,
           is_suspended, is_admin, plan, password_hash, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11, $12, $13, $14, $14)
         ON CONFLICT (lower(email)) WHERE deleted_at IS NULL DO NOTHING
         RETURNING ${COLUMNS}`,
        [newId(), ...valuesOf(user), passwordHash, now],
        'user_insert',
      );
      const [inserted] = rows;
      if (inserted === undefined) throw emailTaken();
      await record(inserted, sql);
      return inserted;
    });
  }

  /**
   * Reads a user and writes what `change` makes of it, in one transaction that holds the user's row, so that no change made
   * meanwhile is lost.
   * @returns null when there is no such user
   * @throws Conflict `User already exists`, and what `change` throws
   */
  change<Result>(id: string, change: (user: UserRow, edit: UserEdit) => Promise<Result>): Promise<Result | null> {
    return this.database.transaction(async (sql) => {
      const { rows } = await sql.query<UserRow>(
        `SELECT ${COLUMNS} FROM users WHERE id = $1 AND deleted_at IS NULL FOR NO KEY UPDATE`,
        [id],
        'user_lock',
      );
      const [user] = rows;
      return user === undefined ? null : change(user, new UserEdit(sql, id));
    });
  }
}

/** What may be done while a user's row is held. */
export class UserEdit {
  constructor(
    /** The transaction, for what has to happen in the same one. */
    readonly sql: Sql,
    private readonly id: string,
  ) {}

  /** @param passwordHash null leaves the password as it is */
  async write(user: WritableFields, passwordHash: string | null, now: Date): Promise<UserRow> {
    const update = this.sql.query<UserRow>(
      `UPDATE users SET email = $2, phone_number = $3, provider = $4, provider_id = $5, is_verified = $6,
         verified_at = $7, profile = $8::jsonb, is_active = $9, is_suspended = $10, is_admin = $11, plan = $12,
         password_hash = coalesce($13, password_hash), updated_at = $14
       WHERE id = $1 RETURNING ${COLUMNS}`,
      [this.id, ...valuesOf(user), passwordHash, now],
      'user_update',
    );
    return onlyRow(await update.catch(refuseTakenEmail));
  }

  async markDeleted(now: Date): Promise<UserRow> {
    return onlyRow(
      await this.sql.query<UserRow>(
        `UPDATE users SET is_active = false, deleted_at = $2, updated_at = $2 WHERE id = $1 RETURNING ${COLUMNS}`,
        [this.id, now],
        'user_delete',
      ),
    );
  }

  /**
   * Whether the user is the only admin who can act as one. Answered to one transaction at a time: two admins who leave at
   * once do not each count the other.
   */
  async isLastAdmin(): Promise<boolean> {
    await this.sql.query('SELECT pg_advisory_xact_lock($1)', [ADMINS_LOCK]);
    const { rowCount } = await this.sql.query(
      `SELECT 1 FROM users
       WHERE is_admin AND is_active AND NOT is_suspended AND deleted_at IS NULL AND id <> $1 LIMIT 1`,
      [this.id],
    );
    return rowCount === 0;
  }
}

/** In the order of the parameters $2 to $12. */
function valuesOf(user: WritableFields): unknown[] {
  return [
    user.email,
    user.phoneNumber,
    user.provider,
    user.providerId,
    user.isVerified,
    user.verifiedAt,
    JSON.stringify(user.profile),
    user.isActive,
    user.isSuspended,
    user.isAdmin,
    user.plan,
  ];
}

function emailTaken(): Conflict {
  return new Conflict('User already exists');
}

/** Without the cause, which quotes the address. */
function refuseTakenEmail(error: unknown): never {
  if (error instanceof Error && 'constraint' in error && error.constraint === 'users_email_key') throw emailTaken();
  throw error;
}

function onlyRow({ rows }: { readonly rows: readonly UserRow[] }): UserRow {
  const [row] = rows;
  if (row === undefined) throw new Error('the statement returned no row');
  return row;
}
