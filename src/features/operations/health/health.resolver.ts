import { Query, Resolver } from 'type-graphql';
import { Operation } from '../../../graphql/operation.js';
import { Rest } from '../../../rest/route.js';
import type { HealthReport } from './health.js';
import { routes } from './health.routes.js';
import type { HealthService } from './health.service.js';
import { Health } from './health.type.js';

@Resolver()
export class HealthResolver {
  constructor(private readonly service: HealthService) {}

  @Operation('anyone')
  @Rest(routes.getHealth)
  @Query(() => Health, {
    description:
      'Whether the service works; UNAVAILABLE while the database does not answer, and in the last seconds before a stop.',
  })
  health(): Promise<HealthReport> {
    return this.service.check();
  }
}
