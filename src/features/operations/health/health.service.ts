import type { Database } from '../../../ports/database.js';
import type { LanguageModel } from '../../../ports/language-model.js';
import type { HealthReport } from './health.js';

export interface HealthServiceNeeds {
  readonly database: Pick<Database, 'ping'>;
  readonly model: Pick<LanguageModel, 'status'>;
  readonly version: string;
}

export class HealthService {
  constructor(private readonly needs: HealthServiceNeeds) {}

  /** @throws Unavailable when the database does not answer */
  async check(): Promise<HealthReport> {
    await this.needs.database.ping();
    return { status: 'ok', version: this.needs.version, model: this.needs.model.status };
  }
}
