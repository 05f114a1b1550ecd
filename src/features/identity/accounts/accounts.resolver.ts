import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Ctx, ID, Info, Int, Mutation, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../../../graphql/context.js';
import { CurrentViewer, noteInternalCall, Operation } from '../../../graphql/operation.js';
import type { RestError } from '../../../rest/answers.js';
import { Rest } from '../../../rest/route.js';
import { body, paging, path, query } from '../../../rest/sources.js';
import { MissingCredentials } from '../../../kernel/errors.js';
import type { Connection } from '../../../kernel/page.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { idRules, newUserRules, searchRules, userChangesRules } from './accounts.rules.js';
import type { AccountsService } from './accounts.service.js';
import type { AdminAccountsService } from './admin-accounts.service.js';
import type { UserRow } from './user.js';
import {
  ADMINS_ONLY,
  LAST_ADMIN,
  MISSING_ADMIN_HEADER,
  NO_SUCH_USER,
  USER_EXISTS,
  CreateUserInput,
  UpdateUserInput,
  User,
  UserConnection,
} from './user.type.js';

/** What clients that send a whole User back send along and nobody may write. */
const changes = body({ readOnly: ['user_id', 'last_login'] });

const FORBIDDEN: RestError = { code: 'FORBIDDEN', message: 'Forbidden' };
/** Of credentials that need not be sent, and are believed only when they hold. */
const SENT_CREDENTIALS: readonly RestError[] = [
  { code: 'UNAUTHENTICATED', message: 'Invalid token' },
  { code: 'NOT_FOUND', message: 'User not found' },
  { code: 'FORBIDDEN', message: 'Account disabled' },
];

const ID_OF_USER = "The user's id.";

interface AccountsResolverNeeds {
  readonly accounts: AccountsService;
  readonly admins: Pick<AdminAccountsService, 'list' | 'update'>;
}

@Resolver(() => User)
export class AccountsResolver {
  constructor(private readonly needs: AccountsResolverNeeds) {}

  @Operation('user')
  @Rest({ method: 'GET', path: '/users/me', operationId: 'getMe', summary: "Get one's own account", tag: 'Users' })
  @Query(() => User, { description: "The caller's account." })
  me(@CurrentViewer() viewer: Viewer): Promise<UserRow> {
    return this.needs.accounts.get(viewer, viewer.userId);
  }

