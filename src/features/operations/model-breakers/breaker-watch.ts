import { untilStep, type Timers } from '../../../kernel/timers.js';
import type { ServedModel } from '../../chat/models/model-catalogue.js';
import type { ModelBreakersRepository } from './model-breakers.repository.js';

/** How often an instance that leaves a model alone asks whether it should. In milliseconds. */
const LOOK_MS = 1_000;

interface BreakerWatchNeeds {
  readonly repository: Pick<ModelBreakersRepository, 'agesOfClosings'>;
  readonly models: readonly Pick<ServedModel, 'name' | 'language'>[];
  readonly timers: Timers;
}

/**
 * Closes this instance's breakers that an admin closed on another one, or the operator at the command line. The database is
 * asked only while one is not closed.
 */
export class BreakerWatch {
  readonly #closing = new AbortController();
  #watching: Promise<void> = Promise.resolve();

  constructor(private readonly needs: BreakerWatchNeeds) {}

  open(): void {
    // Stand-ins have no provider that could be left alone.
    if (this.needs.models.some(({ language }) => language.condition !== null)) this.#watching = this.#watch();
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await this.#watching;
  }

  async #watch(): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.needs.timers.sleep(untilStep(LOOK_MS, this.needs.timers.now()), signal);
      await this.#look();
    }
  }

  async #look(): Promise<void> {
    const { models, repository, timers } = this.needs;
    const shut = models.filter(({ language: { condition } }) => condition !== null && condition.state !== 'CLOSED');
    if (shut.length === 0) return;
    try {
      const sentAt = timers.now();
      const ages = await repository.agesOfClosings(shut.map(({ name }) => name));
      // By how long the answer took, a closing may be older than it says; the next look tells more of one that came just now.
      const tookMs = timers.now() - sentAt;
      for (const { name, language } of shut) {
        const agoMs = ages.get(name);
        if (agoMs !== undefined) language.askAgain(agoMs + tookMs);
      }
    } catch {
      // The database logs its own outages, and the next look comes soon.
    }
  }
}
