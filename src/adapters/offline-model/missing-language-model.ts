import { Unavailable } from '../../kernel/errors.js';
import type { LanguageModel, ModelEvent } from '../../ports/language-model.js';

/** Used in production without a model: refuses every question, naming the settings that the operator must set. */
export class MissingLanguageModel implements LanguageModel {
  readonly status = 'missing';
  readonly condition = null;
  readonly description = 'none: set OPENAI_API_KEY';

  askAgain(): void {
    // There is no provider.
  }

  /** @throws Unavailable at the first step */
  stream(): AsyncIterable<ModelEvent> {
    const next = () =>
      Promise.reject(new Unavailable('No language model is configured; the operator must set OPENAI_API_KEY'));
    return { [Symbol.asyncIterator]: () => ({ next }) };
  }
}
