import { join } from 'node:path';
import { DiskObjectStore } from './adapters/disk/disk-object-store.js';
import { DiskStreamJournal } from './adapters/disk/stream-journal.js';
import { MailFolder } from './adapters/disk/mail-folder.js';
import { openDataDirectory } from './adapters/disk/private-directory.js';
import { loadOrMakeSecret } from './adapters/disk/secret-file.js';
import { graphqlRateLimiters } from './adapters/graphql-rate-limit/graphql-rate-limiter.js';
import { PgBossJobQueue } from './adapters/jobs/pg-boss-job-queue.js';
import { MemoryEventBus } from './adapters/memory/memory-event-bus.js';
import { MemoryEventLog } from './adapters/memory/memory-event-log.js';
import { MemoryPersistedDocuments } from './adapters/memory/memory-persisted-documents.js';
import { MemoryRateLimitStore } from './adapters/memory/memory-rate-limit-store.js';
import { MissingLanguageModel } from './adapters/offline-model/missing-language-model.js';
import { OfflineLanguageModel } from './adapters/offline-model/offline-language-model.js';
import { O200kTokenCounter } from './adapters/openai/token-counter.js';
import { EMBEDDED_TEMPLATE } from './adapters/postgres/embedded-template.js';
import { lookAtMigrations, readMigrations } from './adapters/postgres/migrate.js';
import { MIGRATIONS } from './adapters/postgres/migrations-directory.js';
import { openDatabase } from './adapters/postgres/open-database.js';
import type { OpenedDatabase } from './adapters/postgres/pool-database.js';
import { PostgresRateLimitStore } from './adapters/postgres/postgres-rate-limit-store.js';
import { tracedFetch } from './adapters/opentelemetry/traced-fetch.js';
import { tracedModel } from './adapters/opentelemetry/traced-model.js';
import { tracedToolServer } from './adapters/opentelemetry/traced-tool-server.js';
import type { Closing } from './closing.js';
import type { Config, ConfiguredModel } from './config.js';
import type { ToolServerDeclaration } from './features/chat/replies/tool-server-settings.js';
import type { Log } from './kernel/log.js';
import { systemClock } from './kernel/clock.js';
import type { EventBus } from './ports/event-bus.js';
import type { EventLog } from './ports/event-log.js';
import type { IdentityProvider } from './ports/identity-provider.js';
import type { DeadJobs, JobQueue } from './ports/job-queue.js';
import type { LanguageModel } from './ports/language-model.js';
import type { Mailer } from './ports/mailer.js';
import type { QueueFigures } from './ports/metrics.js';
import type { ObjectStore } from './ports/object-store.js';
import type { PersistedDocuments } from './ports/persisted-documents.js';
import type { CreateRateLimiter } from './ports/rate-limiter.js';
import type { ToolServer } from './ports/tool-server.js';
import type { Tracing } from './ports/tracing.js';

/** The external parts of the product, opened according to the settings. */
export interface Adapters {
  readonly database: OpenedDatabase;
  readonly events: EventLog;
  readonly bus: EventBus;
  readonly createLimiter: CreateRateLimiter;
  /** Makes limiters that count in the database, for limits that must hold during an outage of Redis. */
  readonly createDurableLimiter: CreateRateLimiter;
  /** Documents of automatic persisted queries. */
  readonly documents: PersistedDocuments;
  /** Where events and rate limits are kept, for the start-up log. */
  readonly sharedState: string;
  /** Rejects when Redis does not answer; null where nothing is kept there. */
  readonly pingSharedState: (() => Promise<void>) | null;
  /** @returns `ok` or `newer`; rejects when the database lacks a migration of this release, or one failed */
  readonly lookAtMigrations: () => Promise<string>;
  /** What answers for each configured model, in the order of the settings. */
  readonly models: readonly LanguageModel[];
  /** The operator's servers whose tools models may call, in the order of the settings. */
  readonly toolServers: readonly OpenedToolServer[];
  readonly counter: O200kTokenCounter;
  readonly files: ObjectStore;
  readonly jobs: JobQueue & DeadJobs & { figures(): Promise<readonly QueueFigures[]> };
  readonly mailer: Mailer;
  readonly loginProviders: readonly IdentityProvider[];
  /** The keys of access tokens; the first one signs. */
  readonly secrets: readonly string[];
}

