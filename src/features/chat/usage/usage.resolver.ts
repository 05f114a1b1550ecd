import { Args, Query, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { ForwardPage } from '../../../graphql/page-arguments.js';
import type { Connection } from '../../../kernel/page.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import { MAX_USAGE_DAYS, type DailyUsageRow, type UsageEntryRow } from './usage.js';
import { routes } from './usage.routes.js';
import type { UsageService } from './usage.service.js';
import { DailyUsage, UsageEntryConnection, UsageRange } from './usage.type.js';

@Resolver()
export class UsageResolver {
  constructor(private readonly service: UsageService) {}

  @Operation('user')
  @Rest(routes.listUsage)
  @Query(() => [DailyUsage], { description: `The caller's usage, newest day first; at most ${MAX_USAGE_DAYS} days.` })
  async usage(
    @CurrentViewer() viewer: Viewer,
    @Args(() => UsageRange) range: UsageRange,
  ): Promise<readonly DailyUsageRow[]> {
    const [days = []] = await this.service.daily([viewer.userId], range);
    return days;
  }

  @Operation('user')
  @Query(() => UsageEntryConnection, { description: "The caller's ledger, newest first." })
  usageLedger(
    @CurrentViewer() viewer: Viewer,
    @Args(() => ForwardPage) page: ForwardPage,
  ): Promise<Connection<UsageEntryRow>> {
    return this.service.ledger(viewer, page);
  }
}
