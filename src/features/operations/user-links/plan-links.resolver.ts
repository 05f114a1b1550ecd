import { FieldResolver, Resolver, Root } from 'type-graphql';
import { RestField } from '../../../rest/field.js';
import { Plan, toPlan } from '../../chat/plans/plan.type.js';
import type { PlansService } from '../../chat/plans/plans.service.js';
import type { UserRow } from '../../identity/accounts/user.js';
import { User } from '../../identity/accounts/user.type.js';

@Resolver(() => User)
export class UserPlanResolver {
  constructor(private readonly plans: Pick<PlansService, 'of'>) {}

  @RestField({ value: { type: 'String!', from: (user: UserRow) => user.plan } })
  @FieldResolver(() => Plan, { description: 'What the user may use.' })
  plan(@Root() user: UserRow): Plan {
    return toPlan(this.plans.of(user.plan));
  }
}
