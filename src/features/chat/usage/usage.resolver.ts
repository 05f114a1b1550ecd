import { Args, Query, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { OffsetPage } from '../../../graphql/page-arguments.js';
import type { Connection } from '../../../kernel/page.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import { MAX_USAGE_DAYS, type DailyUsageRow, type UsageEntryRow, type UsageSummaryRow } from './usage.js';
import { routes } from './usage.routes.js';
import type { UsageService } from './usage.service.js';
import { DailyUsage, UsageEntryConnection, UsageRange, UsageSummary, UsageSummaryArguments } from './usage.type.js';

@Resolver()
export class UsageResolver {
  constructor(private readonly service: UsageService) {}

  @Operation('usage:read')
  @Rest(routes.listUsage)
  @Query(() => [DailyUsage], { description: `The caller's usage, newest day first; at most ${MAX_USAGE_DAYS} days.` })
  async usage(
    @CurrentViewer() viewer: Viewer,
    @Args(() => UsageRange) range: UsageRange,
  ): Promise<readonly DailyUsageRow[]> {
    const [days = []] = await this.service.daily([viewer.userId], range);
    return days;
  }

  @Operation('usage:read')
  @Rest(routes.listUsageLedger)
  @Query(() => UsageEntryConnection, { description: "The caller's ledger, newest first." })
  usageLedger(
    @CurrentViewer() viewer: Viewer,
    @Args(() => OffsetPage) page: OffsetPage,
  ): Promise<Connection<UsageEntryRow>> {
    return this.service.ledger(viewer, page);
  }

  @Operation('usage:read')
  @Rest(routes.summarizeUsage)
  @Query(() => [UsageSummary], {
    description: `The caller's usage, added up; at most ${MAX_USAGE_DAYS} days. BAD_USER_INPUT for a longer range.`,
  })
  usageSummary(
    @CurrentViewer() viewer: Viewer,
    @Args(() => UsageSummaryArguments) { by, ...range }: UsageSummaryArguments,
  ): Promise<readonly UsageSummaryRow[]> {
    return this.service.summary(viewer, by, range);
  }
}
