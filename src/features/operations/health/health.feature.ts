import { HealthResolver } from './health.resolver.js';
import { HealthService, type HealthServiceNeeds } from './health.service.js';

/** Reports whether the service is up, its version and the model's status. */
export function healthFeature(needs: HealthServiceNeeds) {
  return { resolvers: [new HealthResolver(new HealthService(needs))] };
}
