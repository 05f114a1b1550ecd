import { Unavailable } from '../../../kernel/errors.js';
import type { Database } from '../../../ports/database.js';
import type { ModelCatalogue } from '../../chat/models/model-catalogue.js';
import type { HealthReport } from './health.js';

export interface HealthServiceNeeds {
  readonly database: Pick<Database, 'ping'>;
  readonly models: Pick<ModelCatalogue, 'all'>;
  readonly version: string;
  /** Aborted once the service is about to stop, and requests should go elsewhere. */
  readonly leaving: AbortSignal;
}

export class HealthService {
  constructor(private readonly needs: HealthServiceNeeds) {}

  /** @throws Unavailable when the database does not answer, or the service is about to stop */
  async check(): Promise<HealthReport> {
    if (this.needs.leaving.aborted) throw new Unavailable('The service is about to stop');
    await this.needs.database.ping();
    const { models, version } = this.needs;
    // Stand-ins are alone.
    return { status: 'ok', version, model: models.all[0]?.language.status ?? 'missing' };
  }
}
