import { join } from 'node:path';
import { DiskObjectStore } from './adapters/disk/disk-object-store.js';
import { MailFolder } from './adapters/disk/mail-folder.js';
import { loadOrMakeSecret } from './adapters/disk/secret-file.js';
import { graphqlRateLimiters } from './adapters/graphql-rate-limit/graphql-rate-limiter.js';
import { PgBossJobQueue } from './adapters/jobs/pg-boss-job-queue.js';
import { MemoryEventLog } from './adapters/memory/memory-event-log.js';
import { MemoryRateLimitStore } from './adapters/memory/memory-rate-limit-store.js';
import { MissingLanguageModel } from './adapters/offline-model/missing-language-model.js';
import { OfflineLanguageModel } from './adapters/offline-model/offline-language-model.js';
import { OpenAiLanguageModel } from './adapters/openai/openai-language-model.js';
import { O200kTokenCounter } from './adapters/openai/token-counter.js';
import { OidcIdentityProvider } from './adapters/oidc/oidc-identity-provider.js';
import { MIGRATIONS } from './adapters/postgres/migrations-directory.js';
import { openDatabase } from './adapters/postgres/open-database.js';
import type { OpenedDatabase } from './adapters/postgres/pool-database.js';
import { PostgresRateLimitStore } from './adapters/postgres/postgres-rate-limit-store.js';
import { connectRedis } from './adapters/redis/redis-client.js';
import { RedisEventLog } from './adapters/redis/redis-event-log.js';
import { RedisRateLimitStore } from './adapters/redis/redis-rate-limit-store.js';
import { S3ObjectStore } from './adapters/s3/s3-object-store.js';
import { SmtpMailer } from './adapters/smtp/smtp-mailer.js';
import type { Config } from './config.js';
import type { Log } from './kernel/log.js';
import { systemClock } from './kernel/clock.js';
import type { EventLog } from './ports/event-log.js';
import type { IdentityProvider } from './ports/identity-provider.js';
import type { JobQueue } from './ports/job-queue.js';
import type { LanguageModel } from './ports/language-model.js';
import type { Mailer } from './ports/mailer.js';
import type { ObjectStore } from './ports/object-store.js';
import type { CreateRateLimiter } from './ports/rate-limiter.js';

/** The external parts of the product, opened according to the settings. */
export interface Adapters {
  readonly database: OpenedDatabase;
  readonly events: EventLog;
  readonly createLimiter: CreateRateLimiter;
  /** Makes limiters that count in the database, for limits that must hold during an outage of Redis. */
  readonly createDurableLimiter: CreateRateLimiter;
  /** Where events and rate limits are kept, for the start-up log. */
  readonly sharedState: string;
  readonly model: LanguageModel;
  readonly counter: O200kTokenCounter;
  readonly files: ObjectStore;
  readonly jobs: JobQueue;
  readonly mailer: Mailer;
  readonly loginProviders: readonly IdentityProvider[];
  /** The keys of access tokens; the first one signs. */
  readonly secrets: readonly string[];
}

/** @param resources closes what was opened, in reverse order */
export async function openAdapters(config: Config, log: Log, resources: AsyncDisposableStack): Promise<Adapters> {
  const database = await openDatabase({
    url: config.databaseUrl,
    dataDirectory: config.dataDirectory,
    migrationsDirectory: MIGRATIONS,
    logger: log,
  });
  resources.defer(() => database.close());
  const jobs = await PgBossJobQueue.open({ database, log });
  resources.defer(() => jobs.close());
  return {
    database,
    jobs,
    mailer: chooseMailer(config, log),
    loginProviders: config.loginProviders.providers.map(
      (settings) => new OidcIdentityProvider({ ...settings, clock: systemClock, log }),
    ),
    createDurableLimiter: graphqlRateLimiters(new PostgresRateLimitStore(database)),
    ...(await openSharedState(config, log, resources)),
    model: chooseModel(config, log),
    counter: new O200kTokenCounter(),
    files: await openFiles(config),
    secrets: config.secrets ?? [await loadOrMakeSecret(config.dataDirectory)],
  };
}

/** The state that instances share: in Redis, or within this process. */
async function openSharedState(
  config: Config,
  log: Log,
  resources: AsyncDisposableStack,
): Promise<Pick<Adapters, 'events' | 'createLimiter' | 'sharedState'>> {
  if (config.redisUrl === undefined) {
    const events = new MemoryEventLog();
    const rateLimits = new MemoryRateLimitStore();
    resources.defer(() => events.close());
    resources.defer(() => rateLimits.close());
    const sharedState = 'in this process (set REDIS_URL to run more than one)';
    return { events, createLimiter: graphqlRateLimiters(rateLimits), sharedState };
  }
  const redis = await connectRedis({ url: config.redisUrl, log });
  resources.defer(() => {
    redis.close();
  });
  const events = new RedisEventLog({ redis });
  resources.defer(() => events.close());
  const createLimiter = graphqlRateLimiters(new RedisRateLimitStore(redis));
  return { events, createLimiter, sharedState: redis.description };
}

/** An OpenAI-compatible server may need no key, so OPENAI_BASE_URL alone selects it. */
function chooseModel({ model, production }: Config, log: Log): LanguageModel {
  if (model.apiKey !== undefined || model.baseUrl !== undefined) {
    return new OpenAiLanguageModel({
      apiKey: model.apiKey ?? 'none',
      baseUrl: model.baseUrl,
      model: model.name,
      log,
    });
  }
  return production ? new MissingLanguageModel() : new OfflineLanguageModel();
}

function chooseMailer({ mail, dataDirectory }: Config, log: Log): Mailer {
  const { smtpUrl, from } = mail;
  return smtpUrl === undefined
    ? new MailFolder({ directory: join(dataDirectory, 'mail'), from, log })
    : new SmtpMailer({ url: smtpUrl, from });
}

function openFiles({ uploads, dataDirectory }: Config): Promise<ObjectStore> {
  return uploads.s3 === undefined ? DiskObjectStore.open(join(dataDirectory, 'files')) : S3ObjectStore.open(uploads.s3);
}
