import { Ctx, FieldResolver, Resolver, Root } from 'type-graphql';
import { batch } from '../../../graphql/batch.js';
import type { RequestContext } from '../../../graphql/context.js';
import { RestField, RestHidden } from '../../../rest/field.js';
import type { UserLimitsRow } from '../../chat/plans/limits.js';
import { UserLimits } from '../../chat/plans/limits.type.js';
import { Plan, toPlan } from '../../chat/plans/plan.type.js';
import type { PlansService } from '../../chat/plans/plans.service.js';
import type { UserRow } from '../../identity/accounts/user.js';
import { User } from '../../identity/accounts/user.type.js';

@Resolver(() => User)
export class UserPlanResolver {
  constructor(private readonly plans: Pick<PlansService, 'limitsOf' | 'of'>) {}

  @RestField({ value: { type: 'String!', from: (user: UserRow) => user.plan } })
  @FieldResolver(() => Plan, { description: 'What the user may use.' })
  plan(@Root() user: UserRow): Plan {
    return toPlan(this.plans.of(user.plan));
  }

  @RestHidden()
  @FieldResolver(() => UserLimits, { description: "The limits of the user's plan, and how much of them is used." })
  limits(@Root() user: UserRow, @Ctx() context: RequestContext): Promise<UserLimitsRow> {
    return batch(context, this.plans, { of: 'limits' }, user.id, (ids) => this.plans.limitsOf(ids));
  }
}
