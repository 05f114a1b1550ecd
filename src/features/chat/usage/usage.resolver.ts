import { GraphQLDate } from 'graphql-scalars';
import { Arg, Ctx, FieldResolver, ID, Int, Query, Resolver, Root } from 'type-graphql';
import { z } from 'zod';
import { batch } from '../../../graphql/batch.js';
import type { RequestContext } from '../../../graphql/context.js';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { path, Rest, RestHidden } from '../../../graphql/rest-route.js';
import type { Connection } from '../../../kernel/page.js';
import { uuid } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { AccountsService } from '../../identity/accounts/accounts.service.js';
import type { UserRow } from '../../identity/accounts/user.js';
import { ADMIN_ERRORS, NO_SUCH_USER, User } from '../../identity/accounts/user.type.js';
import type { DailyUsageRow, UsageEntryRow } from './usage.js';
import type { UsageService } from './usage.service.js';
import { DailyUsage, UsageEntryConnection } from './usage.type.js';

const SINCE = 'The first day, included; by default 365 days before `until`.';
const UNTIL = 'The last day, included; by default today, in UTC.';

@Resolver(() => User)
export class UsageResolver {
  constructor(
    private readonly service: UsageService,
    private readonly accounts: Pick<AccountsService, 'getAsAdmin'>,
  ) {}

  @Operation('user')
  @Rest({
    method: 'GET',
    path: '/user/usage',
    operationId: 'listUsage',
    summary: "List the caller's usage, newest day first",
    tag: 'Plans',
  })
  @Query(() => [DailyUsage], { description: "The caller's usage, newest day first; at most 366 days." })
  async usage(
    @CurrentViewer() viewer: Viewer,
    @Arg('since', () => GraphQLDate, { nullable: true, description: SINCE }) since: Date | null,
    @Arg('until', () => GraphQLDate, { nullable: true, description: UNTIL }) until: Date | null,
  ): Promise<readonly DailyUsageRow[]> {
    const [days = []] = await this.service.daily([viewer.userId], { since, until });
    return days;
  }

  @Operation('admin', z.object({ userId: uuid() }).loose())
  @Rest({
    method: 'GET',
    path: '/admin/users/{user_id}/usage',
    operationId: 'adminListUsage',
    summary: "List a user's usage, newest day first",
    tag: 'Admin',
    arguments: { userId: path('user_id') },
    errors: [...ADMIN_ERRORS, NO_SUCH_USER],
  })
  @Query(() => [DailyUsage], {
    description: "A user's usage, newest day first; at most 366 days. For admins: FORBIDDEN to anyone else.",
  })
  async adminUsage(
    @CurrentViewer() viewer: Viewer,
    @Arg('userId', () => ID) userId: string,
    @Arg('since', () => GraphQLDate, { nullable: true, description: SINCE }) since: Date | null,
    @Arg('until', () => GraphQLDate, { nullable: true, description: UNTIL }) until: Date | null,
  ): Promise<readonly DailyUsageRow[]> {
    await this.accounts.getAsAdmin(viewer, userId);
    const [days = []] = await this.service.daily([userId], { since, until });
    return days;
  }

  @Operation('user')
  @Query(() => UsageEntryConnection, { description: "The caller's ledger, newest first. `first` is from 1 to 100." })
  usageLedger(
    @CurrentViewer() viewer: Viewer,
    @Arg('first', () => Int, { nullable: true, defaultValue: 20 }) first: number | null,
    @Arg('after', () => String, { nullable: true }) after: string | null,
  ): Promise<Connection<UsageEntryRow>> {
    return this.service.ledger(viewer, { first, after });
  }

  @RestHidden()
  @FieldResolver(() => [DailyUsage], {
    name: 'usage',
    description: "The user's usage, newest day first; at most 366 days.",
  })
  userUsage(
    @Root() user: UserRow,
    @Ctx() context: RequestContext,
    @Arg('since', () => GraphQLDate, { nullable: true, description: SINCE }) since: Date | null,
    @Arg('until', () => GraphQLDate, { nullable: true, description: UNTIL }) until: Date | null,
  ): Promise<readonly DailyUsageRow[]> {
    const range = { since, until };
    return batch(context, this, range, user.id, (userIds) => this.service.daily(userIds, range));
  }
}
