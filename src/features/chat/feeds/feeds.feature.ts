import type { Log } from '../../../kernel/log.js';
import { Sweep } from '../../../kernel/sweep.js';
import type { Timers } from '../../../kernel/timers.js';
import type { Database } from '../../../ports/database.js';
import type { EventBus } from '../../../ports/event-bus.js';
import { EventFeedsRepository } from './event-feeds.repository.js';
import { EventFeeds } from './event-feeds.js';

interface FeedsFeatureNeeds {
  readonly database: Database;
  readonly bus: EventBus;
  readonly timers: Timers;
  readonly log: Log;
  /** Aborts when the server shuts down. */
  readonly closing: AbortSignal;
}

/** Numbered events of conversations and of lists of them, which are kept for those who come back. */
export function feedsFeature({ database, bus, timers, log, closing }: FeedsFeatureNeeds) {
  const repository = new EventFeedsRepository(database);
  return {
    service: new EventFeeds({ repository, bus, timers, closing }),
    sweep: new Sweep({
      work: () => repository.sweep(),
      failure: 'events that have been kept for long enough were not removed; it is tried again',
      timers,
      log,
    }),
  };
}
