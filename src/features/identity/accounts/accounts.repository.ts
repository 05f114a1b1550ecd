import type { Prisma } from '../../../generated/prisma/client.js';
import { Conflict } from '../../../kernel/errors.js';
import { escapeLike } from '../../../kernel/like-pattern.js';
import { newId } from '../../../kernel/ids.js';
import { pageOf, type Page, type PageRequest } from '../../../kernel/page.js';
import type { Database, Sql } from '../../../ports/database.js';
import { isDuplicate } from '../../../ports/prisma-errors.js';
import { isInternational, isSameMailbox, spellingsOf } from './email-address.js';
import type { DeletedUserRow, LoginRow, StoredFields, UserRow } from './user.js';

const COLUMNS = `id, email, phone_number AS "phoneNumber", provider, provider_id AS "providerId",
  is_verified AS "isVerified", verified_at AS "verifiedAt", mailbox_proven_at AS "mailboxProvenAt", profile, is_active AS "isActive",
  is_suspended AS "isSuspended", is_admin AS "isAdmin", plan, last_login AS "lastLogin",
  created_at AS "createdAt", updated_at AS "updatedAt"`;

const FIND_MANY = `SELECT ${COLUMNS} FROM users WHERE id = ANY($1::uuid[]) AND deleted_at IS NULL`;

/** The same columns, for Prisma. */
const USER = {
  id: true,
  email: true,
  phoneNumber: true,
  provider: true,
  providerId: true,
  isVerified: true,
  verifiedAt: true,
  mailboxProvenAt: true,
  profile: true,
  isActive: true,
  isSuspended: true,
  isAdmin: true,
  plan: true,
  lastLogin: true,
  createdAt: true,
  updatedAt: true,
} as const satisfies Prisma.UserSelect;

/** Key of the advisory lock that is held while an admin loses the role. No other advisory lock may have this number. */
const ADMINS_LOCK = 7_265_001;

/** Finds the addresses of {@link spellingsOf}. In the form in which PostgreSQL uses the index. */
const HAS_EMAIL = 'lower(email) = ANY (ARRAY(SELECT lower(spelling) FROM unnest($1::text[]) AS spelling))';

/** Called in the transaction that wrote a user. */
type RecordUser = (user: UserRow, sql: Sql) => Promise<void>;

/**
 * Users that are not deleted: no read finds a deleted one, unless its name says so. Reads by id are SQL since they are
 * on the hot path; reads by e-mail address, since Prisma cannot use the index on `lower(email)`; and writes of a profile,
 * since Prisma gives some keys of JSON a meaning: `__prismaRawParameters__` replaces the profile by a part of it, or by null.
 */
export class AccountsRepository {
  readonly find: (id: string) => Promise<UserRow | null>;

  constructor(private readonly database: Database) {
    this.find = database.sharedRead<UserRow>(FIND_MANY, 'user_find_many');
  }

  async findByEmail(email: string): Promise<UserRow | null> {
    const { rows } = await this.database.query<UserRow>(
      `SELECT ${COLUMNS} FROM users WHERE ${HAS_EMAIL} AND deleted_at IS NULL`,
      [spellingsOf(email)],
      'user_find_by_email',
    );
    return ofMailbox(rows, email)[0] ?? null;
  }

  /** Most recently deleted first; at most 100. */
  async findDeleted(email: string): Promise<readonly DeletedUserRow[]> {
    const { rows } = await this.database.query<DeletedUserRow & { readonly email: string }>(
      `SELECT id, email, deleted_at AS "deletedAt" FROM users
       WHERE ${HAS_EMAIL} AND deleted_at IS NOT NULL ORDER BY deleted_at DESC LIMIT 100`,
      [spellingsOf(email)],
    );
    return ofMailbox(rows, email);
  }

  async findLogin(email: string): Promise<LoginRow | null> {
    const { rows } = await this.database.query<LoginRow & { readonly email: string }>(
      `SELECT id, email, password_hash AS "passwordHash", credentials_epoch AS "credentialsEpoch", is_active AS "isActive", is_suspended AS "isSuspended"
       FROM users WHERE ${HAS_EMAIL} AND deleted_at IS NULL`,
      [spellingsOf(email)],
      'user_find_login',
    );
    return ofMailbox(rows, email)[0] ?? null;
  }

