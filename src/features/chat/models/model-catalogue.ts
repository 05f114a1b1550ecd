import { Invalid, QuotaExceeded } from '../../../kernel/errors.js';
import type { LanguageModel } from '../../../ports/language-model.js';
import type { PlanCatalogue } from '../plans/plan.js';
import type { Model, ModelChoice, ModelSettings } from './model.js';
import { costOf, type TokenCounts } from './price.js';
import type { TokenRates } from './token-rates.js';

/** A model with its provider, and what is known of how that counts tokens. */
export interface ServedModel extends Model {
  readonly language: LanguageModel;
  readonly rates: Pick<TokenRates, 'answerCost' | 'learn' | 'promptCost'>;
}

/** Which models answer a question, and how. */
export interface ModelOrder extends Omit<ModelSettings, 'model'> {
  /** The name of the model that was asked for. */
  readonly requested: string;
  /** The models that may answer, in turn: each one while those before it fail. */
  readonly line: readonly [ServedModel, ...ServedModel[]];
}

interface ModelCatalogueNeeds {
  /** One at least. */
  readonly models: readonly ServedModel[];
  /** The name of the model that is asked where none is named. */
  readonly defaultName: string;
  readonly plans: Pick<PlanCatalogue, 'of'>;
}

/** Settings of a chat that has no conversation. */
export const NO_SETTINGS: ModelSettings = { model: null, instructions: null, temperature: null, maxTokens: null };

/** The configured models, by name. */
export class ModelCatalogue {
  readonly #byName: ReadonlyMap<string, ServedModel>;

  constructor(private readonly needs: ModelCatalogueNeeds) {
    this.#byName = new Map(needs.models.map((model) => [model.name, model]));
  }

  get all(): readonly ServedModel[] {
    return this.needs.models;
  }

  find(name: string): ServedModel | undefined {
    return this.#byName.get(name);
  }

  mayUse(plan: string, { plans }: Pick<Model, 'plans'>): boolean {
    return plans === null || plans.includes(this.needs.plans.of(plan).id);
  }

  /** The model that a user of the plan asks without naming one: the default one, or the first that the plan may use. */
  defaultOf(plan: string): ServedModel {
    const allowed = this.needs.models.filter((model) => this.mayUse(plan, model));
    const model = allowed.find(({ name }) => name === this.needs.defaultName) ?? allowed[0];
    if (model === undefined) throw new QuotaExceeded();
    return model;
  }

  /**
   * @param field of the input that names the model, for the fault
   * @throws Invalid for an unknown model; QuotaExceeded for one that is not in the plan
   */
  get(plan: string, name: string, field: string): ServedModel {
    const model = this.find(name);
    if (model === undefined) {
      const names = this.needs.models.filter((known) => this.mayUse(plan, known)).map((known) => known.name);
      throw new Invalid([{ field, message: `must be one of ${names.join(', ')}` }]);
    }
    if (!this.mayUse(plan, model)) throw new QuotaExceeded();
    return model;
  }

  /**
   * Which models answer a question: the one that the question names, or its conversation does, or the default one; then the
   * fallbacks that the plan may use. A conversation's model that is no longer configured is the default one.
   * @throws as {@link get}
   */
  order(plan: string, { model: named }: ModelChoice, settings: ModelSettings): ModelOrder {
    const { model: stored, ...rest } = settings;
    const known = stored === null ? undefined : this.find(stored);
    const first =
      named != null
        ? this.get(plan, named, 'input.model')
        : known === undefined
          ? this.defaultOf(plan)
          : this.get(plan, known.name, 'input.model');
    return { ...rest, requested: named ?? stored ?? first.name, line: [first, ...this.#fallbacksOf(first, plan)] };
  }

  /** Null where the model has no price, or is no longer configured. */
  costOf(name: string | null, counts: TokenCounts): string | null {
    const price = name === null ? undefined : this.find(name)?.price;
    return price == null ? null : costOf(price, counts);
  }

  #fallbacksOf(first: ServedModel, plan: string): ServedModel[] {
    const fallbacks: ServedModel[] = [];
    for (let name = first.fallback; name !== null;) {
      const next = this.find(name);
      if (next === undefined) break;
      if (this.mayUse(plan, next)) fallbacks.push(next);
      name = next.fallback;
    }
    return fallbacks;
  }
}
