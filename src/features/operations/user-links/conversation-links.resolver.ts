import { Args, Arg, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import { batch } from '../../../graphql/batch.js';
import type { RequestContext } from '../../../graphql/context.js';
import { checkArguments, CurrentViewer, Operation } from '../../../graphql/operation.js';
import { OffsetPage } from '../../../graphql/page-arguments.js';
import { NotFound } from '../../../kernel/errors.js';
import type { Connection } from '../../../kernel/page.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { RestField, RestHidden } from '../../../rest/field.js';
import { Rest } from '../../../rest/route.js';
import type { ConversationRow } from '../../chat/conversations/conversation.js';
import {
  Conversation,
  ConversationConnection,
  ConversationSearch,
} from '../../chat/conversations/conversation.type.js';
import { searchRules } from '../../chat/conversations/conversations.rules.js';
import type { ConversationsService } from '../../chat/conversations/conversations.service.js';
import type { MessageRow } from '../../chat/messages/message.js';
import { Message } from '../../chat/messages/message.type.js';
import type { AdminAccountsService } from '../../identity/accounts/admin-accounts.service.js';
import type { UserDirectory } from '../../identity/accounts/user-directory.js';
import type { UserRow } from '../../identity/accounts/user.js';
import { User } from '../../identity/accounts/user.type.js';
import { descriptions } from './user-links.descriptions.js';
import { routes } from './user-links.routes.js';
import { userIdRules } from './user-links.rules.js';

interface UserConversationsResolverNeeds {
  readonly conversations: Pick<ConversationsService, 'ofUsers'>;
  readonly admins: Pick<AdminAccountsService, 'get'>;
}

@Resolver(() => User)
export class UserConversationsResolver {
  constructor(private readonly needs: UserConversationsResolverNeeds) {}

  @Operation('admin', userIdRules)
  @Rest(routes.adminListConversations)
  @Query(() => ConversationConnection, { description: descriptions.adminConversations })
  async adminConversations(
    @CurrentViewer() viewer: Viewer,
    @Arg('userId', () => ID) userId: string,
    @Args(() => OffsetPage) page: OffsetPage,
  ): Promise<Connection<ConversationRow> | undefined> {
    await this.needs.admins.get(viewer, userId);
    const [connection] = await this.needs.conversations.ofUsers([userId], null, page);
    return connection;
  }

  @RestHidden()
  @FieldResolver(() => ConversationConnection, { description: "The user's conversations, newest first." })
  conversations(
    @Root() user: UserRow,
    @Ctx() context: RequestContext,
    @Args(() => ConversationSearch) args: ConversationSearch,
  ): Promise<Connection<ConversationRow>> {
    const { query } = checkArguments(searchRules, args);
    const { first, after } = args;
    return batch(context, this, { query, first, after }, user.id, (userIds) =>
      this.needs.conversations.ofUsers(userIds, query ?? null, { first, after }),
    );
  }
}

@Resolver(() => Conversation)
export class ConversationUserResolver {
  constructor(private readonly users: Pick<UserDirectory, 'loadMany'>) {}

  @RestField({ name: 'user_id', value: { type: 'ID!', from: (row: ConversationRow) => row.userId } })
  @FieldResolver(() => User)
  async user(@Root() conversation: ConversationRow, @Ctx() context: RequestContext): Promise<UserRow> {
    const { users } = this;
    const user = await batch(context, users, { of: 'id' }, conversation.userId, (ids) => users.loadMany(ids));
    if (user === null) throw new NotFound('User');
    return user;
  }
}

@Resolver(() => Message)
export class MessageUserResolver {
  constructor(private readonly users: Pick<UserDirectory, 'loadMany'>) {}

  @RestField({ name: 'user_id', value: { type: 'ID', from: (row: MessageRow) => row.userId } })
  @FieldResolver(() => User, { nullable: true, description: 'Null for what the model wrote.' })
  async user(@Root() message: MessageRow, @Ctx() context: RequestContext): Promise<UserRow | null> {
    const { users } = this;
    if (message.userId === null) return null;
    return batch(context, users, { of: 'id' }, message.userId, (ids) => users.loadMany(ids));
  }
}
