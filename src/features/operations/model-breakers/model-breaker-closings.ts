import { NotFound } from '../../../kernel/errors.js';
import type { AuditLog } from '../../../ports/audit-log.js';
import type { Database } from '../../../ports/database.js';
import type { AccountActor } from '../../identity/accounts/account-actor.js';
import { eventOf } from '../../identity/accounts/account-events.js';
import { requireAdmin } from '../../identity/accounts/accounts.policy.js';
import type { ModelBreakersRepository } from './model-breakers.repository.js';

interface ModelBreakerClosingsNeeds {
  readonly database: Pick<Database, 'transaction'>;
  readonly repository: Pick<ModelBreakersRepository, 'recordClosing'>;
  readonly audit: AuditLog;
  /** The names of the models that have a breaker. */
  readonly models: readonly string[];
}

/** Tells all instances that a model's breaker is to be closed; each looks for itself, while it has one that is not. */
export class ModelBreakerClosings {
  constructor(private readonly needs: ModelBreakerClosingsNeeds) {}

  /**
   * Whether one is open on some instance is not known here, so each call tells them all.
   * @param reason for the audit log alone
   * @throws Forbidden; NotFound
   */
  async record(actor: AccountActor, model: string, reason: string | null): Promise<void> {
    requireAdmin(actor);
    const { database, repository, audit, models } = this.needs;
    if (!models.includes(model)) throw new NotFound('Model breaker');
    await database.transaction(async (sql) => {
      await repository.recordClosing(sql, model);
      const details = { model, ...(reason === null ? {} : { reason }) };
      await audit.record(eventOf('MODEL_BREAKER_CLOSED', actor, null, details), sql);
    });
  }
}
