import type { Database } from '../../../ports/database.js';
import { UsageCorrectionsRepository } from './usage-corrections.repository.js';
import { UsageCorrectionsResolver } from './usage-corrections.resolver.js';
import { UsageCorrectionsService, type UsageCorrectionsServiceNeeds } from './usage-corrections.service.js';

interface UsageCorrectionsFeatureNeeds extends Omit<UsageCorrectionsServiceNeeds, 'database' | 'repository'> {
  readonly database: Database;
}

/** What admins and the operator change of what users have used. */
export function usageCorrectionsFeature(needs: UsageCorrectionsFeatureNeeds) {
  const service = new UsageCorrectionsService({ ...needs, repository: new UsageCorrectionsRepository(needs.database) });
  return { service, resolvers: [new UsageCorrectionsResolver(service)] };
}