/** Who is told of what adapters do. */
interface Told {
  readonly log: Log;
  /** Absent where nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

interface OpenedToolServer extends ToolServerDeclaration {
  readonly server: ToolServer;
}

/**
 * Loads no more packages than the settings ask for, since each costs the start time and memory.
 * @param version of this program, which servers of tools are told
 * @param resources closes what was opened, in reverse order
 */
export async function openAdapters(config: Config, version: string, told: Told, resources: Closing): Promise<Adapters> {
  const { log, tracing } = told;
  const database = await openDatabase({
    url: config.databaseUrl,
    dataDirectory: config.dataDirectory,
    migrationsDirectory: MIGRATIONS,
    embeddedTemplate: EMBEDDED_TEMPLATE,
    logger: log,
    tracing,
    poolSize: config.databasePoolSize,
    preparedStatements: config.preparedStatements,
  });
  resources.defer('the database', () => database.close());
  const jobs = await PgBossJobQueue.open({ database, log, tracing });
  resources.defer('the job queue', () => jobs.close());
  const migrations = await readMigrations(MIGRATIONS);
  return {
    database,
    lookAtMigrations: () => lookAtMigrations((text) => database.query(text), migrations),
    jobs,
    mailer: await chooseMailer(config, log),
    loginProviders: await openLoginProviders(config, log),
    createDurableLimiter: graphqlRateLimiters(new PostgresRateLimitStore(database)),
    ...afterCommit(database, await openSharedState(config, told, resources)),
    models: await Promise.all(config.models.map((model) => openModel(model, config, told))),
    toolServers: await openToolServers(config, version, tracing),
    counter: new O200kTokenCounter(),
    files: await openFiles(config, log),
    secrets: config.secrets ?? [await loadOrMakeSecret(config.dataDirectory)],
  };
}

/** News of an act is published when others can read it. */
function afterCommit<State extends { readonly bus: EventBus }>(database: OpenedDatabase, state: State): State {
  const { bus } = state;
  return {
    ...state,
    bus: {
      publish: (topic, events) => {
        database.afterCommit(() => {
          bus.publish(topic, events);
        });
      },
      subscribe: (topic, signal) => bus.subscribe(topic, signal),
      close: () => bus.close(),
    },
  };
}

/** The state that instances share: in Redis, or within this process. */
async function openSharedState(
  config: Config,
  { log, tracing }: Told,
  resources: Closing,
): Promise<Pick<Adapters, 'bus' | 'events' | 'createLimiter' | 'documents' | 'sharedState' | 'pingSharedState'>> {
  if (config.redisUrl === undefined) {
    await openDataDirectory(config.dataDirectory);
    const journal = new DiskStreamJournal(join(config.dataDirectory, 'replies'), log);
    await journal.open();
    const events = new MemoryEventLog({ journal });
    const bus = new MemoryEventBus();
    resources.defer('the event bus', () => bus.close());
    const rateLimits = new MemoryRateLimitStore();
    resources.defer('the event log', () => events.close());
    resources.defer('rate limits', () => rateLimits.close());
    const sharedState = 'in this process (set REDIS_URL to run more than one)';
    const createLimiter = graphqlRateLimiters(rateLimits);
    const documents = new MemoryPersistedDocuments();
    return { events, bus, createLimiter, documents, sharedState, pingSharedState: null };
  }
  const { connectRedis, RedisEventBus, RedisEventLog, RedisPersistedDocuments, RedisRateLimitStore } =
    await import('./adapters/redis/redis-adapters.js');
  const redis = await connectRedis({ url: config.redisUrl, keyPrefix: config.redisPrefix, log, tracing });
  resources.defer('Redis', () => {
    redis.close();
  });
  const bus = new RedisEventBus(redis, log);
  resources.defer('the event bus', () => bus.close());
  const events = new RedisEventLog({ redis });
  resources.defer('the event log', () => events.close());
  const createLimiter = graphqlRateLimiters(new RedisRateLimitStore(redis));
  const documents = new RedisPersistedDocuments(redis, new MemoryPersistedDocuments());
  const pingSharedState = () => redis.ping();
  return { events, bus, createLimiter, documents, sharedState: redis.description, pingSharedState };
}

/** Each model has a client and a circuit breaker of its own. */
async function openModel(
  { status, id, apiKey, baseUrl }: ConfiguredModel,
  { model, traces: { capturesContent } }: Config,
  { log, tracing }: Told,
): Promise<LanguageModel> {
  if (status === 'missing') return new MissingLanguageModel();
  if (status === 'offline') return new OfflineLanguageModel();
  const { OpenAiLanguageModel } = await import('./adapters/openai/openai-language-model.js');
  const { fetchByNode } = await import('./adapters/openai/http-fetch.js');
  const silenceMs = model.stallSeconds * 1_000;
  const opened = new OpenAiLanguageModel({
    apiKey: apiKey ?? 'none',
    baseUrl,
    model: id,
    log,
    timing: { firstTextMs: silenceMs, silenceMs },
    breaker: { failures: model.breakerFailures, openMs: model.breakerSeconds * 1_000 },
    fetch: tracing && tracedFetch(fetchByNode, tracing),
  });
  return tracing === undefined ? opened : tracedModel(opened, { id, baseUrl, capturesContent }, tracing);
}

async function openToolServers(
  { toolServers }: Config,
  version: string,
  tracing: Tracing | undefined,
): Promise<OpenedToolServer[]> {
  if (toolServers.length === 0) return [];
  const { McpToolServer } = await import('./adapters/mcp/mcp-tool-server.js');
  const send = tracing && tracedFetch(fetch, tracing);
  return toolServers.map((declared) => {
    const timeoutMs = declared.timeoutSeconds * 1_000;
    const server = new McpToolServer({ ...declared, timeoutMs, version, fetch: send });
    return { ...declared, server: tracing === undefined ? server : tracedToolServer(server, declared.name, tracing) };
  });
}

async function chooseMailer({ mail, dataDirectory }: Config, log: Log): Promise<Mailer> {
  const { smtpUrl, from } = mail;
  if (smtpUrl === undefined) return new MailFolder({ directory: join(dataDirectory, 'mail'), from, log });
  const { SmtpMailer } = await import('./adapters/smtp/smtp-mailer.js');
  return new SmtpMailer({ url: smtpUrl, from });
}

async function openLoginProviders({ loginProviders: { providers } }: Config, log: Log): Promise<IdentityProvider[]> {
  if (providers.length === 0) return [];
  const { OidcIdentityProvider } = await import('./adapters/oidc/oidc-identity-provider.js');
  return providers.map((settings) => new OidcIdentityProvider({ ...settings, clock: systemClock, log }));
}

/** Where uploaded files are kept. */
export async function openFiles({ uploads, dataDirectory }: Config, log: Log): Promise<ObjectStore> {
  if (uploads.s3 !== undefined) {
    const { S3ObjectStore } = await import('./adapters/s3/s3-object-store.js');
    return S3ObjectStore.open({ ...uploads.s3, log });
  }
  await openDataDirectory(dataDirectory);
  return DiskObjectStore.open(join(dataDirectory, 'files'), log);
}
