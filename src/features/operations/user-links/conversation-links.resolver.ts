import { OperationTypeNode, type GraphQLResolveInfo } from 'graphql';
import { Args, Arg, Ctx, FieldResolver, ID, Info, Query, Resolver, Root } from 'type-graphql';
import { asksWhichAlone } from '../../../graphql/bare-fields.js';
import { BY_ID, batch } from '../../../graphql/batch.js';
import type { RequestContext } from '../../../graphql/context.js';
import { checkArguments, CurrentViewer, Operation } from '../../../graphql/operation.js';
import { OffsetPage } from '../../../graphql/page-arguments.js';
import { LeadsBy } from '../../../graphql/shortcuts.js';
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
    const [connection] = await this.needs.conversations.ofUsers([userId], {}, page);
    return connection;
  }

  @RestHidden()
  @FieldResolver(() => ConversationConnection, { description: "The user's conversations, newest first." })
  conversations(
    @Root() user: UserRow,
    @Ctx() context: RequestContext,
    @Args(() => ConversationSearch) args: ConversationSearch,
  ): Promise<Connection<ConversationRow>> {
    const { query, label } = checkArguments(searchRules, args);
    const { first, after, orderBy, isPinned, isArchived, isUnread } = args;
    const filter = { query, label, isPinned, isArchived, isUnread };
    return batch(context, this, { ...filter, first, after, orderBy }, user.id, (userIds) =>
      this.needs.conversations.ofUsers(userIds, filter, { first, after }, orderBy ?? undefined),
    );
  }
}

@Resolver(() => Conversation)
export class ConversationUserResolver {
  constructor(private readonly users: Pick<UserDirectory, 'loadMany'>) {}

  @RestField({ name: 'user_id', value: { type: 'ID!', from: (row: ConversationRow) => row.userId } })
  @LeadsBy('userId')
  @FieldResolver(() => User)
  user(
    @Root() { userId }: ConversationRow,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): LinkedUser | Promise<LinkedUser> {
    const user = loadUser(this.users, userId, context, info);
    return user instanceof Promise ? user.then(found) : user;
  }
}

@Resolver(() => Message)
export class MessageUserResolver {
  constructor(private readonly users: Pick<UserDirectory, 'loadMany'>) {}

  @RestField({ name: 'user_id', value: { type: 'ID', from: (row: MessageRow) => row.userId } })
  @LeadsBy('userId')
  @FieldResolver(() => User, { nullable: true, description: 'Null for what the model wrote.' })
  user(
    @Root() { userId }: MessageRow,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): LinkedUser | Promise<LinkedUser> {
    return userId === null ? null : loadUser(this.users, userId, context, info);
  }
}

type LinkedUser = Pick<UserRow, 'id'> | null;

function found(user: LinkedUser): LinkedUser {
  if (user === null) throw new NotFound('User');
  return user;
}

/**
 * At once where nothing has to be read: a list has one in each row, and a promise for each costs as much as the rows do.
 * @returns null for a deleted user: the viewer is none, unless the operation has made them one
 */
function loadUser(
  users: Pick<UserDirectory, 'loadMany'>,
  id: string,
  context: RequestContext,
  info: GraphQLResolveInfo,
): LinkedUser | Promise<LinkedUser> {
  const isQuery = info.operation.operation === OperationTypeNode.QUERY;
  if (isQuery && context.knownViewer?.()?.userId === id && asksWhichAlone(info)) return { id };
  return batch(context, users, BY_ID, id, (ids) => users.loadMany(ids));
}
