import { Arg, ID, Mutation, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import type { RestError } from '../../../rest/answers.js';
import { Rest } from '../../../rest/route.js';
import { body, path } from '../../../rest/sources.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { idRules, newUserRules } from './accounts.rules.js';
import type { AdminAccountsService } from './admin-accounts.service.js';
import type { UserRow } from './user.js';
import { ADMIN_ERRORS, CreateUserInput, LAST_ADMIN, NO_SUCH_USER, User, USER_EXISTS } from './user.type.js';

const tag = 'Admin';
const byId = { id: path('user_id') };
const ofOne: readonly RestError[] = [...ADMIN_ERRORS, NO_SUCH_USER];

/** What admins do with the accounts of others, and of their own. */
@Resolver(() => User)
export class AdminResolver {
  constructor(private readonly admins: AdminAccountsService) {}

  @Operation('admin', newUserRules)
  @Rest({
    method: 'POST',
    path: '/admin/users',
    operationId: 'adminCreateUser',
    summary: 'Create an account with any field',
    tag,
    arguments: { input: body() },
    errors: [...ADMIN_ERRORS, USER_EXISTS],
  })
  @Mutation(() => User, {
    description: 'The same as `createUser`, for admins alone, who may set any field. FORBIDDEN to anyone else.',
  })
  adminCreateUser(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => CreateUserInput) input: CreateUserInput,
  ): Promise<UserRow> {
    return this.admins.create(viewer, input);
  }

  @Operation('admin', idRules)
  @Rest({
    method: 'DELETE',
    path: '/admin/users/{user_id}',
    operationId: 'adminDeleteUser',
    summary: 'Delete any account',
    tag,
    arguments: byId,
    errors: [...ofOne, LAST_ADMIN],
  })
  @Mutation(() => User, {
    description:
      "The same as `deleteUser`, for admins alone: FORBIDDEN to anyone else, for one's own account too. `restoreUser` brings it back.",
  })
  adminDeleteUser(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<UserRow> {
    return this.admins.delete(viewer, id);
  }

  @Operation('admin', idRules)
  @Rest({
    method: 'POST',
    path: '/admin/users/{user_id}/suspend',
    operationId: 'suspendUser',
    summary: 'Suspend an account',
    tag,
    arguments: byId,
    errors: [...ofOne, LAST_ADMIN],
  })
  @Mutation(() => User, {
    description:
      'Suspends an account and ends its sessions: it is refused everything until `reinstateUser`. For admins; CONFLICT for the last of them.',
  })
  suspendUser(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<UserRow> {
    return this.admins.update(viewer, id, { isSuspended: true });
  }

  @Operation('admin', idRules)
  @Rest({
    method: 'POST',
    path: '/admin/users/{user_id}/reinstate',
    operationId: 'reinstateUser',
    summary: 'End the suspension of an account',
    tag,
    arguments: byId,
    errors: ofOne,
  })
  @Mutation(() => User, { description: 'Ends the suspension of an account, whose user may log in again. For admins.' })
  reinstateUser(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<UserRow> {
    return this.admins.update(viewer, id, { isSuspended: false });
  }

  @Operation('admin', idRules)
  @Rest({
    method: 'POST',
    path: '/admin/users/{user_id}/restore',
    operationId: 'restoreUser',
    summary: 'Bring a deleted account back',
    tag,
    arguments: byId,
    errors: [...ofOne, USER_EXISTS],
  })
  @Mutation(() => User, {
    description:
      'Brings a deleted account back, active, with all that it had but its sessions. For admins. CONFLICT when its e-mail address was taken meanwhile; an account that is not deleted stays as it is.',
  })
  restoreUser(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<UserRow> {
    return this.admins.restore(viewer, id);
  }
}
