import { Arg, Args, Int, Query, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { Rest } from '../../../rest/route.js';
import type { Connection } from '../../../kernel/page.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { DailyUsageRow, UsageEntryRow } from './usage.js';
import type { UsageService } from './usage.service.js';
import { DailyUsage, UsageEntryConnection, UsageRange } from './usage.type.js';

@Resolver()
export class UsageResolver {
  constructor(private readonly service: UsageService) {}

  @Operation('user')
  @Rest({
    method: 'GET',
    path: '/user/usage',
    operationId: 'listUsage',
    summary: "List the caller's usage, newest day first",
    tag: 'Plans',
  })
  @Query(() => [DailyUsage], { description: "The caller's usage, newest day first; at most 366 days." })
  async usage(
    @CurrentViewer() viewer: Viewer,
    @Args(() => UsageRange) range: UsageRange,
  ): Promise<readonly DailyUsageRow[]> {
    const [days = []] = await this.service.daily([viewer.userId], range);
    return days;
  }

  @Operation('user')
  @Query(() => UsageEntryConnection, { description: "The caller's ledger, newest first. `first` is from 1 to 100." })
  usageLedger(
    @CurrentViewer() viewer: Viewer,
    @Arg('first', () => Int, { nullable: true, defaultValue: 20 }) first: number | null,
    @Arg('after', () => String, { nullable: true }) after: string | null,
  ): Promise<Connection<UsageEntryRow>> {
    return this.service.ledger(viewer, { first, after });
  }
}
