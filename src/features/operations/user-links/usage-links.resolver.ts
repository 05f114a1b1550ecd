import { Arg, Args, Ctx, FieldResolver, ID, Query, Resolver, Root } from 'type-graphql';
import { batch } from '../../../graphql/batch.js';
import type { RequestContext } from '../../../graphql/context.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { RestHidden } from '../../../rest/field.js';
import { Rest } from '../../../rest/route.js';
import type { DailyUsageRow } from '../../chat/usage/usage.js';
import type { UsageService } from '../../chat/usage/usage.service.js';
import { DailyUsage, UsageRange } from '../../chat/usage/usage.type.js';
import type { AdminAccountsService } from '../../identity/accounts/admin-accounts.service.js';
import type { UserRow } from '../../identity/accounts/user.js';
import { User } from '../../identity/accounts/user.type.js';
import { descriptions } from './user-links.descriptions.js';
import { routes } from './user-links.routes.js';
import { userIdRules } from './user-links.rules.js';

interface UserUsageResolverNeeds {
  readonly usage: Pick<UsageService, 'daily'>;
  readonly admins: Pick<AdminAccountsService, 'get'>;
}

@Resolver(() => User)
export class UserUsageResolver {
  constructor(private readonly needs: UserUsageResolverNeeds) {}

  @Operation('admin', userIdRules)
  @Rest(routes.adminListUsage)
  @Query(() => [DailyUsage], { description: descriptions.adminUsage })
  async adminUsage(
    @CurrentViewer() viewer: Viewer,
    @Arg('userId', () => ID) userId: string,
    @Args(() => UsageRange) range: UsageRange,
  ): Promise<readonly DailyUsageRow[]> {
    await this.needs.admins.get(viewer, userId);
    const [days = []] = await this.needs.usage.daily([userId], range);
    return days;
  }

  @RestHidden()
  @FieldResolver(() => [DailyUsage], { name: 'usage', description: descriptions.userUsage })
  userUsage(
    @Root() user: UserRow,
    @Ctx() context: RequestContext,
    @Args(() => UsageRange) { since, until }: UsageRange,
  ): Promise<readonly DailyUsageRow[]> {
    const range = { since, until };
    return batch(context, this, range, user.id, (userIds) => this.needs.usage.daily(userIds, range));
  }
}