  findLoginById(id: string): Promise<LoginRow | null> {
    return this.database.prisma.user.findFirst({
      where: { id, deletedAt: null },
      select: { id: true, passwordHash: true, credentialsEpoch: true, isActive: true, isSuspended: true },
    });
  }

  /** @returns false when the user has another hash than `user` by now, or no longer exists */
  async replacePasswordHash(user: Pick<LoginRow, 'id' | 'passwordHash'>, passwordHash: string): Promise<boolean> {
    // Never gives a password to a user who has none.
    if (user.passwordHash === null) return false;
    const { count } = await this.database.prisma.user.updateMany({
      where: { id: user.id, passwordHash: user.passwordHash, deletedAt: null },
      data: { passwordHash },
    });
    return count === 1;
  }

  /** Newest first. @param search a part of the e-mail address or phone number, in any case; null for all users */
  async page(search: string | null, request: PageRequest): Promise<Page<UserRow>> {
    const rows = await this.database.prisma.user.findMany({
      where: { ...matching(search), ...(request.after === null ? {} : { id: { lt: request.after } }) },
      orderBy: { id: 'desc' },
      take: request.size + 1,
      skip: request.offset,
      select: USER,
    });
    return pageOf(request, rows.map(userOf));
  }

  count(search: string | null): Promise<number> {
    return this.database.prisma.user.count({ where: matching(search) });
  }

  /**
   * Restores a deleted user and makes it active.
   * @returns null when no deleted user has this id
   * @param record records the event in the same transaction
   * @throws Conflict `User already exists` when another user has the e-mail address by now
   */
  restore(id: string, now: Date, record: RecordUser): Promise<UserRow | null> {
    return this.database.transaction(async (sql) => {
      const update = sql.prisma.user.updateManyAndReturn({
        where: { id, deletedAt: { not: null } },
        data: { deletedAt: null, isActive: true, updatedAt: now },
        select: USER,
      });
      const [row] = await update.catch(refuseTakenEmail);
      if (row === undefined) return null;
      const user = userOf(row);
      await refuseOtherSpelling(sql, user);
      await record(user, sql);
      return user;
    });
  }

  /**
   * @param record records the event in the same transaction
   * @throws Conflict `User already exists`
   */
  insert(user: StoredFields, passwordHash: string | null, now: Date, record: RecordUser): Promise<UserRow> {
    return this.database.transaction(async (sql) => {
      // The unique index decides rather than a read before the write: of concurrent calls, only one inserts.
      const { rows } = await sql.query<UserRow>(
        `INSERT INTO users (id, email, phone_number, provider, provider_id, is_verified, verified_at, profile, is_active,
           is_suspended, is_admin, plan, mailbox_proven_at, password_hash, created_at, updated_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb, $9, $10, $11, $12, $13, $14, $15, $15)
         ON CONFLICT (lower(email)) WHERE deleted_at IS NULL DO NOTHING
         RETURNING ${COLUMNS}`,
        [newId(), ...valuesOf(user), passwordHash, now],
        'user_insert',
      );
      const [inserted] = rows;
      if (inserted === undefined) throw emailTaken();
      await refuseOtherSpelling(sql, inserted);
      await record(inserted, sql);
      return inserted;
    });
  }

  /**
   * Reads a user and writes what `change` makes of it, in one transaction. Locks the user's row, for which it needs
   * SQL, so that no concurrent change is lost.
   * @returns null when there is no such user
   * @throws Conflict `User already exists`, and whatever `change` throws
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

/** Writes to a user whose row is locked. */
export class UserEdit {
  constructor(
    /** The transaction that holds the lock, for further statements that belong to it. */
    readonly sql: Sql,
    private readonly id: string,
  ) {}

