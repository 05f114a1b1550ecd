import { UserSessionsResolver } from './user-sessions.resolver.js';
import { UserSessionsService, type UserSessionsServiceNeeds } from './user-sessions.service.js';

/** Where users are logged in, for admins and for the operator. */
export function userSessionsFeature(needs: UserSessionsServiceNeeds) {
  const service = new UserSessionsService(needs);
  return { service, resolvers: [new UserSessionsResolver(service)] };
}
