import type { NodeFinder } from '../../../graphql/node.resolver.js';
import type { Database } from '../../../ports/database.js';
import type { ConversationsService } from '../conversations/conversations.service.js';
import type { EventFeeds } from '../feeds/event-feeds.js';
import { BranchesRepository } from './branches.repository.js';
import { BranchesResolver, MessageSiblingsResolver } from './branches.resolver.js';
import { BranchesService } from './branches.service.js';
import { MessageTree } from './message-tree.js';
import { MessageTreeRepository } from './message-tree.repository.js';
import { MessagesRepository } from './messages.repository.js';
import { ConversationMessagesResolver, MessagesResolver } from './messages.resolver.js';
import { MessagesService } from './messages.service.js';

interface MessagesFeatureNeeds {
  readonly database: Database;
  readonly conversations: ConversationsService;
  readonly feeds: EventFeeds;
}

/** Messages in conversations: reading, editing, searching and following them. */
export function messagesFeature({ database, conversations, feeds }: MessagesFeatureNeeds) {
  const tree = new MessageTree({ database, repository: new MessageTreeRepository() });
  const service = new MessagesService({
    repository: new MessagesRepository(database),
    tree,
    conversations,
    feeds,
  });
  const branches = new BranchesService({
    database,
    repository: new BranchesRepository(database),
    tree,
    messages: service,
    conversations,
  });
  return {
    service,
    resolvers: [
      new MessagesResolver({ service, conversations }),
      new ConversationMessagesResolver(service),
      new BranchesResolver({ service: branches, messages: service }),
      new MessageSiblingsResolver(service),
    ],
    nodes: [{ typeName: 'Message', find: (viewer, id) => service.findVisible(viewer, id) }] satisfies NodeFinder[],
  };
}