  /** @param passwordHash null leaves the password as it is */
  async write(user: StoredFields, passwordHash: string | null, now: Date): Promise<UserRow> {
    const update = this.sql.query<UserRow>(
      `UPDATE users SET email = $2, phone_number = $3, provider = $4, provider_id = $5, is_verified = $6,
         verified_at = $7, profile = $8::jsonb, is_active = $9, is_suspended = $10, is_admin = $11, plan = $12,
         mailbox_proven_at = $13, password_hash = coalesce($14, password_hash), updated_at = $15
       WHERE id = $1 RETURNING ${COLUMNS}`,
      [this.id, ...valuesOf(user), passwordHash, now],
      'user_update',
    );
    const { rows } = await update.catch(refuseTakenEmail);
    const [row] = rows;
    if (row === undefined) throw new Error('the user whose row is held is gone');
    await refuseOtherSpelling(this.sql, row);
    return row;
  }

  /** @param passwordHash null for no password */
  async hasPasswordHash(passwordHash: string | null): Promise<boolean> {
    return (await this.sql.prisma.user.count({ where: { id: this.id, passwordHash } })) > 0;
  }

  /**
   * Removes the password, and raises the epoch, so that no login that has begun opens a session.
   * @returns whether there was a password
   */
  async clearCredentials(): Promise<boolean> {
    const { rows } = await this.sql.query<{ hadPassword: boolean }>(
      `WITH before AS (SELECT password_hash FROM users WHERE id = $1)
       UPDATE users SET password_hash = NULL, credentials_epoch = credentials_epoch + 1 FROM before WHERE id = $1
       RETURNING before.password_hash IS NOT NULL AS "hadPassword"`,
      [this.id],
      'user_clear_credentials',
    );
    return rows[0]?.hadPassword ?? false;
  }

  async markDeleted(now: Date): Promise<UserRow> {
    const row = await this.sql.prisma.user.update({
      where: { id: this.id },
      data: { isActive: false, deletedAt: now, updatedAt: now },
      select: USER,
    });
    return userOf(row);
  }

  /**
   * Whether the user is the only enabled admin. Takes a lock until the transaction ends, so that two admins who leave
   * at the same time do not each count the other.
   */
  async isLastAdmin(): Promise<boolean> {
    await this.sql.query('SELECT pg_advisory_xact_lock($1)', [ADMINS_LOCK]);
    const another = await this.sql.prisma.user.findFirst({
      where: { id: { not: this.id }, isAdmin: true, isActive: true, isSuspended: false, deletedAt: null },
      select: { id: true },
    });
    return another === null;
  }
}

/** Drops what a database takes for the mailbox and we do not. The very spelling comes first. */
function ofMailbox<Row extends { readonly email: string | null }>(rows: readonly Row[], email: string): readonly Row[] {
  const same = rows.filter((row) => isSameMailbox(row.email, email));
  return same.sort((one, other) => Number(other.email === email.trim()) - Number(one.email === email.trim()));
}

/** The index does not know that an international domain of earlier releases may be stored in another spelling. */
async function refuseOtherSpelling(sql: Sql, { id, email }: Pick<UserRow, 'id' | 'email'>): Promise<void> {
  if (email === null || !isInternational(email)) return;
  const { rows } = await sql.query<{ email: string }>(
    `SELECT email FROM users WHERE ${HAS_EMAIL} AND id <> $2 AND deleted_at IS NULL`,
    [spellingsOf(email), id],
    'user_other_spelling',
  );
  if (ofMailbox(rows, email).length > 0) throw emailTaken();
}

/** Matches users whose e-mail address or phone number contains `search`. */
function matching(search: string | null): Prisma.UserWhereInput {
  if (search === null) return { deletedAt: null };
  const part = { contains: escapeLike(search), mode: 'insensitive' } as const;
  return { deletedAt: null, OR: [{ email: part }, { phoneNumber: part }] };
}

/** In the order of the parameters $2 to $13. */
function valuesOf(user: StoredFields): unknown[] {
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
    user.mailboxProvenAt,
  ];
}

/** Narrows Prisma's type, which says that the profile is JSON but not that it is an object. */
function userOf(row: Prisma.UserGetPayload<{ select: typeof USER }>): UserRow {
  return row as UserRow;
}

export function emailTaken(): Conflict {
  return new Conflict('User already exists');
}

/** Besides the id, only the e-mail address is unique. The cause is left out, since it quotes the address. */
function refuseTakenEmail(error: unknown): never {
  throw isDuplicate(error) ? emailTaken() : error;
}