  @Operation('user', idRules)
  @Rest({
    method: 'GET',
    path: '/users/{user_id}',
    operationId: 'getUser',
    summary: 'Get an account',
    tag: 'Users',
    arguments: { id: path('user_id') },
    errors: [FORBIDDEN, NO_SUCH_USER],
  })
  @Query(() => User, {
    description: "One's own account, or, for admins, any: NOT_FOUND when there is none. Anyone else's is FORBIDDEN.",
  })
  user(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID, { description: ID_OF_USER }) id: string,
  ): Promise<UserRow> {
    return this.needs.accounts.get(viewer, id);
  }

  @Operation('admin', searchRules)
  @Rest(
    {
      method: 'GET',
      path: '/users',
      operationId: 'listUsers',
      summary: 'List accounts, newest first',
      tag: 'Users',
      arguments: { ...paging, search: query('search') },
      errors: [FORBIDDEN],
    },
    {
      method: 'GET',
      path: '/admin/users',
      operationId: 'adminListUsers',
      summary: 'List accounts, newest first',
      tag: 'Admin',
      arguments: { ...paging, search: query('search') },
      errors: [MISSING_ADMIN_HEADER, { ...ADMINS_ONLY, insteadOf: 'Forbidden' }],
    },
  )
  @Query(() => UserConnection, { description: 'All accounts, newest first. For admins: FORBIDDEN to anyone else.' })
  users(
    @CurrentViewer() viewer: Viewer,
    @Arg('search', () => String, {
      nullable: true,
      description: 'Part of the e-mail address or the phone number, in any case. At most 100 characters.',
    })
    search: string | null,
    @Arg('first', () => Int, { nullable: true, defaultValue: 20, description: 'How many at most, from 1 to 100.' })
    first: number | null,
    @Arg('after', () => String, { nullable: true, description: 'The cursor to go on after.' }) after: string | null,
    @Arg('offset', () => Int, { nullable: true, description: 'How many to leave out first. Cursors cost less.' })
    offset: number | null,
  ): Promise<Connection<UserRow>> {
    return this.needs.admins.list(viewer, search ?? null, { first, after, offset });
  }

  @Operation('anyone', newUserRules)
  @Rest({
    method: 'POST',
    path: '/users',
    operationId: 'createUser',
    summary: 'Create an account',
    tag: 'Users',
    arguments: { input: body() },
    errors: [USER_EXISTS, ADMINS_ONLY, ...SENT_CREDENTIALS],
  })
  @Mutation(() => User, {
    description:
      'Makes an account; open to anyone. CONFLICT when the e-mail address is taken. It logs nobody in: `login` does.',
  })
  createUser(
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
    @Arg('input', () => CreateUserInput) input: CreateUserInput,
  ): Promise<UserRow> {
    return this.needs.accounts.create(input, { viewer: () => viewerOrStranger(context, info), client: context.client });
  }

  @Operation('user', userChangesRules)
  @Rest({
    method: 'PATCH',
    path: '/users/me',
    operationId: 'updateMe',
    summary: "Change one's own account",
    tag: 'Users',
    arguments: { input: changes },
    errors: [USER_EXISTS, ADMINS_ONLY, LAST_ADMIN],
  })
  @Mutation(() => User, { description: "Changes the caller's account. CONFLICT when the e-mail address is taken." })
  updateMe(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => UpdateUserInput) input: UpdateUserInput,
  ): Promise<UserRow> {
    return this.needs.accounts.update(viewer, viewer.userId, input);
  }

  @Operation('user')
  @Rest({
    method: 'DELETE',
    path: '/users/me',
    operationId: 'deleteMe',
    summary: "Delete one's own account",
    tag: 'Users',
    errors: [LAST_ADMIN],
  })
  @Mutation(() => User, {
    description:
      "Deletes the caller's account and ends its sessions. CONFLICT for the last admin. Answers with it as it was last.",
  })
  deleteMe(@CurrentViewer() viewer: Viewer): Promise<UserRow> {
    return this.needs.accounts.delete(viewer, viewer.userId);
  }

  @Operation('user', idRules.extend(userChangesRules.shape))
  @Rest(
    {
      method: 'PATCH',
      path: '/users/{user_id}',
      operationId: 'updateUser',
      summary: 'Change an account',
      tag: 'Users',
      arguments: { id: path('user_id'), input: changes },
      errors: [FORBIDDEN, ADMINS_ONLY, NO_SUCH_USER, USER_EXISTS, LAST_ADMIN],
    },
    {
      method: 'PUT',
      path: '/users/{user_id}',
      operationId: 'replaceUser',
      summary: 'Change an account; what is left out stays',
      tag: 'Users',
      arguments: { id: path('user_id'), input: changes },
      errors: [FORBIDDEN, ADMINS_ONLY, NO_SUCH_USER, USER_EXISTS, LAST_ADMIN],
    },
  )
  @Mutation(() => User, {
    description:
      "Changes one's own account, or, for admins, any. CONFLICT when the e-mail address is taken or nobody would be left to be an admin; NOT_FOUND when there is no such user, and FORBIDDEN to anyone but an admin.",
  })
  updateUser(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID, { description: ID_OF_USER }) id: string,
    @Arg('input', () => UpdateUserInput) input: UpdateUserInput,
  ): Promise<UserRow> {
    return this.needs.accounts.update(viewer, id, input);
  }

  @Operation('admin', idRules.extend(userChangesRules.shape))
  @Rest({
    method: 'PATCH',
    path: '/admin/users/{user_id}',
    operationId: 'adminUpdateUser',
    summary: 'Change any account',
    tag: 'Admin',
    arguments: { id: path('user_id'), input: changes },
    errors: [MISSING_ADMIN_HEADER, ADMINS_ONLY, NO_SUCH_USER, USER_EXISTS, LAST_ADMIN],
  })
  @Mutation(() => User, {
    description: "The same as `updateUser`, for admins alone: FORBIDDEN to anyone else, for one's own account too.",
  })
  adminUpdateUser(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID, { description: ID_OF_USER }) id: string,
    @Arg('input', () => UpdateUserInput) input: UpdateUserInput,
  ): Promise<UserRow> {
    return this.needs.admins.update(viewer, id, input);
  }

  @Operation('user', idRules)
  @Rest({
    method: 'DELETE',
    path: '/users/{user_id}',
    operationId: 'deleteUser',
    summary: 'Delete an account',
    tag: 'Users',
    arguments: { id: path('user_id') },
    errors: [FORBIDDEN, NO_SUCH_USER, LAST_ADMIN],
  })
  @Mutation(() => User, {
    description:
      "Deletes one's own account, or, for admins, any, and ends its sessions. NOT_FOUND when there is no such user, and FORBIDDEN to anyone but an admin; CONFLICT for the last admin.",
  })
  deleteUser(
    @CurrentViewer() viewer: Viewer,
    @Arg('id', () => ID, { description: ID_OF_USER }) id: string,
  ): Promise<UserRow> {
    return this.needs.accounts.delete(viewer, id);
  }
}

/** Null for a caller who sent no credentials; bad ones are an error all the same. */
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
