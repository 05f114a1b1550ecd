import { Arg, ID, Mutation, Query, Resolver } from 'type-graphql';
import { z } from 'zod';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { planName } from '../../../kernel/rules.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import type { UserLimitsRow } from './limits.js';
import { UserLimits } from './limits.type.js';
import { ChangePlanResult, Plan, toPlan } from './plan.type.js';
import { descriptions } from './plans.descriptions.js';
import { routes } from './plans.routes.js';
import type { PlansService } from './plans.service.js';

@Resolver()
export class PlansResolver {
  constructor(private readonly service: PlansService) {}

  @Operation('anyone')
  @Rest(routes.listPlans)
  @Query(() => [Plan], { description: 'The plans that a user can have, the smallest first.' })
  plans(): readonly Plan[] {
    return this.service.list().map(toPlan);
  }

  @Operation('usage:read')
  @Rest(routes.getLimits)
  @Query(() => UserLimits, { description: "The limits of the caller's plan, and how much of them is used." })
  limits(@CurrentViewer() viewer: Viewer): Promise<UserLimitsRow> {
    return this.service.limits(viewer);
  }

  @Operation('user', z.object({ plan: planName() }))
  @Rest(routes.changePlan)
  @Mutation(() => ChangePlanResult, { description: descriptions.changePlan })
  async changePlan(
    @CurrentViewer() viewer: Viewer,
    @Arg('plan', () => ID, { description: 'The name of the plan.' }) plan: string,
  ): Promise<ChangePlanResult> {
    const result = await this.service.change(viewer, plan);
    return { changed: result.changed, plan: toPlan(result.plan) };
  }
}
