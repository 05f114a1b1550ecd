import type { Database } from '../../../ports/database.js';
import type { LanguageModel } from '../../../ports/language-model.js';
import type { HealthReport } from './health.js';

export class HealthService {
  constructor(
    private readonly database: Pick<Database, 'ping'>,
    private readonly model: Pick<LanguageModel, 'status'>,
    private readonly version: string,
  ) {}

  /** @throws Unavailable when the database does not answer */
  async check(): Promise<HealthReport> {
    await this.database.ping();
    return { status: 'ok', version: this.version, model: this.model.status };
  }
}
