import type { Database } from '../../../ports/database.js';
import type { ModelFailureLog } from '../../../ports/model-failure-log.js';
import { ModelFailuresRepository } from './model-failures.repository.js';
import { ModelFailuresResolver } from './model-failures.resolver.js';
import { ModelFailuresService } from './model-failures.service.js';

/** What the model's provider said of its failures, for admins. */
export function modelFailuresFeature({ database }: { readonly database: Database }) {
  const repository = new ModelFailuresRepository(database);
  const failures: ModelFailureLog = repository;
  return { failures, resolvers: [new ModelFailuresResolver(new ModelFailuresService(repository))] };
}
