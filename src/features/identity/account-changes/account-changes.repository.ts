import type { Bytes } from '../../../kernel/bytes.js';
import { minutesFrom } from '../../../kernel/clock.js';
import type { Database, Sql } from '../../../ports/database.js';
import { addressIdentity } from '../accounts/email-address.js';
import type { UserRow } from '../accounts/user.js';
import { CONFIRM_MINUTES, COUNTED_HOURS, MAX_TRIES, UNDO_DAYS, type AccountChangeRow } from './account-change.js';

const CHANGE = {
  id: true,
  userId: true,
  email: true,
  isVerified: true,
  verifiedAt: true,
  mailboxProvenAt: true,
  createdAt: true,
  expiresAt: true,
} as const;

/** How many changes of a user may still be undone, and how many there were lately. */
export interface ChangeCounts {
  readonly open: number;
  readonly recent: number;
}

/** Changes that may be undone, and new addresses that wait for their code. */
export class AccountChangesRepository {
  constructor(private readonly database: Database) {}

  /** For reads outside a transaction. */
  get reads(): Sql {
    return this.database;
  }

  async emailOf(sql: Sql, userId: string): Promise<string | null> {
    const user = await sql.prisma.user.findFirst({ where: { id: userId }, select: { email: true } });
    return user?.email ?? null;
  }

  async count(sql: Sql, userId: string, now: Date): Promise<ChangeCounts> {
    const since = minutesFrom(now, -60 * COUNTED_HOURS);
    const open = await sql.prisma.accountChange.count({ where: { userId, ...openAt(now) } });
    const recent = await sql.prisma.accountChange.count({ where: { userId, createdAt: { gt: since } } });
    return { open, recent };
  }

  /** @param user as before the change */
  async insert(
    sql: Sql,
    { id: userId, isVerified, verifiedAt, mailboxProvenAt }: UserRow,
    email: string,
    isReserved: boolean,
    now: Date,
  ): Promise<bigint> {
    const { id } = await sql.prisma.accountChange.create({
      data: {
        userId,
        email,
        emailKey: addressIdentity(email),
        isVerified,
        verifiedAt,
        mailboxProvenAt,
        isReserved,
        createdAt: now,
        expiresAt: minutesFrom(now, UNDO_DAYS * 24 * 60),
      },
      select: { id: true },
    });
    return id;
  }

  /** Whether another user may get this address back. */
  async isReserved(sql: Sql, email: string, exceptUserId: string, now: Date): Promise<boolean> {
    const found = await sql.prisma.accountChange.findFirst({
      where: {
        emailKey: addressIdentity(email),
        isReserved: true,
        userId: { not: exceptUserId },
        user: { deletedAt: null },
        ...openAt(now),
      },
      select: { id: true },
    });
    return found !== null;
  }

  /** Replaces the token of the link. @returns null when the change can no longer be undone */
  async putToken(id: bigint, tokenHash: Bytes, now: Date): Promise<Pick<AccountChangeRow, 'email'> | null> {
    const [row] = await this.database.prisma.accountChange.updateManyAndReturn({
      where: { id, ...openAt(now) },
      data: { tokenHash },
      select: { email: true },
    });
    return row ?? null;
  }

  findOpen(tokenHash: Bytes, now: Date): Promise<AccountChangeRow | null> {
    return this.database.prisma.accountChange.findFirst({ where: { tokenHash, ...openAt(now) }, select: CHANGE });
  }

  /**
   * Ends a change and all later ones of the user, so that none of their links works any more.
   * @returns false when it had ended already
   */
  async end(sql: Sql, { id, userId }: AccountChangeRow, now: Date): Promise<boolean> {
    const { count } = await sql.prisma.accountChange.updateMany({
      where: { id, ...openAt(now) },
      data: { endedAt: now },
    });
    if (count === 0) return false;
    await sql.prisma.accountChange.updateMany({
      where: { userId, id: { gt: id }, endedAt: null },
      data: { endedAt: now },
    });
    return true;
  }

  /** Ends every change of the user, so that no link works any more. */
  async endAllOf(sql: Sql, userId: string, now: Date): Promise<void> {
    await sql.prisma.accountChange.updateMany({ where: { userId, endedAt: null }, data: { endedAt: now } });
  }

  async deleteOld(sql: Sql, now: Date): Promise<void> {
    await sql.prisma.accountChange.deleteMany({ where: { expiresAt: { lt: now } } });
  }

  /** Replaces the address that waits. Tries still count, unless they are too long ago: SQL, since that depends on the row. */
  async putEmailChange(userId: string, email: string, now: Date): Promise<void> {
    await this.database.prisma.emailChange.deleteMany({
      where: { expiresAt: { lt: now }, countedSince: { lt: minutesFrom(now, -CONFIRM_MINUTES) } },
    });
    await this.database.query(
      `INSERT INTO email_changes AS present (user_id, email, tries, counted_since, expires_at) VALUES ($1, $2, 0, $3, $4)
       ON CONFLICT (user_id) DO UPDATE SET email = EXCLUDED.email, code_hash = NULL, expires_at = EXCLUDED.expires_at,
         tries = CASE WHEN present.counted_since > $5 THEN present.tries ELSE 0 END,
         counted_since = CASE WHEN present.counted_since > $5 THEN present.counted_since ELSE EXCLUDED.counted_since END`,
      [userId, email, now, minutesFrom(now, CONFIRM_MINUTES), minutesFrom(now, -CONFIRM_MINUTES)],
    );
  }

  /** @returns false when the address no longer waits, or no try is left */
  async putCode(userId: string, email: string, codeHash: Bytes, now: Date): Promise<boolean> {
    const { count } = await this.database.prisma.emailChange.updateMany({
      where: { userId, email, expiresAt: { gt: now }, tries: { lt: MAX_TRIES } },
      data: { codeHash },
    });
    return count === 1;
  }

  /** Counts a try before the code is compared. @returns null when no address waits, or no try is left */
  async countTry(
    userId: string,
    now: Date,
  ): Promise<{ readonly email: string; readonly codeHash: Bytes | null } | null> {
    const [row] = await this.database.prisma.emailChange.updateManyAndReturn({
      where: { userId, expiresAt: { gt: now }, tries: { lt: MAX_TRIES } },
      data: { tries: { increment: 1 } },
      select: { email: true, codeHash: true },
    });
    return row ?? null;
  }

  /** @returns false when the code was used, replaced or ended meanwhile */
  async useCode(sql: Sql, userId: string, codeHash: Bytes): Promise<boolean> {
    const { count } = await sql.prisma.emailChange.deleteMany({ where: { userId, codeHash } });
    return count === 1;
  }

  async endEmailChange(sql: Sql, userId: string): Promise<void> {
    await sql.prisma.emailChange.deleteMany({ where: { userId } });
  }
}

function openAt(now: Date) {
  return { endedAt: null, expiresAt: { gt: now } };
}
