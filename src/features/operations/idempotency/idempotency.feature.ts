import { SecretBox } from '../../../kernel/secret-box.js';
import type { Log } from '../../../kernel/log.js';
import { Sweep } from '../../../kernel/sweep.js';
import type { Timers } from '../../../kernel/timers.js';
import type { Database } from '../../../ports/database.js';
import { Fingerprints } from './fingerprint.js';
import { IdempotencyRepository } from './idempotency.repository.js';
import { IdempotencyService } from './idempotency.service.js';

interface IdempotencyFeatureNeeds {
  readonly database: Database;
  /** The keys of access tokens, of which those of this feature are derived. */
  readonly secrets: readonly string[];
  readonly timers: Timers;
  readonly log: Log;
}

/** Requests that may be sent again: `Idempotency-Key`. It has no field of its own; `src/graphql/idempotency.ts` puts it around others. */
export function idempotencyFeature({ database, secrets, timers, log }: IdempotencyFeatureNeeds) {
  const service = new IdempotencyService({
    database,
    repository: new IdempotencyRepository(database),
    fingerprints: new Fingerprints(secrets),
    box: new SecretBox(secrets, 'idempotency keys'),
    timers,
  });
  const sweep = new Sweep({
    work: async () => {
      await service.sweep();
      return false;
    },
    failure: 'old idempotency keys were not removed; it is tried again',
    timers,
    log,
  });
  return { service, sweep };
}
