import type { Prisma } from '../../../generated/prisma/client.js';
import { firstIdAt, newId } from '../../../kernel/ids.js';
import { pageOf, type Page, type PageRequest } from '../../../kernel/page.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { Spent } from '../models/generation.js';
import type { Plan } from '../plans/plan.js';
import type {
  Correction,
  DailyUsageRow,
  ExpiredLease,
  ExpiredReservation,
  RenewedLease,
  Reservation,
  Settlement,
  SummaryGroup,
  UsageEntryRow,
  UsageKind,
  UsageSummaryRow,
} from './usage.js';

export interface ReservationRequest {
  readonly userId: string;
  readonly kind: UsageKind;
  /** The minimum of tokens, without which the work cannot start, and the maximum that it could use. */
  readonly tokens: { readonly min: number; readonly max: number };
  readonly promptTokens: number;
  /** The name of the model that is asked; null where none is. */
  readonly model: string | null;
  /** False for a further round of a reply, whose message was counted, and for a title. */
  readonly isMessage?: boolean;
  readonly messageId: string | null;
  /** For the log of whoever ends it, should this instance die. */
  readonly requestId: string | undefined;
  /** Seconds of the lease, which the working instance renews; null for usage that is settled as it is reserved. */
  readonly leaseSeconds: number | null;
}

const GROUPS: Readonly<Record<SummaryGroup, string>> = { DAY: 'date::text', MODEL: 'model', KIND: 'kind::text' };

/** Expired leases that one look finds. */
const MAX_EXPIRED = 1_000;

