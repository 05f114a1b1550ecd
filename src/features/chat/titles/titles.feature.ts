import type { Database } from '../../../ports/database.js';
import type { JobQueue } from '../../../ports/job-queue.js';
import type { TokenCounter } from '../../../ports/language-model.js';
import type { ConversationsService } from '../conversations/conversations.service.js';
import type { ModelCatalogue } from '../models/model-catalogue.js';
import type { RunningReplyNeeds } from '../replies/running-reply.js';
import type { UsageService } from '../usage/usage.service.js';
import { TitlesRepository } from './titles.repository.js';
import { TITLE_QUEUE, TitlesService } from './titles.service.js';

interface TitlesFeatureNeeds {
  readonly settings: { readonly by: 'model' | 'off'; readonly model: string | undefined };
  readonly database: Database;
  readonly jobs: JobQueue;
  readonly conversations: ConversationsService;
  readonly usage: UsageService;
  readonly models: ModelCatalogue;
  readonly counter: TokenCounter;
}

/** What a part that gives no titles has instead of its parts. */
const OFF: { readonly onComplete: RunningReplyNeeds['onComplete']; readonly work: () => Promise<void> } = {
  onComplete: undefined,
  work: () => Promise.resolve(),
};

/** Titles that a model gives to conversations without one, after the first answer. */
export function titlesFeature({ settings, ...needs }: TitlesFeatureNeeds): typeof OFF {
  if (settings.by === 'off') return OFF;
  const service = new TitlesService({
    ...needs,
    repository: new TitlesRepository(needs.database),
    modelName: settings.model ?? null,
  });
  return {
    onComplete: (sql, reply) => service.askFor(sql, reply),
    /** Starts asking for titles, including those of conversations at other instances. */
    work: async () => {
      await needs.jobs.open(TITLE_QUEUE, 'welcome');
      await needs.jobs.work(TITLE_QUEUE, (job) => service.give(job));
    },
  };
}
