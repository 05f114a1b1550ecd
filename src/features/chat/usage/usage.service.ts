import { endOfDay, type Clock } from '../../../kernel/clock.js';
import { Invalid, QuotaExceeded } from '../../../kernel/errors.js';
import { newId } from '../../../kernel/ids.js';
import { connectionOf, pageRequest, type Connection, type PageArguments } from '../../../kernel/page.js';
import { noteRateLimit } from '../../../kernel/rate-limit-notes.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { Database, Sql } from '../../../ports/database.js';
import type { Metrics } from '../../../ports/metrics.js';
import type { Plan, PlanCatalogue } from '../plans/plan.js';
import {
  MAX_USAGE_DAYS,
  type Correction,
  type DailyUsageRow,
  type DateRange,
  type ExpiredLease,
  type ExpiredReservation,
  type MessageCharge,
  type RenewedLease,
  type Reservation,
  type Settlement,
  type SummaryGroup,
  type UsageEntryRow,
  type UsageSummaryRow,
} from './usage.js';
import type { ReservationRequest, UsageRepository } from './usage.repository.js';

const DAY_MS = 86_400_000;

interface UsageServiceNeeds {
  readonly repository: UsageRepository;
  readonly plans: PlanCatalogue;
  readonly clock: Clock;
  readonly database: Pick<Database, 'afterCommit'>;
  readonly metrics?: Pick<Metrics, 'answerSettled'> | undefined;
}

export class UsageService {
  constructor(private readonly needs: UsageServiceNeeds) {}

  /**
   * Checks that the plan has anything left today. Reserves nothing: {@link reserve} makes the decision.
   * @throws QuotaExceeded when today's messages or tokens are used up
   */
  async checkRemaining(viewer: Viewer): Promise<void> {
    const plan = this.needs.plans.of(viewer.plan);
    const used = await this.needs.repository.today(viewer.userId);
    if ((used?.messageCount ?? 0) >= plan.dailyMessages || (used?.tokenCount ?? 0) >= plan.dailyTokens) {
      throw this.#usedUp(plan, used);
    }
  }

  /**
   * Reserves a message and its tokens of today's plan, in the caller's transaction, so that the reservation and what it
   * is for are stored together or not at all.
   * @throws QuotaExceeded when today has no message left, or fewer tokens than the minimum
   */
  async reserve(
    sql: Sql,
    viewer: Pick<Viewer, 'plan' | 'userId'>,
    request: Omit<ReservationRequest, 'userId'>,
  ): Promise<Reservation> {
    const plan = this.needs.plans.of(viewer.plan);
    const reservation = await this.needs.repository.reserve(sql, { ...request, userId: viewer.userId }, plan);
    if (reservation === null) throw await this.refusal(sql, viewer);
    return reservation;
  }

  /** What a message is charged that the model is not asked about; it is charged by the statement that adds it. */
  chargeOf(viewer: Pick<Viewer, 'plan'>): MessageCharge {
    const { dailyMessages, dailyTokens } = this.needs.plans.of(viewer.plan);
    return { dayId: newId(), entryId: newId(), dailyMessages, dailyTokens };
  }

  /** The error of a reservation or a charge that the day has too little left for. */
  async refusal(sql: Sql, viewer: Pick<Viewer, 'plan' | 'userId'>): Promise<QuotaExceeded> {
    return this.#usedUp(this.needs.plans.of(viewer.plan), await this.needs.repository.today(viewer.userId, sql));
  }

  /** Replaces a reservation by the actual usage. Only the first settlement of a reservation counts. */
  async settle(sql: Sql, reservation: Reservation, settlement: Settlement): Promise<boolean> {
    const { repository, database, metrics } = this.needs;
    const kind = await repository.settle(sql, reservation, settlement);
    if (kind === null) return false;
    if (metrics !== undefined) {
      database.afterCommit(() => {
        metrics.answerSettled({ kind, ...settlement.spent });
      });
    }
    return true;
  }

  /** Counts a stored file, in the caller's transaction. The uploads feature checks the plan's limit on files. */
  recordUpload(sql: Sql, userId: string): Promise<void> {
    return this.needs.repository.recordUpload(sql, userId);
  }

  /**
   * Changes what a user has used today, in the caller's transaction.
   * @returns the id of its entry in the ledger; null when less is there to give back, without what running replies hold
   */
  correct(sql: Sql, userId: string, correction: Correction): Promise<string | null> {
    return this.needs.repository.correct(sql, userId, correction);
  }

