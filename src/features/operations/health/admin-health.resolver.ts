import { Query, Resolver } from 'type-graphql';
import { CurrentViewer, Operation } from '../../../graphql/operation.js';
import type { Viewer } from '../../../kernel/viewer.js';
import { Rest } from '../../../rest/route.js';
import type { AdminHealthService } from './admin-health.service.js';
import { routes } from './health.routes.js';
import { PartState } from './part-state.type.js';
import type { PartState as State } from './part-states.js';

@Resolver()
export class AdminHealthResolver {
  constructor(private readonly service: AdminHealthService) {}

  @Operation('admin')
  @Rest(routes.adminGetHealth)
  @Query(() => [PartState], {
    description:
      'The state of each part that the service stands on, and why one fails, as `/health/ready` has it at the internal port. For admins: FORBIDDEN to anyone else.',
  })
  adminHealth(@CurrentViewer() viewer: Viewer): Promise<readonly State[]> {
    return this.service.look(viewer);
  }
}
