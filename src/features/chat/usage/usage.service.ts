import type { Clock } from '../../../kernel/clock.js';
import { Invalid, QuotaExceeded } from '../../../kernel/errors.js';
import { connectionOf, pageRequest, type Connection, type PageArguments } from '../../../kernel/page.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { Sql } from '../../../ports/database.js';
import type { PlanCatalogue } from '../plans/plan.js';
import {
  MAX_USAGE_DAYS,
  type DailyUsageRow,
  type DateRange,
  type ExpiredReservation,
  type Reservation,
  type Settlement,
  type UsageEntryRow,
} from './usage.js';
import type { ReservationRequest, UsageRepository } from './usage.repository.js';

const DAY_MS = 86_400_000;

interface UsageServiceNeeds {
  readonly repository: UsageRepository;
  readonly plans: PlanCatalogue;
  readonly clock: Clock;
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
      throw new QuotaExceeded();
    }
  }

  /**
   * Reserves a message and its tokens of today's plan, in the caller's transaction, so that the reservation and what it
   * is for are stored together or not at all.
   * @throws QuotaExceeded when today has no message left, or fewer tokens than the minimum
   */
  async reserve(sql: Sql, viewer: Viewer, request: Omit<ReservationRequest, 'userId'>): Promise<Reservation> {
    const plan = this.needs.plans.of(viewer.plan);
    const reservation = await this.needs.repository.reserve(sql, { ...request, userId: viewer.userId }, plan);
    if (reservation === null) throw new QuotaExceeded();
    return reservation;
  }

  /** Replaces a reservation by the actual usage. Only the first settlement of a reservation counts. */
  settle(sql: Sql, reservation: Reservation, settlement: Settlement): Promise<boolean> {
    return this.needs.repository.settle(sql, reservation, settlement);
  }

  /** Counts a stored file, in the caller's transaction. The uploads feature checks the plan's limit on files. */
  recordUpload(sql: Sql, userId: string): Promise<void> {
    return this.needs.repository.recordUpload(sql, userId);
  }

  renewLeases(entryIds: readonly string[], leaseSeconds: number): Promise<void> {
    return this.needs.repository.renewLeases(entryIds, leaseSeconds);
  }

  /** Locks one abandoned reservation until the transaction ends; null when there is none. */
  lockExpired(sql: Sql): Promise<ExpiredReservation | null> {
    return this.needs.repository.lockExpired(sql);
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
    const until = range.until ?? this.needs.clock.now();
    const since = range.since ?? new Date(until.getTime() - (MAX_USAGE_DAYS - 1) * DAY_MS);
    const days = Math.floor(until.getTime() / DAY_MS) - Math.floor(since.getTime() / DAY_MS) + 1;
    if (days < 1) throw new Invalid([{ field: 'since', message: 'must not be after until' }]);
    if (days > MAX_USAGE_DAYS) {
      throw new Invalid([{ field: 'since', message: `must be at most ${MAX_USAGE_DAYS - 1} days before until` }]);
    }
    const rows = await this.needs.repository.daily(userIds, dateOf(since), dateOf(until));
    const byUser = Map.groupBy(rows, (row) => row.userId);
    return userIds.map((userId) => byUser.get(userId) ?? []);
  }

  async ledger(viewer: Viewer, args: PageArguments): Promise<Connection<UsageEntryRow>> {
    const page = await this.needs.repository.entries(viewer.userId, pageRequest(args));
    return connectionOf(page, () => this.needs.repository.countEntries(viewer.userId));
  }

  findVisibleDay(viewer: Viewer, id: string): Promise<DailyUsageRow | null> {
    return this.needs.repository.findDaily(viewer.userId, id);
  }

  findVisibleEntry(viewer: Viewer, id: string): Promise<UsageEntryRow | null> {
    return this.needs.repository.findEntry(viewer.userId, id);
  }
}

/** Nothing was used before 1970; and PostgreSQL refuses the year 0, which GraphQL's dates have. */
function dateOf(time: Date): string {
  return new Date(Math.max(time.getTime(), 0)).toISOString().slice(0, 10);
}
