import { Forbidden } from '../../../kernel/errors.js';
import { connectionOf, pageRequest, type Connection, type PageArguments } from '../../../kernel/page.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { ModelFailureRow } from './model-failure.js';
import type { ModelFailuresRepository } from './model-failures.repository.js';

/** Reads what the model's provider said of its failures. */
export class ModelFailuresService {
  constructor(private readonly repository: Pick<ModelFailuresRepository, 'page' | 'count'>) {}

  /** Newest first; for admins. @throws Forbidden; Invalid */
  async list(viewer: Viewer, page: PageArguments): Promise<Connection<ModelFailureRow>> {
    if (!viewer.isAdmin) throw new Forbidden();
    const found = await this.repository.page(pageRequest(page));
    return connectionOf(found, () => this.repository.count());
  }
}