/** The greatest count of a day: its column, and GraphQL's `Int`, hold no more. */
const MAX_COUNT = 2 ** 31 - 1;

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
  model: true,
  cachedTokens: true,
  completionTokens: true,
  reasoningTokens: true,
  cost: true,
  messageId: true,
  messages: true,
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
   * Reserves a message and between `min` and `max` tokens of today's plan, or nothing, by a function of the database. Concurrent
   * calls never exceed a limit: the day's row is changed by one statement, whose lock orders them and whose condition is checked
   * under it.
   * @returns null when the plan has too little left today
   */
  async reserve(sql: Sql, request: ReservationRequest, plan: Plan): Promise<Reservation | null> {
    const { min, max } = request.tokens;
    const entryId = newId();
    const { rows } = await sql.query<{ date: string | null; tokens: number | null }>(
      `SELECT day::text AS date, granted AS tokens
       FROM reserve_usage($1::uuid, $2::uuid, $3::uuid, $4::"UsageKind", $5::int, $6::int, $7::int, $8::int, $9::text, $10::uuid,
         $11::int, $12::int, $13::int, $14::text)`,
      [
        newId(),
        entryId,
        request.userId,
        request.kind,
        min,
        max,
        request.promptTokens,
        request.isMessage === false ? 0 : 1,
        request.model,
        request.messageId,
        request.leaseSeconds,
        plan.dailyMessages,
        plan.dailyTokens,
        request.requestId ?? null,
      ],
      'usage_reserve',
    );
    const { date = null, tokens = null } = rows[0] ?? {};
    return date === null || tokens === null ? null : { entryId, userId: request.userId, date, tokens };
  }

  /** Replaces a reservation by the actual usage. @returns the kind of the entry; null when it had been settled before */
  async settle(sql: Sql, reservation: Reservation, settlement: Settlement): Promise<UsageKind | null> {
    const { rows } = await sql.query<{ readonly kind: UsageKind }>(
      `WITH entry AS (
         UPDATE usage_entries SET tokens = $2, source = $3::"UsageSource", settled_at = now(), lease_expires_at = NULL,
           model = $5, cached_tokens = $6, completion_tokens = $7, reasoning_tokens = $8, cost = $9::numeric
         WHERE id = $1 AND settled_at IS NULL
         RETURNING user_id, date, reserved_tokens, kind
       )
       UPDATE usage_daily AS u
       SET token_count = LEAST(u.token_count::bigint - entry.reserved_tokens + $2, ${MAX_COUNT}), message_count = u.message_count - $4::int
       FROM entry WHERE u.user_id = entry.user_id AND u.date = entry.date
       RETURNING entry.kind`,
      [
        reservation.entryId,
        settlement.tokens,
        settlement.source,
        settlement.countsAsMessage ? 0 : 1,
        ...spentValues(settlement.spent),
      ],
      'usage_settle',
    );
    return rows[0]?.kind ?? null;
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

  /**
   * Adds a correction to the counts of today and to the ledger. Under the lock of the day, by which reservations wait, what running
   * replies hold is left alone: they give it back, or use it, as they end.
   * @returns the id of the entry; null when less is there to give back
   */
  async correct(sql: Sql, userId: string, { messages, tokens }: Correction): Promise<string | null> {
    await sql.query(
      `INSERT INTO usage_daily (id, user_id, date) VALUES ($1, $2, (now() AT TIME ZONE 'utc')::date)
       ON CONFLICT (user_id, date) DO NOTHING`,
      [newId(), userId],
    );
    await sql.query(
      `SELECT FROM usage_daily WHERE user_id = $1 AND date = (now() AT TIME ZONE 'utc')::date FOR UPDATE`,
      [userId],
    );
    const { rows } = await sql.query<{ id: string }>(
      `WITH held AS (
         SELECT count(*) AS messages, coalesce(sum(reserved_tokens), 0) AS tokens FROM usage_entries
         WHERE user_id = $2::uuid AND date = (now() AT TIME ZONE 'utc')::date AND lease_expires_at IS NOT NULL
           AND settled_at IS NULL
       ), day AS (
         UPDATE usage_daily AS u SET message_count = LEAST(u.message_count::bigint + $3::int, ${MAX_COUNT}),
           token_count = LEAST(u.token_count::bigint + $4::int, ${MAX_COUNT})
         FROM held
         WHERE u.user_id = $2::uuid AND u.date = (now() AT TIME ZONE 'utc')::date
           AND ($3::int >= 0 OR u.message_count + $3::int >= held.messages)
           AND ($4::int >= 0 OR u.token_count + $4::int >= held.tokens)
         RETURNING u.date
       )
       INSERT INTO usage_entries (id, user_id, date, kind, reserved_tokens, tokens, messages, settled_at)
       SELECT $1::uuid, $2::uuid, date, 'CORRECTION', 0, $4::int, $3::int, now() FROM day
       RETURNING id`,
      [newId(), userId, messages, tokens],
    );
    return rows[0]?.id ?? null;
  }

  /** Raises a settled entry to the tokens that were used after all. Does nothing if it has as many. */
  async raise(reservation: Reservation, { tokens, spent }: Pick<Settlement, 'spent' | 'tokens'>): Promise<void> {
    await this.database.query(
      `WITH before AS (
         SELECT id, tokens FROM usage_entries WHERE id = $1 AND settled_at IS NOT NULL AND tokens < $2::int FOR UPDATE
       ), entry AS (
         UPDATE usage_entries e SET tokens = $2::int, model = $3, cached_tokens = $4, completion_tokens = $5,
           reasoning_tokens = $6, cost = $7::numeric
         FROM before WHERE e.id = before.id
         RETURNING e.user_id, e.date, $2::int - before.tokens AS difference
       )
       UPDATE usage_daily AS u SET token_count = LEAST(u.token_count::bigint + entry.difference, ${MAX_COUNT})
       FROM entry WHERE u.user_id = entry.user_id AND u.date = entry.date`,
      [reservation.entryId, tokens, ...spentValues(spent)],
      'usage_raise',
    );
  }

  /** @returns null while the entry is not settled */
  async findSettled(entryId: string): Promise<{ readonly tokens: number } | null> {
    const { rows } = await this.database.query<{ tokens: number }>(
      `SELECT tokens FROM usage_entries WHERE id = $1 AND settled_at IS NOT NULL`,
      [entryId],
      'usage_find_settled',
    );
    return rows[0] ?? null;
  }

  /** @returns those that are not settled, and so still the caller's */
  async renewLeases(entryIds: readonly string[], leaseSeconds: number): Promise<readonly RenewedLease[]> {
    const { rows } = await this.database.query<RenewedLease>(
      `UPDATE usage_entries e SET lease_expires_at = now() + make_interval(secs => $2)
       FROM users u WHERE e.id = ANY($1::uuid[]) AND e.settled_at IS NULL AND u.id = e.user_id
       RETURNING e.id AS "entryId",
         (u.is_suspended OR NOT u.is_active OR u.deleted_at IS NOT NULL) AS "ownerIsBarred"`,
      [entryIds, leaseSeconds],
      'usage_lease_renew',
    );
    return rows;
  }

  /**
   * Leases that have run out, the oldest first, without those of `except`; with those that end later than `longestSeconds` from
   * now: they were given before the clock was put back.
   */
  async expiredLeases(except: readonly string[], longestSeconds: number): Promise<readonly ExpiredLease[]> {
    const { rows } = await this.database.query<ExpiredLease>(
      `SELECT id AS "entryId", message_id AS "messageId", request_id AS "requestId", lease_expires_at::text AS lease
       FROM usage_entries
       WHERE (lease_expires_at < now() OR lease_expires_at > now() + make_interval(secs => $2))
         AND settled_at IS NULL AND NOT id = ANY($1::uuid[])
       ORDER BY lease_expires_at LIMIT ${MAX_EXPIRED}`,
      [except, longestSeconds],
      'usage_leases_expired',
    );
    return rows;
  }

  /**
   * Locks an abandoned reservation until the transaction ends.
   * @returns null when its lease was renewed, or another instance has it
   */
  async lockExpired(sql: Sql, { entryId, lease }: ExpiredLease): Promise<ExpiredReservation | null> {
    const { rows } = await sql.query<ExpiredReservation>(
      `SELECT id AS "entryId", user_id AS "userId", date::text AS date, reserved_tokens AS tokens,
         prompt_tokens AS "promptTokens", message_id AS "messageId", model
       FROM usage_entries WHERE id = $1 AND lease_expires_at = $2::timestamptz AND settled_at IS NULL
       FOR UPDATE SKIP LOCKED`,
      [entryId, lease],
      'usage_lease_lock',
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

  async today(userId: string, sql: Sql = this.database): Promise<DailyUsageRow | null> {
    const { rows } = await sql.query<DailyUsageRow>(
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
    return pageOf(request, rows.map(entryOf));
  }

  countEntries(userId: string): Promise<number> {
    return this.database.prisma.usageEntry.count({ where: { userId } });
  }

  /**
   * Adds up the ledger of the days from `since` to `until`. Ids begin with a time, so that the index of ids finds the days; it is
   * of an instance's clock, and the day is of the database's, so a day more on each side is looked at.
   */
  async summary(userId: string, by: SummaryGroup, since: string, until: string): Promise<readonly UsageSummaryRow[]> {
    const { rows } = await this.database.query<UsageSummaryRow>(
      `SELECT ${GROUPS[by]} AS "group", count(*)::int AS count,
         sum(coalesce(tokens, reserved_tokens))::float8 AS tokens,
         sum(coalesce(completion_tokens, 0))::float8 AS "completionTokens", trim_scale(sum(cost))::text AS cost
       FROM usage_entries
       WHERE user_id = $1 AND date BETWEEN $2::date AND $3::date AND id >= $4::uuid AND id < $5::uuid
       GROUP BY 1 ORDER BY ${by === 'DAY' ? '1 DESC' : '3 DESC, 1'}`,
      [userId, since, until, firstIdAt(daysFrom(since, -1)), firstIdAt(daysFrom(until, 2))],
      `usage_summary_${by}`,
    );
    return rows;
  }

  async findEntry(userId: string, id: string): Promise<UsageEntryRow | null> {
    const entry = await this.database.prisma.usageEntry.findFirst({ where: { id, userId }, select: ENTRY });
    return entry && entryOf(entry);
  }
}

function spentValues({ model, cachedTokens, completionTokens, reasoningTokens, cost }: Spent) {
  return [model, cachedTokens, completionTokens, reasoningTokens, cost];
}

function entryOf({ cost, ...entry }: Prisma.UsageEntryGetPayload<{ select: typeof ENTRY }>): UsageEntryRow {
  return { ...entry, cost: cost?.toFixed() ?? null };
}

/** Prisma represents a date as midnight in UTC. */
function dailyOf({ date, ...day }: Prisma.DailyUsageGetPayload<{ select: typeof DAY }>): DailyUsageRow {
  return { ...day, date: date.toISOString().slice(0, 10) };
}

function daysFrom(day: string, days: number): Date {
  const time = new Date(day);
  time.setUTCDate(time.getUTCDate() + days);
  return time;
}
