import { Arg, Mutation, Query, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import type { ModelBreakerRow } from './model-breaker.js';
import { ModelBreaker } from './model-breaker.type.js';
import { routes } from './model-breakers.routes.js';
import { closingRules } from './model-breakers.rules.js';
import type { ModelBreakersService } from './model-breakers.service.js';

@Resolver()
export class ModelBreakersResolver {
  constructor(private readonly service: ModelBreakersService) {}

  @Operation('admin')
  @Rest(routes.adminListModelBreakers)
  @Query(() => [ModelBreaker], {
    description:
      "Which models this instance leaves alone, since their providers fail, in the operator's order. For admins: FORBIDDEN to anyone else.",
  })
  modelBreakers(@CurrentViewer() viewer: Viewer): readonly ModelBreakerRow[] {
    return this.service.list(viewer);
  }

  @Operation('admin', closingRules)
  @Rest(routes.adminCloseModelBreaker)
  @Mutation(() => ModelBreaker, {
    description:
      'Has a model asked again that is left alone, as if its provider had not failed: by this instance at once, by all others within seconds. One that is CLOSED stays so. NOT_FOUND for what is no model, or has no provider. For admins: FORBIDDEN to anyone else.',
  })
  closeModelBreaker(
    @CurrentViewer() viewer: Viewer,
    @Arg('model', () => String, { description: 'The name of the model.' }) model: string,
    @Arg('reason', () => String, { nullable: true, description: 'Why: for the audit log.' }) reason: string | null,
  ): Promise<ModelBreakerRow> {
    return this.service.close(viewer, model, reason ?? null);
  }
}
