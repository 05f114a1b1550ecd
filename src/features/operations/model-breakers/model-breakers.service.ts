import { Forbidden } from '../../../kernel/errors.js';
import type { BreakerState } from '../../../kernel/circuit-breaker.js';
import type { Viewer } from '../../../kernel/viewer.js';
import type { ModelCatalogue } from '../../chat/models/model-catalogue.js';
import type { ModelBreakerRow } from './model-breaker.js';

/** Tells which models are left alone since their providers fail. */
export class ModelBreakersService {
  constructor(private readonly models: Pick<ModelCatalogue, 'all'>) {}

  /** For admins. @throws Forbidden */
  list(viewer: Viewer): readonly ModelBreakerRow[] {
    if (!viewer.isAdmin) throw new Forbidden();
    return this.#rows();
  }

  /** The state of each breaker by the name of its model, for whoever looks after instances. */
  states(): Readonly<Record<string, Lowercase<BreakerState>>> {
    return Object.fromEntries(
      this.#rows().map(({ model, state }) => [model, state.toLowerCase() as Lowercase<BreakerState>]),
    );
  }

  /** A stand-in has no provider that could fail. */
  #rows(): ModelBreakerRow[] {
    return this.models.all.flatMap(({ name, language: { condition, description } }) =>
      condition === null ? [] : [{ model: name, provider: description, ...condition }],
    );
  }
}
