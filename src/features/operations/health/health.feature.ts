import type { Clock } from '../../../kernel/clock.js';
import type { Timers } from '../../../kernel/timers.js';
import type { ObjectStore } from '../../../ports/object-store.js';
import { AdminHealthResolver } from './admin-health.resolver.js';
import { AdminHealthService } from './admin-health.service.js';
import { HealthResolver } from './health.resolver.js';
import { PartStates, type HealthPart } from './part-states.js';
import { HealthService, type HealthServiceNeeds } from './health.service.js';

interface HealthFeatureNeeds extends HealthServiceNeeds {
  readonly files: Pick<ObjectStore, 'ping'>;
  readonly pingSharedState: (() => Promise<void>) | null;
  /** Whether the database has the migrations of this release: `ok`, or `newer` where a later one has added some. Rejects where some are missing or failed. */
  readonly lookAtMigrations: () => Promise<string>;
  readonly clock: Clock;
  readonly timers: Timers;
}

function partsOf({
  database,
  pingSharedState,
  lookAtMigrations,
  files,
  models,
  leaving,
}: HealthFeatureNeeds): readonly HealthPart[] {
  const pinged = (name: string, ping: () => Promise<void>) => ({ name, look: () => ping().then(() => 'ok') });
  return [
    { name: 'instance', look: () => Promise.resolve(leaving.aborted ? 'draining' : 'ok') },
    pinged('database', () => database.ping()),
    { name: 'migrations', look: lookAtMigrations },
    ...(pingSharedState === null ? [] : [pinged('redis', pingSharedState)]),
    pinged('store', () => files.ping()),
    ...models.all.map(({ name, language }) => ({
      name: `model ${name}`,
      look: () => Promise.resolve((language.condition?.state ?? 'CLOSED').toLowerCase()),
    })),
  ];
}

/** Whoever asks while `work` runs gets its outcome. */
function atOnce(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  return () =>
    (running ??= work().finally(() => {
      running = undefined;
    }));
}

/** Reports whether the service is up, its version and the model's status. */
export function healthFeature({ database, ...others }: HealthFeatureNeeds) {
  // Readiness and its parts are asked for in one breath: the database hears of it once.
  const needs = { ...others, database: { ping: atOnce(() => database.ping()) } };
  const service = new HealthService(needs);
  const states = new PartStates({ ...needs, parts: () => partsOf(needs) });
  return {
    service,
    states,
    resolvers: [new HealthResolver(service), new AdminHealthResolver(new AdminHealthService(states))],
  };
}
