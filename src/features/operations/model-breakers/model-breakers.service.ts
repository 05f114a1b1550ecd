import { NotFound } from '../../../kernel/errors.js';
import type { BreakerState } from '../../../kernel/circuit-breaker.js';
import type { Database } from '../../../ports/database.js';
import type { ServedModel } from '../../chat/models/model-catalogue.js';
import type { AccountActor } from '../../identity/accounts/account-actor.js';
import { requireAdmin } from '../../identity/accounts/accounts.policy.js';
import type { ModelBreakerClosings } from './model-breaker-closings.js';
import type { ModelBreakerRow } from './model-breaker.js';

interface ModelBreakersServiceNeeds {
  readonly database: Pick<Database, 'afterCommit'>;
  readonly models: readonly Pick<ServedModel, 'name' | 'language'>[];
  readonly closings: Pick<ModelBreakerClosings, 'record'>;
}

/** Tells which models are left alone since their providers fail, and has them asked again. */
export class ModelBreakersService {
  constructor(private readonly needs: ModelBreakersServiceNeeds) {}

  /** For admins. @throws Forbidden */
  list(actor: Pick<AccountActor, 'isAdmin'>): readonly ModelBreakerRow[] {
    requireAdmin(actor);
    return this.#rows();
  }

  /**
   * Has a model asked again that is left alone: by this instance at once, by the others within a second or two. One that is
   * asked stays so.
   * @param reason for the audit log alone
   * @returns the breaker as it is on this instance from then on
   * @throws Forbidden; NotFound
   */
  async close(actor: AccountActor, model: string, reason: string | null): Promise<ModelBreakerRow> {
    const { database, models, closings } = this.needs;
    await closings.record(actor, model, reason);
    const language = models.find(({ name }) => name === model)?.language;
    if (language?.condition == null) throw new NotFound('Model breaker');
    const { condition, description: provider } = language;
    database.afterCommit(() => {
      language.askAgain();
    });
    return { model, provider, ...condition, state: 'CLOSED', failures: 0, openedAt: null, retryAt: null };
  }

  /** The state of each breaker by the name of its model, for whoever looks after instances. */
  states(): Readonly<Record<string, Lowercase<BreakerState>>> {
    return Object.fromEntries(
      this.#rows().map(({ model, state }) => [model, state.toLowerCase() as Lowercase<BreakerState>]),
    );
  }

  /** A stand-in has no provider that could fail. */
  #rows(): ModelBreakerRow[] {
    return this.needs.models.flatMap(({ name, language: { condition, description } }) =>
      condition === null ? [] : [{ model: name, provider: description, ...condition }],
    );
  }
}
