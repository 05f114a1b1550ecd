import { Arg, ID, Mutation, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { idRules } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import { descriptions } from './accounts.descriptions.js';
import { routes } from './accounts.routes.js';
import { newUserRules } from './accounts.rules.js';
import type { AdminAccountsService } from './admin-accounts.service.js';
import type { UserRow } from './user.js';
import { CreateUserInput, User } from './user.type.js';

/** Operations on any account, for admins. */
@Resolver(() => User)
export class AdminResolver {
  constructor(private readonly admins: AdminAccountsService) {}

  @Operation('admin', newUserRules)
  @Rest(routes.adminCreateUser)
  @Mutation(() => User, { description: descriptions.adminCreateUser })
  adminCreateUser(
    @CurrentViewer() viewer: Viewer,
    @Arg('input', () => CreateUserInput) input: CreateUserInput,
  ): Promise<UserRow> {
    return this.admins.create(viewer, input);
  }

  @Operation('admin', idRules)
  @Rest(routes.adminDeleteUser)
  @Mutation(() => User, { description: descriptions.adminDeleteUser })
  adminDeleteUser(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<UserRow> {
    return this.admins.delete(viewer, id);
  }

  @Operation('admin', idRules)
  @Rest(routes.suspendUser)
  @Mutation(() => User, { description: descriptions.suspendUser })
  suspendUser(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<UserRow> {
    return this.admins.update(viewer, id, { isSuspended: true });
  }

  @Operation('admin', idRules)
  @Rest(routes.reinstateUser)
  @Mutation(() => User, { description: 'Ends the suspension of an account, whose user may log in again. For admins.' })
  reinstateUser(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<UserRow> {
    return this.admins.update(viewer, id, { isSuspended: false });
  }

  @Operation('admin', idRules)
  @Rest(routes.restoreUser)
  @Mutation(() => User, { description: descriptions.restoreUser })
  restoreUser(@CurrentViewer() viewer: Viewer, @Arg('id', () => ID) id: string): Promise<UserRow> {
    return this.admins.restore(viewer, id);
  }
}
