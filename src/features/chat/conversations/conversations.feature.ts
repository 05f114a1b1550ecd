import type { NodeFinder } from '../../../graphql/node.resolver.js';
import type { Database } from '../../../ports/database.js';
import type { EventLog } from '../../../ports/event-log.js';
import type { PlanCatalogue } from '../plans/plan.js';
import { ConversationsRepository } from './conversations.repository.js';
import { ConversationsResolver } from './conversations.resolver.js';
import { ConversationsService } from './conversations.service.js';

interface ConversationsFeatureNeeds {
  readonly database: Database;
  readonly plans: Pick<PlanCatalogue, 'of'>;
  readonly events: EventLog;
}

/** Conversations between users and the model. */
export function conversationsFeature({ database, plans, events }: ConversationsFeatureNeeds) {
  const service = new ConversationsService({ repository: new ConversationsRepository(database), plans, events });
  return {
    service,
    resolvers: [new ConversationsResolver(service)],
    nodes: [{ typeName: 'Conversation', find: (viewer, id) => service.findVisible(viewer, id) }] satisfies NodeFinder[],
  };
}
