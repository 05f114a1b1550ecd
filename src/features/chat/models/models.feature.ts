import type { Log } from '../../../kernel/log.js';
import type { Database } from '../../../ports/database.js';
import type { LanguageModel } from '../../../ports/language-model.js';
import type { PlanCatalogue } from '../plans/plan.js';
import type { Model } from './model.js';
import { ModelCatalogue, type ServedModel } from './model-catalogue.js';
import { ModelsResolver } from './models.resolver.js';
import { TokenRates } from './token-rates.js';
import { TokenRatesRepository } from './token-rates.repository.js';

interface ModelsFeatureNeeds {
  readonly database: Database;
  readonly plans: Pick<PlanCatalogue, 'of'>;
  /** The configured models, one at least, and what answers for each. */
  readonly configured: readonly (Model & { readonly isDefault: boolean })[];
  readonly models: readonly LanguageModel[];
  readonly currency: string;
  readonly log: Log;
}

/** The models that can be asked: what they may do, what they cost, and who may use them. */
export function modelsFeature({ database, plans, configured, models: languages, currency, log }: ModelsFeatureNeeds) {
  const repository = new TokenRatesRepository(database);
  /** Models of one provider that are the same to it count alike. */
  const rates = new Map<string, TokenRates>();
  const ratesOf = ({ description: model, status }: LanguageModel): TokenRates => {
    const known = rates.get(model) ?? new TokenRates({ repository, model, isExact: status !== 'configured', log });
    rates.set(model, known);
    return known;
  };
  const models = configured.map((model, index): ServedModel => {
    const language = languages[index];
    if (language === undefined) throw new RangeError(`nothing answers for the model ${model.name}`);
    return { ...model, language, rates: ratesOf(language) };
  });
  const defaultName = configured.find(({ isDefault }) => isDefault)?.name ?? configured[0]?.name ?? '';
  const catalogue = new ModelCatalogue({ models, defaultName, plans });
  return {
    catalogue,
    /** Reads what was learned before the start of how providers count. */
    open: async () => {
      await Promise.all([...rates.values()].map((known) => known.open()));
    },
    resolvers: [new ModelsResolver({ catalogue, currency })],
  };
}
