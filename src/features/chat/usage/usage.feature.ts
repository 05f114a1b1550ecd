import type { NodeFinder } from '../../../graphql/node.resolver.js';
import type { Clock } from '../../../kernel/clock.js';
import type { Database } from '../../../ports/database.js';
import type { Metrics } from '../../../ports/metrics.js';
import type { PlanCatalogue } from '../plans/plan.js';
import { UsageRepository } from './usage.repository.js';
import { UsageResolver } from './usage.resolver.js';
import { UsageService } from './usage.service.js';

interface UsageFeatureNeeds {
  readonly database: Database;
  readonly plans: PlanCatalogue;
  readonly clock: Clock;
  readonly metrics?: Metrics | undefined;
}

/** Users' usage of their plans: daily totals, and the ledger behind them. */
export function usageFeature(needs: UsageFeatureNeeds) {
  const service = new UsageService({ ...needs, repository: new UsageRepository(needs.database) });
  return {
    service,
    resolvers: [new UsageResolver(service)],
    nodes: [
      { typeName: 'DailyUsage', find: (viewer, id) => service.findVisibleDay(viewer, id) },
      { typeName: 'UsageEntry', find: (viewer, id) => service.findVisibleEntry(viewer, id) },
    ] satisfies NodeFinder[],
  };
}
