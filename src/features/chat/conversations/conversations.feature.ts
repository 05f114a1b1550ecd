import type { NodeFinder } from '../../../graphql/node.resolver.js';
import type { Database } from '../../../ports/database.js';
import type { EventBus } from '../../../ports/event-bus.js';
import type { EventFeeds } from '../feeds/event-feeds.js';
import type { ModelCatalogue } from '../models/model-catalogue.js';
import type { PlanCatalogue } from '../plans/plan.js';
import { ConversationsRepository } from './conversations.repository.js';
import { ConversationsResolver } from './conversations.resolver.js';
import { ConversationsService } from './conversations.service.js';

interface ConversationsFeatureNeeds {
  readonly database: Database;
  readonly plans: Pick<PlanCatalogue, 'of'>;
  readonly models: Pick<ModelCatalogue, 'get'>;
  readonly feeds: EventFeeds;
  readonly bus: EventBus;
}

/** Conversations between users and the model. */
export function conversationsFeature({ database, plans, models, feeds, bus }: ConversationsFeatureNeeds) {
  const service = new ConversationsService({
    repository: new ConversationsRepository(database),
    plans,
    models,
    feeds,
    bus,
  });
  return {
    service,
    resolvers: [new ConversationsResolver(service)],
    nodes: [{ typeName: 'Conversation', find: (viewer, id) => service.findVisible(viewer, id) }] satisfies NodeFinder[],
  };
}
