import { Query, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import type { ModelBreakerRow } from './model-breaker.js';
import { ModelBreaker } from './model-breaker.type.js';
import { routes } from './model-breakers.routes.js';
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
}
