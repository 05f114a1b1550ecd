import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, ID, Info, Mutation, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../../../graphql/context.js';
import { IdempotentByItself } from '../../../graphql/idempotency.js';
import { CurrentViewer, noteInternalCall, Operation } from '../../../graphql/operation.js';
import { MissingCredentials } from '../../../kernel/errors.js';
import type { Connection } from '../../../kernel/page.js';
import { idRules } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import { descriptions } from './accounts.descriptions.js';
import { routes } from './accounts.routes.js';
import { newUserRules, searchRules, updateRules, userChangesRules } from './accounts.rules.js';
import type { AccountsService } from './accounts.service.js';
import type { AdminAccountsService } from './admin-accounts.service.js';
import type { UserRow } from './user.js';
import { CreateUserInput, UpdateUserInput, User, UserConnection, UserList } from './user.type.js';

interface AccountsResolverNeeds {
  readonly accounts: AccountsService;
  readonly admins: Pick<AdminAccountsService, 'list' | 'update'>;
}

@Resolver(() => User)
export class AccountsResolver {
  constructor(private readonly needs: AccountsResolverNeeds) {}

  @Operation('account:read')
  @Rest(routes.getMe)
  @Query(() => User, { description: "The caller's account." })
  me(@CurrentViewer() viewer: Viewer): Promise<UserRow> {
    return this.needs.accounts.get(viewer, viewer.userId);
  }

  @Operation('account:read', idRules)
  @Rest(routes.getUser)
  @Query(() => User, { description: descriptions.user })
  user(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID, { description: "The user's id." }) id: string,
  ): Promise<UserRow> {
    return this.needs.accounts.get(viewer, id);
  }

  @Operation('admin', searchRules)
  @Rest(routes.listUsers, routes.adminListUsers)
  @Query(() => UserConnection, { description: 'All accounts, newest first. For admins: FORBIDDEN to anyone else.' })
  users(
    @CurrentViewer() viewer: Viewer,
    @Args(() => UserList) { search, ...page }: UserList,
  ): Promise<Connection<UserRow>> {
    return this.needs.admins.list(viewer, search ?? null, page);
  }

  @Operation('anyone', newUserRules)
  @Rest(routes.createUser)
  @Mutation(() => User, { description: descriptions.createUser })
  createUser(
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
    @Arg('input', () => CreateUserInput) input: CreateUserInput,
  ): Promise<UserRow> {
    return this.needs.accounts.create(input, { viewer: () => viewerOrStranger(context, info), client: context.client });
  }

  @Operation('user', userChangesRules)
  @Rest(routes.updateMe)
  @Mutation(() => User, { description: descriptions.updateMe })
  updateMe(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => UpdateUserInput) input: UpdateUserInput,
  ): Promise<UserRow> {
    const { code, ...changes } = input;
    return this.needs.accounts.update(viewer, viewer.userId, changes, code ?? null);
  }

  @Operation('user')
  @IdempotentByItself('it ends the account that a repeat would come with')
  @Rest(routes.deleteMe)
  @Mutation(() => User, { description: descriptions.deleteMe })
  deleteMe(@CurrentViewer() viewer: Viewer): Promise<UserRow> {
    return this.needs.accounts.delete(viewer, viewer.userId);
  }

  @Operation('user', updateRules)
  @Rest(routes.updateUser, routes.replaceUser)
  @Mutation(() => User, { description: descriptions.updateUser })
  updateUser(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID, { description: "The user's id." }) id: string,
    @Arg('input', () => UpdateUserInput) input: UpdateUserInput,
  ): Promise<UserRow> {
    const { code, ...changes } = input;
    return this.needs.accounts.update(viewer, id, changes, code ?? null);
  }

  @Operation('admin', updateRules)
  @Rest(routes.adminUpdateUser)
  @Mutation(() => User, { description: descriptions.adminUpdateUser })
  adminUpdateUser(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID, { description: "The user's id." }) id: string,
    @Arg('input', () => UpdateUserInput) input: UpdateUserInput,
  ): Promise<UserRow> {
    const { code, ...changes } = input;
    return this.needs.admins.update(viewer, id, changes, code ?? null);
  }

  @Operation('user', idRules)
  @Rest(routes.deleteUser)
  @Mutation(() => User, { description: descriptions.deleteUser })
  deleteUser(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID, { description: "The user's id." }) id: string,
  ): Promise<UserRow> {
    return this.needs.accounts.delete(viewer, id);
  }
}

/** Null for a caller without credentials; throws for invalid ones. */
async function viewerOrStranger(context: RequestContext, info: GraphQLResolveInfo): Promise<Viewer | null> {
  try {
    const viewer = await context.viewer();
    await noteInternalCall(context, viewer, info);
    return viewer;
  } catch (error) {
    if (error instanceof MissingCredentials) return null;
    throw error;
  }
}
