import type { NodeFinder } from '../../../graphql/node.resolver.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import { PlanCatalogue, type Plan } from './plan.js';
import { PlansRepository } from './plans.repository.js';
import { PlansResolver } from './plans.resolver.js';
import { PlansService } from './plans.service.js';

interface PlansFeatureNeeds {
  readonly database: Database;
  /** The configured plans, smallest first. */
  readonly plans: readonly Plan[];
  readonly audit: AuditLog;
}

/** Plans and their limits, and changing a user's plan. */
export function plansFeature({ database, plans, audit }: PlansFeatureNeeds) {
  const catalogue = new PlanCatalogue(plans);
  const service = new PlansService({ repository: new PlansRepository(database), catalogue, audit });
  return {
    catalogue,
    service,
    resolvers: [new PlansResolver(service)],
    nodes: [
      {
        typeName: 'Plan',
        accepts: (id) => catalogue.isPlan(id),
        find: (_viewer, id) => Promise.resolve(service.find(id) ?? null),
      },
    ] satisfies NodeFinder[],
  };
}
