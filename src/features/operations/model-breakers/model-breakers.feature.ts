import type { Timers } from '../../../kernel/timers.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { ModelCatalogue } from '../../chat/models/model-catalogue.js';
import { BreakerWatch } from './breaker-watch.js';
import { ModelBreakerClosings } from './model-breaker-closings.js';
import { ModelBreakersRepository } from './model-breakers.repository.js';
import { ModelBreakersResolver } from './model-breakers.resolver.js';
import { ModelBreakersService } from './model-breakers.service.js';

interface ModelBreakersFeatureNeeds {
  readonly database: Database;
  readonly audit: AuditLog;
  readonly models: ModelCatalogue;
  readonly timers: Timers;
}

/** Which models are left alone, for admins and for those who look after instances. */
export function modelBreakersFeature({ database, audit, models: { all }, timers }: ModelBreakersFeatureNeeds) {
  const repository = new ModelBreakersRepository(database);
  const service = new ModelBreakersService({
    database,
    models: all,
    closings: modelBreakerClosings({
      database,
      audit,
      models: all.filter(({ language }) => language.condition !== null).map(({ name }) => name),
    }),
  });
  return {
    service,
    watch: new BreakerWatch({ repository, models: all, timers }),
    resolvers: [new ModelBreakersResolver(service)],
  };
}

interface ModelBreakerClosingsNeeds {
  readonly database: Database;
  readonly audit: AuditLog;
  readonly models: readonly string[];
}

/** How all instances are told to close a breaker, also for a process that asks no model itself. */
export function modelBreakerClosings(needs: ModelBreakerClosingsNeeds): ModelBreakerClosings {
  return new ModelBreakerClosings({ ...needs, repository: new ModelBreakersRepository(needs.database) });
}
