import type { Prisma } from '../../../generated/prisma/client.js';
import { newId } from '../../../kernel/ids.js';
import { pageOf, type Page, type PageRequest } from '../../../kernel/page.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { Plan } from '../plans/plan.js';
import type { DailyUsageRow, ExpiredReservation, Reservation, Settlement, UsageEntryRow, UsageKind } from './usage.js';

export interface ReservationRequest {
  readonly userId: string;
  readonly kind: UsageKind;
  /** The minimum of tokens, without which the work cannot start, and the maximum that it could use. */
  readonly tokens: { readonly min: number; readonly max: number };
  readonly promptTokens: number;
  readonly messageId: string | null;
  /** Seconds of the lease, which the working instance renews; null for usage that is settled as it is reserved. */
  readonly leaseSeconds: number | null;
}

const DAILY = `id, user_id AS "userId", date::text AS date, message_count AS "messageCount", token_count AS "tokenCount", file_uploads AS "fileUploads"`;
/** The same columns, for Prisma. */
const DAY = {
  id: true,
  userId: true,
  date: true,
  messageCount: true,
  tokenCount: true,
  fileUploads: true,
} as const satisfies Prisma.DailyUsageSelect;
const ENTRY = {
  id: true,
  userId: true,
  kind: true,
  reservedTokens: true,
  promptTokens: true,
  tokens: true,
  source: true,
  messageId: true,
  createdAt: true,
  settledAt: true,
} as const satisfies Prisma.UsageEntrySelect;

/**
 * Reserving and settling are SQL: they need conditions that are checked under a row's lock, and the clock of the
 * database, which all instances share.
 */
export class UsageRepository {
  constructor(private readonly database: Database) {}

  /**
   * Reserves one message and between `min` and `max` tokens of today's plan, or nothing. It is a single statement, so
   * that concurrent calls never exceed a limit: the row's lock orders them, and the condition is checked under it.
   * @returns null when the plan has too little left today
   */
  async reserve(sql: Sql, request: ReservationRequest, plan: Plan): Promise<Reservation | null> {
    const { min, max } = request.tokens;
    const { rows } = await sql.query<{ date: string; tokens: number }>(
      `INSERT INTO usage_daily AS u (id, user_id, date, message_count, token_count, last_grant)
       SELECT $1::uuid, $2::uuid, (now() AT TIME ZONE 'utc')::date, 1, LEAST($4::int, $6::int), LEAST($4::int, $6::int)
       WHERE 1 <= $5::int AND $3::int <= $6::int
       ON CONFLICT (user_id, date) DO UPDATE SET
         message_count = u.message_count + 1,
         token_count = u.token_count + GREATEST(0, LEAST($4::int, $6::int - u.token_count)),
         last_grant = GREATEST(0, LEAST($4::int, $6::int - u.token_count))
       WHERE u.message_count + 1 <= $5::int AND ($3::int = 0 OR u.token_count + $3::int <= $6::int)
       RETURNING date::text AS date, last_grant AS tokens`,
      [newId(), request.userId, min, max, plan.dailyMessages, plan.dailyTokens],
      'usage_reserve',
    );
    const taken = rows[0];
    if (taken === undefined) return null;
    const entryId = newId();
    await sql.query(
      `INSERT INTO usage_entries
         (id, user_id, date, kind, reserved_tokens, prompt_tokens, message_id, lease_expires_at, tokens, settled_at)
       VALUES ($1, $2, $3::date, $4::"UsageKind", $5, $6, $7, now() + make_interval(secs => $8::int),
         CASE WHEN $8::int IS NULL THEN $5::int END, CASE WHEN $8::int IS NULL THEN now() END)`,
      [
        entryId,
        request.userId,
        taken.date,
        request.kind,
        taken.tokens,
        request.promptTokens,
        request.messageId,
        request.leaseSeconds,
      ],
      'usage_entry_insert',
    );
    return { entryId, userId: request.userId, ...taken };
  }

  /** Replaces a reservation by the actual usage. Only the first settlement of an entry counts. */
  async settle(sql: Sql, reservation: Reservation, settlement: Settlement): Promise<boolean> {
    const { rowCount } = await sql.query(
      `WITH entry AS (
         UPDATE usage_entries SET tokens = $2, source = $3::"UsageSource", settled_at = now(), lease_expires_at = NULL
         WHERE id = $1 AND settled_at IS NULL
         RETURNING user_id, date, reserved_tokens
       )
       UPDATE usage_daily AS u
       SET token_count = u.token_count - entry.reserved_tokens + $2, message_count = u.message_count - $4::int
       FROM entry WHERE u.user_id = entry.user_id AND u.date = entry.date`,
      [reservation.entryId, settlement.tokens, settlement.source, settlement.countsAsMessage ? 0 : 1],
      'usage_settle',
    );
    return rowCount > 0;
  }