  /** Raises what was settled by another instance to the tokens that were used after all. */
  raise(reservation: Reservation, used: Pick<Settlement, 'spent' | 'tokens'>): Promise<void> {
    return this.needs.repository.raise(reservation, used);
  }

  /** What an entry was settled with; null while it is not. */
  findSettled(entryId: string): Promise<{ readonly tokens: number } | null> {
    return this.needs.repository.findSettled(entryId);
  }

  /** @returns those that are still the caller's: others have been settled */
  renewLeases(entryIds: readonly string[], leaseSeconds: number): Promise<readonly RenewedLease[]> {
    return this.needs.repository.renewLeases(entryIds, leaseSeconds);
  }

  /** Leases that have run out, or end later than any given since the clock was put back, without those of `except`. */
  expiredLeases(except: readonly string[], longestSeconds: number): Promise<readonly ExpiredLease[]> {
    return this.needs.repository.expiredLeases(except, longestSeconds);
  }

  /** Locks an abandoned reservation until the transaction ends; null when it is not abandoned after all. */
  lockExpired(sql: Sql, lease: ExpiredLease): Promise<ExpiredReservation | null> {
    return this.needs.repository.lockExpired(sql, lease);
  }

  /** For a start while no other instance is running: every unsettled reservation is abandoned. */
  expireAllLeases(): Promise<void> {
    return this.needs.repository.expireAllLeases();
  }

  /**
   * Daily usage of each user, newest first. The result is in the order of `userIds`.
   * @throws Invalid for a range that is empty or longer than {@link MAX_USAGE_DAYS}
   */
  async daily(userIds: readonly string[], range: DateRange): Promise<readonly (readonly DailyUsageRow[])[]> {
    const { since, until } = this.#daysOf(range);
    const rows = await this.needs.repository.daily(userIds, since, until);
    const byUser = Map.groupBy(rows, (row) => row.userId);
    return userIds.map((userId) => byUser.get(userId) ?? []);
  }

  async ledger(viewer: Viewer, args: PageArguments): Promise<Connection<UsageEntryRow>> {
    const page = await this.needs.repository.entries(viewer.userId, pageRequest(args));
    return connectionOf(page, () => this.needs.repository.countEntries(viewer.userId));
  }

  /**
   * What the viewer used, added up by day, model or kind: running replies with all that they reserved. Days newest first,
   * others by their tokens.
   * @throws as {@link daily}
   */
  summary(viewer: Viewer, by: SummaryGroup, range: DateRange): Promise<readonly UsageSummaryRow[]> {
    const { since, until } = this.#daysOf(range);
    return this.needs.repository.summary(viewer.userId, by, since, until);
  }

  findVisibleDay(viewer: Viewer, id: string): Promise<DailyUsageRow | null> {
    return this.needs.repository.findDaily(viewer.userId, id);
  }

  findVisibleEntry(viewer: Viewer, id: string): Promise<UsageEntryRow | null> {
    return this.needs.repository.findEntry(viewer.userId, id);
  }

  /** The first and the last day of a range. @throws Invalid */
  #daysOf(range: DateRange): { readonly since: string; readonly until: string } {
    const until = range.until ?? this.needs.clock.now();
    const since = range.since ?? new Date(until.getTime() - (MAX_USAGE_DAYS - 1) * DAY_MS);
    const days = Math.floor(until.getTime() / DAY_MS) - Math.floor(since.getTime() / DAY_MS) + 1;
    if (days < 1) throw new Invalid([{ field: 'since', message: 'must not be after until' }]);
    if (days > MAX_USAGE_DAYS) {
      throw new Invalid([{ field: 'since', message: `must be at most ${MAX_USAGE_DAYS - 1} days before until` }]);
    }
    return { since: dateOf(since), until: dateOf(until) };
  }

  /** The error of a day whose messages or tokens are used up; a door that tells of limits hears which, and until when. */
  #usedUp({ dailyMessages, dailyTokens }: Plan, used: DailyUsageRow | null): QuotaExceeded {
    const now = this.needs.clock.now();
    const resetsAt = endOfDay(now);
    noteRateLimit({
      limit: (used?.messageCount ?? 0) >= dailyMessages ? dailyMessages : dailyTokens,
      remaining: 0,
      resetSeconds: Math.ceil((resetsAt.getTime() - now.getTime()) / 1000),
      isRefused: true,
    });
    return new QuotaExceeded(undefined, resetsAt);
  }
}

/** Nothing was used before 1970; and PostgreSQL refuses the year 0, which GraphQL's dates have. */
function dateOf(time: Date): string {
  return new Date(Math.max(time.getTime(), 0)).toISOString().slice(0, 10);
}
