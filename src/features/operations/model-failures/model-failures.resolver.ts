import { Args, Query, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import { OffsetPage } from '../../../graphql/page-arguments.js';
import type { Connection } from '../../../kernel/page.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import { KEPT_FAILURES, type ModelFailureRow } from './model-failure.js';
import { ModelFailure, ModelFailureConnection } from './model-failure.type.js';
import { routes } from './model-failures.routes.js';
import type { ModelFailuresService } from './model-failures.service.js';

@Resolver(() => ModelFailure)
export class ModelFailuresResolver {
  constructor(private readonly service: ModelFailuresService) {}

  @Operation('admin')
  @Rest(routes.adminListModelFailures)
  @Query(() => ModelFailureConnection, {
    description: `The latest failures of the model's provider, newest first; ${KEPT_FAILURES} are kept. For admins: FORBIDDEN to anyone else.`,
  })
  modelFailures(
    @CurrentViewer() viewer: Viewer,
    @Args(() => OffsetPage) page: OffsetPage,
  ): Promise<Connection<ModelFailureRow>> {
    return this.service.list(viewer, page);
  }
}