  /** Counts a stored file in the day's totals, and adds it to the ledger. */
  async recordUpload(sql: Sql, userId: string): Promise<void> {
    await sql.query(
      `WITH day AS (
         INSERT INTO usage_daily AS u (id, user_id, date, file_uploads)
         VALUES ($1::uuid, $2::uuid, (now() AT TIME ZONE 'utc')::date, 1)
         ON CONFLICT (user_id, date) DO UPDATE SET file_uploads = u.file_uploads + 1
         RETURNING date
       )
       INSERT INTO usage_entries (id, user_id, date, kind, reserved_tokens, tokens, settled_at)
       SELECT $3::uuid, $2::uuid, date, 'UPLOAD', 0, 0, now() FROM day`,
      [newId(), userId, newId()],
      'usage_record_upload',
    );
  }

  async renewLeases(entryIds: readonly string[], leaseSeconds: number): Promise<void> {
    await this.database.query(
      `UPDATE usage_entries SET lease_expires_at = now() + make_interval(secs => $2)
       WHERE id = ANY($1::uuid[]) AND settled_at IS NULL`,
      [entryIds, leaseSeconds],
      'usage_lease_renew',
    );
  }

  /** Locks one abandoned reservation until the transaction ends. Other instances skip it. */
  async lockExpired(sql: Sql): Promise<ExpiredReservation | null> {
    const { rows } = await sql.query<ExpiredReservation>(
      `SELECT id AS "entryId", user_id AS "userId", date::text AS date, reserved_tokens AS tokens,
         prompt_tokens AS "promptTokens", message_id AS "messageId"
       FROM usage_entries WHERE lease_expires_at < now() AND settled_at IS NULL
       ORDER BY lease_expires_at LIMIT 1 FOR UPDATE SKIP LOCKED`,
    );
    return rows[0] ?? null;
  }

  /** For a start while no other instance is running: every unsettled reservation is abandoned. */
  async expireAllLeases(): Promise<void> {
    await this.database.query(
      `UPDATE usage_entries SET lease_expires_at = now() - interval '1 second'
       WHERE settled_at IS NULL AND lease_expires_at IS NOT NULL`,
    );
  }

  async today(userId: string): Promise<DailyUsageRow | null> {
    const { rows } = await this.database.query<DailyUsageRow>(
      `SELECT ${DAILY} FROM usage_daily WHERE user_id = $1 AND date = (now() AT TIME ZONE 'utc')::date`,
      [userId],
      'usage_today',
    );
    return rows[0] ?? null;
  }

  /** Daily usage of the users from `since` to `until`, both included, newest first. */
  async daily(userIds: readonly string[], since: string, until: string): Promise<readonly DailyUsageRow[]> {
    const days = await this.database.prisma.dailyUsage.findMany({
      where: { userId: { in: [...userIds] }, date: { gte: new Date(since), lte: new Date(until) } },
      orderBy: { date: 'desc' },
      select: DAY,
    });
    return days.map(dailyOf);
  }

  async findDaily(userId: string, id: string): Promise<DailyUsageRow | null> {
    const day = await this.database.prisma.dailyUsage.findFirst({ where: { id, userId }, select: DAY });
    return day && dailyOf(day);
  }

  /** The ledger, newest first. */
  async entries(userId: string, request: PageRequest): Promise<Page<UsageEntryRow>> {
    const rows = await this.database.prisma.usageEntry.findMany({
      where: { userId, ...(request.after === null ? {} : { id: { lt: request.after } }) },
      orderBy: { id: 'desc' },
      take: request.size + 1,
      skip: request.offset,
      select: ENTRY,
    });
    return pageOf(request, rows);
  }

  countEntries(userId: string): Promise<number> {
    return this.database.prisma.usageEntry.count({ where: { userId } });
  }

  findEntry(userId: string, id: string): Promise<UsageEntryRow | null> {
    return this.database.prisma.usageEntry.findFirst({ where: { id, userId }, select: ENTRY });
  }
}

/** Prisma represents a date as midnight in UTC. */
function dailyOf({ date, ...day }: Prisma.DailyUsageGetPayload<{ select: typeof DAY }>): DailyUsageRow {
  return { ...day, date: date.toISOString().slice(0, 10) };
}
