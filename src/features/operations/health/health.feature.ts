import { HealthResolver } from './health.resolver.js';
import { HealthService, type HealthServiceNeeds } from './health.service.js';

/** Whether the service is there, and what it can do. */
export function healthFeature(needs: HealthServiceNeeds) {
  return { resolvers: [new HealthResolver(new HealthService(needs))] };
}
