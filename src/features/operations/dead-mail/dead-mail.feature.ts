import { DeadMailResolver } from './dead-mail.resolver.js';
import { DeadMailService, type DeadMailServiceNeeds } from './dead-mail.service.js';

/** Mails that were given up, for admins and for the operator. */
export function deadMailFeature(needs: DeadMailServiceNeeds) {
  const service = new DeadMailService(needs);
  return { service, resolvers: [new DeadMailResolver(service)] };
}
