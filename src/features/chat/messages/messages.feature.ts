import type { NodeFinder } from '../../../graphql/node.resolver.js';
import type { Database } from '../../../ports/database.js';
import type { EventLog } from '../../../ports/event-log.js';
import type { ConversationsService } from '../conversations/conversations.service.js';
import { MessagesRepository } from './messages.repository.js';
import { ConversationMessagesResolver, MessagesResolver } from './messages.resolver.js';
import { MessagesService } from './messages.service.js';

interface MessagesFeatureNeeds {
  readonly database: Database;
  readonly conversations: ConversationsService;
  readonly events: EventLog;
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal;
}

/** Messages in conversations: reading, editing, searching and following them. */
export function messagesFeature({ database, conversations, events, closing }: MessagesFeatureNeeds) {
  const service = new MessagesService({ repository: new MessagesRepository(database), conversations, events, closing });
  return {
    service,
    resolvers: [new MessagesResolver({ service, conversations }), new ConversationMessagesResolver(service)],
    nodes: [{ typeName: 'Message', find: (viewer, id) => service.findVisible(viewer, id) }] satisfies NodeFinder[],
  };
}
